# shellcheck shell=bash
# What this machine has.

is_online() { curl --silent --fail --max-time 8 --output /dev/null "$JEX_CACHE"; }

memory_gib() { awk '$1 == "MemTotal:" { print int($2 / 1048576) }' /proc/meminfo; }

# has_nvidia: whether there is a display controller of theirs.
has_nvidia() {
    local device
    for device in "$JEX_SYS"/bus/pci/devices/*; do
        [[ -e $device/vendor && $(<"$device/vendor") == 0x10de && $(<"$device/class") == 0x03* ]] && return
    done
    return 1
}

has_tpm2() {
    local version=$JEX_SYS/class/tpm/tpm0/tpm_version_major
    [[ -e $version && $(<"$version") == 2 ]]
}

boots_by_uefi() { [[ -d $JEX_SYS/firmware/efi ]]; }

# Whether the network is reached by a wireless interface, which JEX itself does not use.
is_wireless() {
    local interface
    interface=$(ip -json route show default | jq --raw-output '.[0].dev // empty')
    [[ $interface && -d $JEX_SYS/class/net/$interface/wireless ]]
}

# Addresses of this machine in its network, which DHCP mostly gives to the new system again.
own_addresses() { ip -json -4 address show scope global | jq --raw-output '.[].addr_info[].local'; }

# in_gb BYTES: as people and vendors count.
in_gb() { awk -v bytes="$1" 'BEGIN { gb = bytes / 1e9; printf(gb < 10 ? "%.1f GB" : "%.0f GB", gb) }'; }
