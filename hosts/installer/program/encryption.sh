# shellcheck shell=bash
# Whether the disk is encrypted, and by what it is opened.
# shellcheck disable=SC2154 # passphrase_file is of disk-state.sh

# ask_encryption: prints none, passphrase or tpm2, as the option jex.disk.luks has it.
ask_encryption() {
    local choices=(
        none 'No: whoever takes the disk can read it'
        passphrase 'A passphrase, typed at the console at each start'
    )
    if has_tpm2; then
        choices+=(tpm2 "This machine's TPM: starts by itself; no help when the whole machine is taken")
    fi
    choose 'Encryption' 'Encrypt the disk?' "${choices[@]}"
}

# why_not_passphrase FIRST SECOND: prints what is wrong with it, if anything is.
why_not_passphrase() {
    if [[ $1 != "$2" ]]; then
        echo 'The two differ.'
    elif ((${#1} < 10)); then
        echo 'It is too short: take ten characters or more, four words for example.'
    elif [[ $1 == *[!\ -~]* ]]; then
        # The console at the start may have another keyboard than the one that it is typed on now.
        echo 'Take characters only that every keyboard has: no umlauts, no accents.'
    fi
}

# ask_passphrase: leaves it in the file that the disk layout reads.
ask_passphrase() {
    local first second why=start
    while [[ $why ]]; do
        first=$(secret 'Passphrase' 'A passphrase for the disk. With a TPM it is for the day when that refuses, after a change of the firmware for example. Keep it: nothing else opens the disk then.')
        second=$(secret 'Passphrase' 'The same passphrase again:')
        why=$(why_not_passphrase "$first" "$second")
        [[ ! $why ]] || show 'Passphrase' "$why"
    done
    (umask 077 && printf '%s' "$first" >"$passphrase_file")
}
