# shellcheck shell=bash
# Which disk. Never the one that this medium runs from, nor one that is in use.

list_block_devices() {
    lsblk --json --bytes --output NAME,PATH,TYPE,SIZE,MODEL,TRAN,RO,HOTPLUG,LABEL,PARTLABEL,MOUNTPOINTS
}

# free_disks LABEL TARGET TYPES: from `list_block_devices`, path, bytes and words for each disk that may be written to.
# LABEL is that of the medium's file system: one that runs from memory is not mounted any more.
free_disks() {
    jq --raw-output --arg medium "$1" --arg target "$2" --arg types "$3" '
        def tree: ., ((.children // [])[] | tree);
        # Swap is let go of when the disk is partitioned.
        def used: . != null and . != "[SWAP]" and . != $target and (startswith($target + "/") | not);
        .blockdevices[]
        | select(.type as $type | $types | split(" ") | index($type))
        | select((.ro | not) and .size > 0 and (.name | startswith("zram") | not))
        | select(any(tree; .label == $medium or any(.mountpoints[]?; used)) | not)
        | [.path, .size, ([.model // "disk of an unknown model", .tran // empty] | map(gsub("\\s+"; " ") | ltrimstr(" ") | rtrimstr(" ")) | join(", "))]
        | @tsv'
}

# other_jex_disks DISK: from `list_block_devices`, the other disks that hold partitions with the names of ours.
other_jex_disks() {
    jq --raw-output --arg disk "$1" '
        def tree: ., ((.children // [])[] | tree);
        .blockdevices[] | select(.path != $disk) | select(any(tree; (.partlabel // "") | startswith("disk-main-"))) | .path'
}

# lasting_name DISK [FOLDER]: its name that does not depend on which disk is found first, where it has one.
lasting_name() {
    local link name=$1
    for link in "${2:-/dev/disk/by-id}"/*; do
        [[ -e $link && $(realpath "$link") == "$(realpath "$1")" ]] || continue
        name=$link
        # The name with the vendor and model is the one that people can read.
        [[ ${link##*/} == wwn-* || ${link##*/} == nvme-eui.* ]] || break
    done
    echo "$name"
}

# ask_disk TIER: prints the disk's path.
ask_disk() {
    local needed path size words choices=() others chosen
    needed=$(of_tier "$1" '.diskGiB * 1073741824 | floor')
    while IFS=$'\t' read -r path size words; do
        log "disk $path, $size bytes, $words"
        if ((size >= needed)); then choices+=("$path" "${path#/dev/}   $(in_gb "$size")   $words"); fi
    done < <(list_block_devices | free_disks "$(medium .label)" "$JEX_TARGET" "$JEX_DISK_TYPES")
    if ((${#choices[@]} == 0)); then
        fail "There is no disk that can be installed on: $1 needs one of $(in_gb "$needed") or more that is not in use." \
            'Put one in, or choose another kind of JEX, and start again: jex-install. To see what is there: lsblk'
    fi
    chosen=$(choose 'Disk' 'On which disk? Everything on it will be erased.' "${choices[@]}")
    others=$(list_block_devices | other_jex_disks "$chosen")
    if [[ $others ]]; then
        fail "$others holds an older JEX, and a machine with two could start from the wrong one." \
            "Choose that disk, take it out, or erase it (wipefs --all ${others%%$'\n'*}*), and start again: jex-install"
    fi
    echo "$chosen"
}
