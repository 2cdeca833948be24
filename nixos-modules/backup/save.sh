# shellcheck shell=bash
# jex-backup: everything that JEX cannot make again, encrypted, as a snapshot in the owner's repository.
#
#   jex-backup now        takes a snapshot, and lets go of those that are too old
#   jex-backup list       shows the snapshots
#   jex-backup check      reads a part of the repository, to see that it can be read
#   jex-backup password   shows the password, without which nobody can read it
#
# JEX_STATE: a folder of its own; JEX_PATHS: a file with one path a line; JEX_KEEP: restic's --keep-… options;
# JEX_SETTINGS: jex.toml; RESTIC_PASSWORD_FILE: the password.

there() {
    local status=0
    archive cat config >/dev/null 2>"$JEX_STATE/said" || status=$?
    case $status in
    0) return 0 ;;
    # Restic's word for: nothing is there yet.
    10) return 1 ;;
    *) refuse "The repository $RESTIC_REPOSITORY cannot be opened: $(tail -n 1 "$JEX_STATE/said")" \
        "Is its disk mounted, its server reachable, and is $RESTIC_PASSWORD_FILE its password?" ;;
    esac
}

now() {
    local stage=$JEX_STATE/stage path
    exec 9>"$JEX_STATE/lock"
    flock --nonblock 9 || refuse "Another backup runs: journalctl --follow --unit jex-backup shows it."
    there || archive init

    rm -rf "$stage"
    mkdir -m 700 "$stage" "$stage/heads"
    trap 'rm -rf "$JEX_STATE/stage"' EXIT
    # Before the databases: an audit that goes on after the head that is kept of it is whole, one that ends before is not.
    while IFS= read -r path; do
        [[ ! -e $path/audit-head.json ]] || cp --parents --preserve "$path/audit-head.json" "$stage/heads"
    done <"$JEX_PATHS"
    dump_databases "$stage/databases" ||
        refuse "The databases could not be dumped, so there is no backup. See journalctl -u postgresql."
    cp "$JEX_SETTINGS" "$stage/jex.toml"
    while IFS= read -r path; do
        # What was never used is not there yet.
        [[ ! -e $path ]] || printf '%s\n' "$path"
    done <"$JEX_PATHS" >"$stage/paths"

    archive backup --tag jex --host "$(uname -n)" --files-from-verbatim "$stage/paths" "$stage"
    # shellcheck disable=SC2086 # several options
    archive forget --tag jex --host "$(uname -n)" $JEX_KEEP --prune --quiet
    date --utc +%s >"$JEX_STATE/last-success"
    [[ -e $JEX_STATE/password-kept ]] || remind
}

remind() {
    echo "This backup is worth nothing without its password, which only this machine knows. Keep it elsewhere: sudo jex-backup password"
}

password() {
    cat "$RESTIC_PASSWORD_FILE"
    echo
    echo "Write it down, or put it into your password manager: jex-restore asks for it on another machine." >&2
    touch "$JEX_STATE/password-kept"
}

case ${1-} in
now) now ;;
list) archive snapshots --tag jex ;;
check) archive check --read-data-subset=5% ;;
password) password ;;
*) refuse "jex-backup now | list | check | password" ;;
esac
