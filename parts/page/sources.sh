# shellcheck shell=bash
# Which files the page is made of, and how to get a copy of them with what they depend on. The checkout stays clean.

# Every file of web/ that is not made by a build.
page_sources() {
    find "$checkout/web" \( -name node_modules -o -name .next -o -name out \) -prune -o \
        -type f ! -name next-env.d.ts ! -name '*.tsbuildinfo' -print | LC_ALL=C sort
}

# copy_page DIR: the sources, and node_modules beside them as links to the files of the part `modules`.
copy_page() {
    local modules
    modules=$("$parts_dir/modules/get" | sed -n 's/^page_modules = "\(.*\)"/\1/p')
    mkdir -p "$1"
    (cd "$checkout/web" && page_sources | sed "s|^$checkout/web/||" | xargs -d '\n' cp --parents -t "$1")
    cp -al "$modules" "$1/node_modules"
}
