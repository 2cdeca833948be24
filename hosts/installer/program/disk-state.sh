# shellcheck shell=bash
# Wherever it ends, whoever sits there learns what state the disk is in.

disk_state=untouched
disk_at_work=
passphrase_file=/run/jex-disk-passphrase

# Nothing stays mounted or open, so that the installer can be started again and the disk be taken out.
release_target() {
    ! mountpoint --quiet "$JEX_TARGET" || umount --recursive "$JEX_TARGET" || true
    [[ ! -e /dev/mapper/jex ]] || cryptsetup close jex || true
    rm -f "$passphrase_file" /dev/jex-target
}

# tell_disk_state STATUS
tell_disk_state() {
    local status=$1
    trap '' INT TERM HUP
    [[ $disk_state == untouched ]] || release_target >>"$JEX_LOG" 2>&1
    rm -f "$passphrase_file"
    ((status != 0)) || return 0
    log "ended with exit status $status, disk: $disk_state $disk_at_work"
    echo
    case $disk_state in
    untouched)
        echo 'Nothing was written to any disk.'
        ;;
    partitioning)
        echo "$disk_at_work was being partitioned: what was on it is lost, and it holds no system yet."
        ;;
    installing)
        echo "$disk_at_work is partitioned, but JEX is on it in part only: it does not start from it."
        ;;
    installed)
        echo "JEX is on $disk_at_work and starts from it; only what was said last did not work."
        ;;
    esac
    [[ $disk_state == installed ]] || echo 'To begin again from the first question: jex-install'
    echo "Everything that was done is in $JEX_LOG."
}
