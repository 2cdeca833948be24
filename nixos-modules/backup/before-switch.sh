# shellcheck shell=bash
# Dumps every database before another system takes over; the last few dumps stay.
#
# JEX_STATE: where; JEX_KEPT: how many.

if ! systemctl is-active --quiet postgresql.service; then
    echo "PostgreSQL does not run, so no database is dumped before this switch." >&2
    exit 0
fi

folder=$JEX_STATE/before-switch
name=$(date --utc +%Y-%m-%dT%H-%M-%SZ)
mkdir -p "$folder"
chmod 700 "$folder"
rm -rf "$folder"/*.partial

if ! dump_databases "$folder/$name.partial"; then
    rm -rf "$folder/$name.partial"
    refuse "The databases could not be dumped, so this switch does not happen: it might change them for good." \
        "See what PostgreSQL says (journalctl -u postgresql) and how full the disk is (df -h /var/lib)." \
        "NIXOS_NO_CHECK=1 before the command switches without a dump."
fi
mv "$folder/$name.partial" "$folder/$name"

find "$folder" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort | head -n "-$JEX_KEPT" |
    while IFS= read -r old; do rm -rf "${folder:?}/$old"; done
