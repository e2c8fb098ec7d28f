# Sourced by the scripts that build: fetches the libraries that the service's pages use, from Debian's packages, so that the
# build puts them beside the program. Silent when they are there already.
# shellcheck shell=bash

need_assets() {
    debian_asset marked node-marked usr/share/nodejs/marked lib/marked.esm.js
}

# What the tests of the pages use: axe-core, which looks for what keeps people from using a page. The package that carries it also
# brings a browser along, which is not installed.
need_axe() {
    local folder=$root/.build/axe package=axe-playwright-python==0.1.8
    [ ! -s "$folder/axe.min.js" ] || return 0
    say "fetching axe-core for the tests ($package)"
    as_builder mkdir -p "$folder"
    as_builder .venv/bin/pip download --quiet --disable-pip-version-check --no-input --no-deps --dest "$folder" "$package" \
        >"$logs/axe" 2>&1 </dev/null || die_with_log "$logs/axe" "pip could not download $package (its last words are above)"
    as_builder .venv/bin/python -m zipfile -e "$folder"/*.whl "$folder/package" \
        && as_builder mv "$folder/package/axe_playwright_python/axe.min.js" "$folder/" || die "$package has no axe.min.js"
    as_builder rm -rf "$folder/package" "$folder"/*.whl
}

# debian_asset NAME PACKAGE FOLDER FILE…: puts files of a package's folder, and its copyright, into the bundle of that name.
debian_asset() {
    local name=$1 package=$2 folder=$3 target=$root/Sources/WebResources/Resources/vendor/$1 file missing=''
    shift 3
    for file in "$@"; do [ -s "$target/${file##*/}" ] || missing=$file; done
    [ -n "$missing" ] || return 0
    say "fetching $name for the page (Debian's $package)"
    local unpacked=$root/.build/assets/$name
    as_builder rm -rf "$unpacked" "$target" && as_builder mkdir -p "$unpacked" "$target" || die "cannot write to $target"
    (cd "$unpacked" && as_builder apt-get download -q "$package" && as_builder dpkg-deb -x "$package"_*.deb .) \
        >"$logs/assets" 2>&1 \
        || die_with_log "$logs/assets" "apt could not download $package (its last words are above; apt-get update may help)"
    as_builder cp "$unpacked/usr/share/doc/$package/copyright" "$target/copyright.txt" || die "$package has no copyright file"
    for file in "$@"; do
        as_builder cp "$unpacked/$folder/$file" "$target/" || die "Debian's $package has no $folder/$file any more"
    done
    as_builder rm -rf "$unpacked"
}
