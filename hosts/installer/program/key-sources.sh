# shellcheck shell=bash
# Where the owner's key comes from: typed or pasted, on a USB stick, or from the owner's page at a forge.

# keys_on_sticks TYPES: of every stick that is plugged in and not in use, the keys in its files.
keys_on_sticks() {
    local partition folder
    folder=$(mktemp --directory)
    while read -r partition; do
        mount --options ro,nosuid,nodev,noexec "$partition" "$folder" 2>>"$JEX_LOG" || continue
        log "looking for keys on $partition"
        find "$folder" -maxdepth 2 -type f \( -name '*.pub' -o -name 'authorized_keys*' \) -size -64k \
            -exec awk 1 {} + 2>>"$JEX_LOG"
        umount "$folder"
    done < <(list_block_devices | stick_partitions "$1")
    rmdir "$folder"
}

# stick_partitions TYPES: from `list_block_devices`, what may be a file system of a stick. A disk that is built in is not looked into.
stick_partitions() {
    jq --raw-output --arg types "$1" '
        def tree: ., ((.children // [])[] | tree);
        .blockdevices[]
        | select(.type as $type | $types | split(" ") | index($type))
        | select(.hotplug or .tran == "usb" or .type == "loop")
        | tree
        | select(all(.mountpoints[]?; . == null))
        | .path'
}

# forge_address NAME: where a forge lists the public keys of NAME, which may begin with another forge: codeberg.org/ada
forge_address() {
    local forge=github.com name=$1
    if [[ $name == */* ]]; then
        forge=${name%%/*}
        name=${name#*/}
    fi
    [[ $forge =~ ^[A-Za-z0-9.-]+(:[0-9]+)?$ && $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || return 1
    echo "https://$forge/$name.keys"
}

# keys_from_forge ADDRESS
keys_from_forge() { curl --silent --show-error --fail --location --max-time 20 --max-filesize 1000000 "$1" 2>>"$JEX_LOG"; }

# own_keys KEY...: the owner says which of these are the owner's. A stranger's key would let the stranger in.
own_keys() {
    local found=("$@") choices=() index marked
    for index in "${!found[@]}"; do choices+=("$index" "$(fingerprint "${found[index]}")" on); done
    marked=$(mark 'SSH key' $'Which of these may log in?\n\nTo compare: ssh-keygen -l -f ~/.ssh/id_ed25519.pub' "${choices[@]}")
    for index in $marked; do printf '%s\n' "${found[index]}"; done
}

# keys_by SOURCE: prints what was found there; nothing, after saying why, where there is none.
keys_by() {
    local typed address why
    case $1 in
    paste)
        typed=$(enter 'SSH key' 'Your public SSH key, on one line (paste it, or type it):')
        why=$(why_not_key "$typed")
        if [[ $why ]]; then show 'SSH key' "$why"; else printf '%s\n' "$typed"; fi
        ;;
    stick)
        show 'SSH key' 'Copy your public key (a file that ends in .pub) to a USB stick, plug it in, and go on.'
        # It takes a moment to show up.
        command -v udevadm >/dev/null && udevadm settle --timeout 10
        keys_on_sticks "$JEX_DISK_TYPES" | good_keys
        ;;
    forge)
        typed=$(enter 'SSH key' 'Your user name at GitHub, or at another forge as in codeberg.org/ada:')
        if ! address=$(forge_address "$typed"); then
            show 'SSH key' "\"$typed\" is no user name."
        elif ! keys_from_forge "$address" | good_keys; then
            show 'SSH key' "Nothing came from $address. Is the name right?"
        fi
        ;;
    esac
}

# ask_keys NETWORK: prints at least one key, a line each.
ask_keys() {
    local source found lines chosen='' choices=(
        paste 'Paste or type it'
        stick 'From a USB stick'
    )
    [[ $1 == no ]] || choices+=(forge 'From GitHub or another forge, by your user name')
    while [[ ! $chosen ]]; do
        source=$(choose 'SSH key' 'You log in to the machine by an SSH key; there is no password. Where is your public key?' "${choices[@]}")
        found=$(keys_by "$source")
        if [[ $found ]]; then
            mapfile -t lines <<<"$found"
            chosen=$(own_keys "${lines[@]}")
        elif [[ $source != paste ]]; then
            show 'SSH key' 'No public SSH key was found there.'
        fi
    done
    log "keys: $(grep --count . <<<"$chosen")"
    printf '%s\n' "$chosen"
}
