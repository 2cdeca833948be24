# shellcheck shell=bash
# The owner's restic repository. RESTIC_REPOSITORY names it; JEX_CREDENTIALS is a file of NAME=VALUE lines, or empty;
# JEX_SSH_KEY is the key for a repository by sftp, or empty.

if [[ -n $JEX_CREDENTIALS ]]; then
    [[ -r $JEX_CREDENTIALS ]] || refuse "There is no $JEX_CREDENTIALS, which services.jex.backup.environmentFile names."
    while IFS='=' read -r variable value; do
        [[ -z $variable || $variable == '#'* ]] || export "$variable=$value"
    done <"$JEX_CREDENTIALS"
fi

options=(--cache-dir "$JEX_STATE/cache")
if [[ -n $JEX_SSH_KEY ]]; then
    options+=(--option "sftp.args=-i $JEX_SSH_KEY -o IdentitiesOnly=yes -o BatchMode=yes")
fi

archive() { restic "${options[@]}" "$@"; }
