# shellcheck shell=bash
# shellcheck disable=SC2154 # passphrase_file is of disk-state.sh
# What writes to the disk.

# partition DISK LUKS: erases the disk and mounts its new file systems.
partition() {
    # shellcheck disable=SC2034 # disk-state.sh tells them
    disk_at_work=$1 disk_state=partitioning
    # The layouts are made for this name, so that none has to be built here.
    ln -sfn "$1" /dev/jex-target
    step "Partitioning $1" \
        'Is the disk in use, or failing? What the kernel says: dmesg. With another disk, or after a restart, start again.' \
        "$(medium ".layouts.$2")" --yes-wipe-all-disks
    mountpoint --quiet "$JEX_TARGET" || fail "The disk was partitioned, but nothing is mounted at $JEX_TARGET." "See $JEX_LOG, and start again: jex-install"
    disk_state=installing
}

# install_system TIER LUKS KEYS
install_system() {
    local how=(nixos-install --root "$JEX_TARGET" --no-root-passwd --no-channel-copy)
    if is_carried "$1"; then
        # This system is the same for every owner, so the owner's keys lie beside it until the first rebuild.
        install -D --mode 644 /dev/stdin "$JEX_TARGET/var/lib/jex-owner/$(medium .owner)" <<<"$3"
        step "Copying the system: $(expectation "$1" "$2")" \
            'Is the medium damaged? Write it anew, or use another stick.' \
            "${how[@]}" --system "$(of_tier "$1" ".systems.$2")"
    else
        # Built in the new system's own store: the memory that this one runs in would not hold it.
        until attempt "Downloading and building the system: $(expectation "$1" "$2")" "${how[@]}" --flake "$JEX_TARGET/etc/nixos#jex"; do
            agree 'Not finished' "The system is not complete. Was the network lost? The reason is above this box, and in $JEX_LOG.\n\nTry again? What was downloaded and built is kept."
        done
    fi
    # shellcheck disable=SC2034 # disk-state.sh tells it
    disk_state=installed
}

# enroll_tpm LUKS: so that the TPM opens the disk. Without it the passphrase does, so that is no reason to end.
enroll_tpm() {
    [[ $1 == tpm2 ]] || return 0
    local enroll=(systemd-cryptenroll --tpm2-device=auto --tpm2-pcrs=7 /dev/disk/by-partlabel/disk-main-root)
    say 'Giving the key of the disk to the TPM'
    if ! "${enroll[@]}" --unlock-key-file="$passphrase_file" 2>&1 | tee --append "$JEX_LOG"; then
        say "The TPM did not take it. The passphrase opens the disk; to try again on the new system: sudo ${enroll[*]}"
    fi
}

# finish: the log goes along, and the disk may be taken out.
finish() {
    say 'Writing everything to the disk'
    install -D --mode 600 "$JEX_LOG" "$JEX_TARGET/var/log/jex-install.log"
    sync
    release_target
}
