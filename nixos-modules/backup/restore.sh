# shellcheck shell=bash
# jex-restore: makes this machine what a snapshot says. Nothing is touched before all of it has been read.
#
#   jex-restore [--repository REPOSITORY] [--password-file FILE] [--yes] [SNAPSHOT]
#
# SNAPSHOT is an identifier out of `jex-backup list`; without it the latest is taken. Without --password-file the password
# is asked for. JEX_STATE, RESTIC_REPOSITORY, JEX_CREDENTIALS, JEX_SSH_KEY as for jex-backup; JEX_UNITS: who must not run
# meanwhile; JEX_ASIDE: a path that is put beside the one that is there.

snapshot=latest sure=
unset RESTIC_PASSWORD_FILE
while (($#)); do
    case $1 in
    --repository) export RESTIC_REPOSITORY=$2 && shift 2 ;;
    --password-file) export RESTIC_PASSWORD_FILE=$2 && shift 2 ;;
    --yes) sure=yes && shift ;;
    -*) refuse "jex-restore [--repository REPOSITORY] [--password-file FILE] [--yes] [SNAPSHOT]" ;;
    *) snapshot=$1 && shift ;;
    esac
done
[[ -n ${RESTIC_REPOSITORY-} ]] ||
    refuse "Which repository? Name it with --repository, or set services.jex.backup.target."
if [[ -z ${RESTIC_PASSWORD_FILE-} ]]; then
    read -r -s -p "Password of the backup: " RESTIC_PASSWORD
    echo
    export RESTIC_PASSWORD
fi

exec 9>"$JEX_STATE/lock"
flock --nonblock 9 || refuse "A backup or another restore runs: wait for its end."
scratch=$(mktemp -d "$JEX_STATE/restore.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

echo "Reading $RESTIC_REPOSITORY …"
archive restore "$snapshot" --tag jex --target "$scratch/files" >/dev/null ||
    refuse "The snapshot could not be read; nothing was changed." \
        "Is its disk mounted or its server reachable, and is the password the one of the machine that made it?"

# The machine that made it may have kept its state elsewhere.
stage=$(dirname "$(find "$scratch/files" -path '*/stage/paths' -print -quit)")
[[ -s $stage/paths ]] || refuse "The snapshot holds no backup of JEX; nothing was changed."
for dump in "$stage"/databases/*.dump; do
    [[ ! -e $dump ]] || pg_restore --list "$dump" >/dev/null ||
        refuse "$(basename "$dump") in the snapshot is damaged; nothing was changed. Try an older one: jex-backup list"
done

if [[ -z $sure ]]; then
    echo "The snapshot replaces all workflows, accounts, secrets and keys of this machine."
    read -r -p "Type yes to go on: " sure
    [[ $sure == yes ]] || refuse "Nothing was changed."
fi

# shellcheck disable=SC2086 # several units
systemctl stop $JEX_UNITS

while IFS= read -r path; do
    target=$path
    [[ $path != "$JEX_ASIDE" ]] || target=$path.from-backup
    mkdir -p "$scratch/before$(dirname "$target")" "$(dirname "$target")"
    [[ ! -e $target ]] || mv "$target" "$scratch/before$target"
    mv "$scratch/files$path" "$target"
done < <(sort "$stage/paths" | awk 'NR == 1 || index($0, last "/") != 1 { print; last = $0 }')

if [[ -d $stage/heads ]]; then
    while IFS= read -r path; do
        cp --preserve "$stage/heads/$path" "/$path"
    done < <(find "$stage/heads" -type f -printf '%P\n')
fi

systemctl start postgresql.target
# Roles that are there already are left as they are.
as_postgres psql --no-psqlrc --quiet --dbname=postgres <"$stage/databases/roles.sql" >/dev/null 2>&1 || true
for dump in "$stage"/databases/*.dump; do
    [[ -e $dump ]] || continue
    as_postgres dropdb --if-exists --force "$(basename "$dump" .dump)"
    as_postgres pg_restore --create --exit-on-error --dbname=postgres <"$dump"
done

# Secrets that the snapshot does not know yet are made.
systemctl restart jex-secrets.service
systemctl start multi-user.target
[[ ! -e $JEX_ASIDE.from-backup ]] ||
    echo "The configuration of the machine of the snapshot lies in $JEX_ASIDE.from-backup: take over from it what you want."
echo "Done. Devices that trusted the machine of the snapshot trust this one."
