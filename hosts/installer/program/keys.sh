# shellcheck shell=bash
# The owner's public SSH key: the only way into the machine, so it has to be right.

# why_not_key LINE: prints what is wrong with it, if anything is.
why_not_key() {
    local about bits kind
    if [[ $1 == *'PRIVATE KEY'* ]]; then
        echo 'That is a private key. It stays where it is; give the public one, of the file that ends in .pub.'
    elif [[ $1 == ssh-dss\ * ]]; then
        echo 'That is a DSA key, which SSH does not take any more. Make a new one: ssh-keygen -t ed25519'
    elif [[ ! $1 =~ ^(ssh-|ecdsa-|sk-)[A-Za-z0-9@.-]+\ +[A-Za-z0-9+/=]+(\ .*)?$ ]]; then
        echo 'That is no public SSH key. One is a single line such as: ssh-ed25519 AAAAC3Nza... ada@laptop'
    elif ! about=$(ssh-keygen -l -f - <<<"$1" 2>/dev/null); then
        echo 'That looks like a public SSH key, but it is damaged: was all of the line copied?'
    else
        bits=${about%% *}
        kind=${about##*(}
        if [[ $kind == 'RSA)' ]] && ((bits < 2048)); then
            echo "That RSA key has $bits bits; 2048 are the least. Make a new one: ssh-keygen -t ed25519"
        fi
    fi
}

# good_keys: of the lines that come in, each key that can be used, once.
good_keys() {
    local line
    declare -A seen=()
    while IFS= read -r line || [[ $line ]]; do
        line=${line%$'\r'}
        [[ $line && ! ${seen[$line]:-} && ! $(why_not_key "$line") ]] || continue
        seen[$line]=yes
        printf '%s\n' "$line"
    done
}

# fingerprint KEY: the words by which people know it.
fingerprint() { ssh-keygen -l -f - <<<"$1"; }
