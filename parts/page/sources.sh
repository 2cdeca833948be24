# shellcheck shell=bash disable=SC2154
# Which files the page is made of, and how to get a copy of them with what they depend on. The checkout stays clean.
# Sourced after lib.sh.

# Every file of web/ that is not made by a build.
page_sources() {
    find "$checkout/web" \( -name node_modules -o -name .next -o -name out \) -prune -o \
        -type f ! -name next-env.d.ts ! -name '*.tsbuildinfo' -print | LC_ALL=C sort
}

# copy_page DIR: the sources, and node_modules beside them as links to the files of the part `modules`.
copy_page() {
    local modules files
    modules=$("$parts_dir/modules/get" | value_of page_modules)
    files=$(page_sources)
    mkdir -p "$1"
    (cd "$checkout/web" && xargs -d '\n' cp --parents -t "$1" <<<"${files//"$checkout/web/"/}")
    cp -al "$modules" "$1/node_modules"
}
