# shellcheck shell=bash
# Lays a model in one file out as Ollama's folder has it.
#
#   from-gguf.sh OUT MANIFEST GGUF TEMPLATE PARAMETERS
#
# OUT gets the blobs, links to the files given, and the manifest at that path within it.

out=$1 manifest=$1/$2 gguf=$3 template=$4 parameters=$5
kind=application/vnd.ollama.image
mkdir -p "$out/blobs" "$(dirname "$manifest")"

# layer KIND FILE: puts the file among the blobs, and prints what a manifest says of it.
layer() {
    local digest size
    digest=$(sha256sum "$2" | cut -d ' ' -f 1)
    size=$(stat -L -c %s "$2")
    ln -sfn "$(realpath "$2")" "$out/blobs/sha256-$digest"
    jq -nc --arg kind "$1" --arg digest "sha256:$digest" --argjson size "$size" \
        '{mediaType: $kind, digest: $digest, size: $size}'
}

model=$(layer "$kind.model" "$gguf")
layers=$(printf '%s\n' "$model" "$(layer "$kind.template" "$template")" "$(layer "$kind.params" "$parameters")")

jq -c '{model_format: "gguf", architecture: "amd64", os: "linux", rootfs: {type: "layers", diff_ids: [.digest]}}' \
    <<<"$model" >"$out/config.json"
config=$(layer application/vnd.docker.container.image.v1+json "$out/config.json")

jq -c --slurp --argjson config "$config" \
    '{schemaVersion: 2, mediaType: "application/vnd.docker.distribution.manifest.v2+json", config: $config, layers: .}' \
    <<<"$layers" >"$manifest"
