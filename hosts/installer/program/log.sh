# shellcheck shell=bash
# What is done is on the screen and in a file, which ends up on the new system as well.

log() { printf '%(%F %T)T  %s\n' -1 "$*" >>"$JEX_LOG"; }

say() {
    log "$*"
    printf '%s\n' "$*"
}

# fail WHAT REMEDY: the end. `disk-state.sh` says what it means for the disk.
fail() {
    log "FAILED: $1 $2"
    printf '\n%s\n%s\n' "$1" "$2" >&2
    exit 1
}

# attempt WORDS COMMAND...: runs a command, with what it prints on the screen and in the log. Its exit status is returned,
# so it is called where a command may fail.
attempt() {
    local status
    say "$1"
    log "+ ${*:2}"
    # Ctrl-C ends the command, and what it said last is still written down.
    "${@:2}" 2>&1 </dev/null | tee --append --ignore-interrupts "$JEX_LOG"
    status=${PIPESTATUS[0]}
    if ((status >= 128)); then exit "$status"; fi
    return "$status"
}

# step WORDS REMEDY COMMAND...: as above; where it fails it is the end.
step() {
    local status=0
    attempt "$1" "${@:3}" || status=$?
    ((status == 0)) || fail "This did not work (exit status $status): $1" "$2"
}
