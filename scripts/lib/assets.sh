# Sourced by the scripts that build: fetches the libraries that the service's pages use, from Debian's packages and
# PyPI's, so that the build puts them beside the program. Silent when they are there already.
# shellcheck shell=bash

need_assets() {
    debian_asset marked node-marked usr/share/nodejs/marked lib/marked.esm.js
    pypi_asset swagger-ui swagger-ui-dist swagger-ui.css swagger-ui-bundle.js swagger-ui-bundle.js.LICENSE.txt \
        favicon-32x32.png
    pypi_asset redoc redoc/bundles redoc.standalone.js redoc.standalone.js.LICENSE.txt
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

# Swagger UI and ReDoc as they are published, in a package that follows their releases.
documentation_package=drf-spectacular-sidecar==2026.10.1

# pypi_asset NAME FOLDER FILE…: puts files of a folder of that package, and their licence, into the bundle of that name.
pypi_asset() {
    local name=$1 folder=$2 target=$root/Sources/WebResources/Resources/vendor/$1 file missing=''
    shift 2
    for file in "$@"; do [ -s "$target/$file" ] || missing=$file; done
    [ -n "$missing" ] || return 0
    local unpacked=$root/.build/assets/$documentation_package static
    static=$unpacked/drf_spectacular_sidecar/static/drf_spectacular_sidecar
    [ -d "$static" ] || fetch_documentation_package "$unpacked"
    as_builder rm -rf "$target" && as_builder mkdir -p "$target" || die "cannot write to $target"
    as_builder cp "$static/${folder%%/*}/LICENSE" "$target/LICENSE.txt" || die "$documentation_package has no licence"
    for file in "$@"; do
        as_builder cp "$static/$folder/$file" "$target/" || die "$documentation_package has no $folder/$file"
    done
    # ReDoc loads its makers' logo from their host. Nothing here asks another host for anything.
    [ "$name" != redoc ] || as_builder sed -i 's|https://cdn\.redoc\.ly/[^"]*|data:,|g' "$target/redoc.standalone.js"
}

fetch_documentation_package() {
    local folder=$1
    need_packages python3 python3-venv
    say "fetching Swagger UI and ReDoc (PyPI's $documentation_package)"
    as_builder rm -rf "$folder" && as_builder mkdir -p "$folder" || die "cannot write to $folder"
    # The package alone: what it depends on is a web framework. With the pip of a fresh environment, as Debian's may be absent.
    (cd "$folder" && as_builder /usr/bin/python3 -m venv venv \
        && as_builder venv/bin/pip download --quiet --disable-pip-version-check --no-input --no-deps \
            --only-binary :all: "$documentation_package" \
        && as_builder /usr/bin/python3 -m zipfile -e ./*.whl . && as_builder rm -rf venv ./*.whl) >"$logs/assets" 2>&1 </dev/null \
        || die_with_log "$logs/assets" "pip could not download $documentation_package (its last words are above)"
}
