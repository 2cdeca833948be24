# shellcheck shell=bash
# What the parts' scripts share. `parts/<name>/get` sources this file, defines three functions, and calls `part`:
#
#   on_path              prints the part's lines for parts.toml when the machine has it already, else fails
#   make_part DIR        makes the part inside DIR, which is empty
#   lines DIR            prints the part's lines for parts.toml when it lies in DIR
#   part WORD...         does the rest; the words join the part's files in its key (CPU flags, Python)
#
# `get` makes the part where it is missing and prints its lines; `get --have` fails instead of making it.
#
# A part lies in ~/.cache/jex/parts/<name>-<key>. It is made in a scratch folder beside that and renamed when whole, so a
# half-made part is never used. What was downloaded or compiled before an interruption is kept by the clients' own caches.

set -euo pipefail
unset CDPATH

parts_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(dirname "$parts_dir")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/jex
parts_cache=$cache/parts
logs=$cache/logs
# shellcheck disable=SC2034 # for scripts that source this
parts_toml=${JEX_PARTS:-$cache/parts.toml}

# Over a line of progress, where there is one.
say() {
    if [[ -t 2 ]]; then printf '\r\033[K' >&2; fi
    printf '%s\n' "$*" >&2
}

fail() {
    say "$*"
    exit 1
}

# progress WORDS SECONDS: a line that is drawn over on a terminal; in a log file one now and then.
progress() {
    if [[ -t 2 ]]; then
        printf '\r\033[K%s… %d s' "$1" "$2" >&2
    elif (($2 % 30 == 1)); then
        say "$1… $2 s"
    fi
}

# lock FILE WORDS: one process at a time, until file descriptor 9 is closed. Says the words when it has to wait.
lock() {
    exec 9>"$1"
    if ! flock --nonblock 9; then
        say "$2: waiting for it."
        flock 9
    fi
}

# toml KEY PATH: one line of parts.toml.
toml() { printf '%s = "%s"\n' "$1" "$2"; }

# value_of KEY: the path that such a line of standard input has.
value_of() { sed -n "s/^$1 = \"\(.*\)\"$/\1/p"; }

# on_path_as KEY PROGRAM: the line for a program that is on PATH already.
on_path_as() {
    local program
    program=$(command -v "$2") || return 1
    toml "$1" "$(realpath "$program")"
}

# The first Python that the pinned wheels serve.
find_python() {
    local python
    for python in python3 python3.13 python3.12 python3.11; do
        # Its own path: what is on PATH may be a shim of pyenv or asdf, with habits of its own.
        "$python" -c 'import sys; (3, 11) <= sys.version_info[:2] < (3, 14) or sys.exit(1); print(sys.executable)' \
            2>/dev/null && return
    done
    fail "No CPython 3.11 to 3.13 on PATH: parts/check tells how to get one."
}

# What a virtual environment depends on: the interpreter it links to, and how it is made.
python_identity() {
    "$(find_python)" -c 'import os, sys; print(os.path.realpath(sys.executable), sys.version_info[:2])'
    declare -f make_venv launcher
}

# The first Chromium that a test can drive. A snap cannot: it has a /tmp and a network of its own.
find_chromium() {
    local name program
    for name in chromium google-chrome-stable google-chrome chromium-browser; do
        program=$(command -v "$name") || continue
        # Ubuntu's chromium-browser is a script that starts the snap.
        if [[ $(realpath "$program") == */snap ]] || grep -qI '/snap/bin' "$program"; then continue; fi
        echo "$program"
        return
    done
    return 1
}

# The folder of PostgreSQL's programs. Debian has one per version, none of them on PATH: the newest is taken.
find_postgresql() {
    local program dir
    if program=$(command -v postgres); then
        dir=$(dirname "$(realpath "$program")")
        if [[ -x $dir/initdb ]]; then
            echo "$dir"
            return
        fi
    fi
    for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV); do
        if [[ -x $dir/postgres && -x $dir/initdb ]]; then
            echo "$dir"
            return
        fi
    done
    return 1
}

# make_venv DIR: a virtual environment with exactly the wheels of requirements.txt. It may be renamed afterwards: its
# python finds its home beside itself, and the scripts with absolute paths that pip writes are replaced by `launcher`.
make_venv() {
    local python
    python=$(find_python)
    "$python" -m venv --without-pip "$1"
    "$python" -m pip --python "$1/bin/python" install --no-deps --only-binary :all: --require-hashes \
        --progress-bar off --no-warn-script-location --disable-pip-version-check -r "$here/requirements.txt"
    find "$1/bin" -type f -exec grep -lIZ . {} + | xargs -0r rm
}

# launcher DIR NAME MODULE [ENV=VALUE...]: DIR/bin/NAME runs `python -m MODULE` of the virtual environment DIR.
launcher() {
    local dir=$1 name=$2 module=$3
    shift 3
    # shellcheck disable=SC2016 # the launcher expands these
    printf '#!/bin/sh\n%sexec "$(dirname "$(readlink -f "$0")")/python" -m %s "$@"\n' \
        "${*:+export $*$'\n'}" "$module" >"$dir/bin/$name"
    chmod +x "$dir/bin/$name"
}

# The folder of an installed package: site_packages DIR.
site_packages() { echo "$1"/lib/python3.*/site-packages; }

part() {
    local name files key dir
    on_path && return
    name=$(basename "$here")
    if [[ ${part_sources:-} ]]; then files=$part_sources; else files=$(find "$here" -type f | LC_ALL=C sort); fi
    key=$({
        printf '%s\n' "$@" "$(uname -m)"
        (cd "$checkout" && xargs -d '\n' sha256sum <<<"${files//"$checkout/"/}")
    } | sha256sum | cut -c1-16)
    dir=$parts_cache/$name-$key

    if [[ ! -e $dir/.whole ]]; then
        [[ $mode == get ]] || return 1
        make_whole "$name" "$dir"
    fi
    touch "$dir/.whole"
    lines "$dir"
}

# make_whole NAME DIR: makes the part in a scratch folder and renames it; one process at a time for each part.
make_whole() {
    local name=$1 dir=$2 scratch made
    mkdir -p "$parts_cache" "$logs"
    lock "$parts_cache/.$name.lock" "Another run is getting $name"
    [[ ! -e $dir/.whole ]] || return 0
    # Whoever made these was interrupted: the lock is ours.
    rm -rf "$parts_cache/$name"-*.partial-*
    scratch=$dir.partial-$$
    mkdir "$scratch"
    # A line of its own: after `||` a function goes on where a command of it fails.
    set +e
    (set -e; make_part "$scratch") >"$logs/$name.log" 2>&1
    made=$?
    set -e
    ((made == 0)) || explain_failure "$name"
    touch "$scratch/.whole"
    rm -rf "$dir"
    mv "$scratch" "$dir"
    # Older makes of this part that nothing has asked for in two weeks; a running JEX may still use a younger one.
    find "$parts_cache" -maxdepth 2 -path "$parts_cache/$name-*/.whole" -mtime +14 -printf '%h\0' | xargs -0r rm -rf
    exec 9>&-
}

# Where one part needs another, this ends up in the log of the one that needs it, and is shown from there.
explain_failure() {
    say "Could not get '$1'. The end of its log ($logs/$1.log):"
    tail -n 20 "$logs/$1.log" | sed 's/^/    /' >&2
    exit 1
}

here=$(cd "$(dirname "$0")" && pwd)
mode='get'
[[ ${1:-} != --have ]] || mode=have
