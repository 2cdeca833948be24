# shellcheck shell=bash
# Shows pinned models in Ollama's own folder, beside those that it pulled. Nothing is copied.
#
#   link.sh MODELS STORE [PINNED...]
#
# MODELS is Ollama's folder, STORE where pinned files lie, PINNED a folder with `blobs` and `manifests`.

models=$1 store=$2
shift 2
mkdir -p "$models/blobs" "$models/manifests"

# What was pinned before may be no more.
find "$models" -type l -lname "$store/*" -delete
find "$models/manifests" -mindepth 1 -type d -empty -delete

for pinned in "$@"; do
    while IFS= read -r -d '' file; do
        mkdir -p "$models/$(dirname "$file")"
        ln -sfn "$(realpath "$pinned/$file")" "$models/$file"
    done < <(cd "$pinned" && find -L blobs manifests -type f -print0)
done
