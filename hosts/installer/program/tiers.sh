# shellcheck shell=bash
# What kind of JEX, and what each needs. A kind whose system is on the medium needs no network.

# medium FILTER, of_tier NAME FILTER: from what the medium says of itself, by jq.
medium() { jq --raw-output "$1" "$JEX_MEDIUM/medium.json"; }
of_tier() { jq --raw-output --arg tier "$1" ".tiers[\$tier] | $2" "$JEX_MEDIUM/medium.json"; }

is_carried() { [[ $(of_tier "$1" '.systems != null') == true ]]; }

# ask_tier NETWORK: prints its name.
ask_tier() {
    local name choices=() text='What kind of JEX?'
    while read -r name; do
        [[ $1 == yes ]] || is_carried "$name" || continue
        choices+=("$name" "$(printf '%-11s %s' "$name" "$(of_tier "$name" .title)")")
    done < <(medium '.tiers | keys[]')
    if [[ $1 == no ]]; then
        text+=$'\n\nThere is no network, so only what this medium carries can be installed. For the others plug a cable in,\nor join a wireless network (nmtui) for the time of the installation, and start again: jex-install'
    fi
    if ((${#choices[@]} == 0)); then
        fail 'There is no network, and this medium carries no system.' \
            'Plug a cable in, or join a wireless network (nmtui), and start again: jex-install'
    fi
    choose 'Kind' "$text" "${choices[@]}"
}

# bytes_of TIER LUKS: what is to be got, from the network or from the medium.
bytes_of() {
    if is_carried "$1"; then
        cat "$(of_tier "$1" ".sizes.$2")"
    else
        of_tier "$1" '.downloadGiB * 1073741824 | floor'
    fi
}

# lacks TIER: what the machine has too little of for it, a line each.
lacks() {
    local needed
    needed=$(of_tier "$1" .memoryGiB)
    if (($(memory_gib) < needed)); then
        echo "* It has $(memory_gib) GiB of memory, and $1 wants $needed or more: answers may come late or not at all."
    fi
    if [[ $(of_tier "$1" '.nvidia // false') == true ]] && ! has_nvidia; then
        echo '* No NVIDIA card was found: everything would run on the processor, slowly. jex-cpu is made for that.'
    fi
    if is_wireless; then
        echo '* It is in a wireless network now. JEX itself uses a cable only: plug one in before the restart, or nobody can reach it.'
    fi
}

# warn_of_what_lacks TIER
warn_of_what_lacks() {
    local what
    what=$(lacks "$1")
    [[ ! $what ]] || agree 'This machine' "$what"$'\n\nInstall all the same?'
}

# expectation TIER LUKS: size and time, in words.
expectation() {
    local size
    size=$(in_gb "$(bytes_of "$1" "$2")")
    if is_carried "$1"; then
        echo "$size are copied from this medium; $(of_tier "$1" .time)."
    else
        echo "About $size are downloaded; $(of_tier "$1" .time)."
    fi
}

# confirm TIER DISK LUKS KEYS: the last question. Only the disk's own name is a yes.
confirm() {
    local name=${2#/dev/} typed text
    text="Kind:        $1
Disk:        $name
Encryption:  $3
SSH keys:    $(grep --count . <<<"$4")

$(expectation "$1" "$3")

EVERYTHING ON $name WILL BE ERASED. To begin, type its name: $name"
    while true; do
        typed=$(enter 'Ready' "$text")
        [[ $typed != "$name" ]] || break
        show 'Not begun' "You typed \"$typed\". The name of the disk is: $name"
    done
    log "confirmed: $1 on $2, encryption $3"
}
