# shellcheck shell=bash
# What the scripts beside this one share.

refuse() {
    printf '%s\n' "$*" >&2
    exit 1
}

((EUID == 0)) || refuse "Only root may do this: sudo $(basename "$0") $*"

# Where postgres may be as well.
cd /

as_postgres() { runuser -u postgres -- "$@"; }

databases() {
    as_postgres psql --no-psqlrc --tuples-only --no-align --dbname=postgres \
        --command="select datname from pg_database where not datistemplate and datname <> 'postgres' order by datname"
}

# dump_databases FOLDER: each database as NAME.dump, and who owns what as roles.sql. Fails as soon as one of them does,
# also where the shell would go on.
dump_databases() {
    local names name
    mkdir -p "$1" && names=$(databases) || return
    as_postgres pg_dumpall --roles-only --no-role-passwords >"$1/roles.sql" || return
    for name in $names; do
        as_postgres pg_dump --format=custom "$name" >"$1/$name.dump" || return
    done
}
