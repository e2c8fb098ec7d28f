# Sourced by the scripts beside this folder: messages, packages, who builds, and where Swift is.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# What Swift 6.3 itself needs on a bare Debian 12 to compile and link, and the libraries that the service links.
build_packages=(
    binutils ca-certificates libc6-dev libcurl4-openssl-dev libgcc-12-dev libhiredis-dev libmongoc-dev libncurses6
    libsqlite3-dev libxml2 pkgconf
)
# What linking Swift's runtime into the programs needs.
static_build_packages=("${build_packages[@]}" libstdc++-12-dev)

say() { printf '==> %s\n' "$*"; }

# One line that says why it does not go on, and the end.
die() {
    printf '%s: %s\n' "scripts/$(basename "$0")" "$*" >&2
    exit 1
}

# The end of a log that explains a failure, before the line that names it.
die_with_log() {
    tail -n 30 "$1" >&2
    die "$2"
}

# What the script says of itself in its first lines.
usage() { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; }

# offer_help ARGUMENT…: prints that, and ends, where the first argument asks for it.
offer_help() {
    case "${1:-}" in
        -h | --help) usage && exit 0 ;;
    esac
}

need_debian() {
    local id='' version='' name=''
    if [ -r /etc/os-release ]; then
        id=$(. /etc/os-release && printf '%s' "${ID:-}")
        version=$(. /etc/os-release && printf '%s' "${VERSION_ID:-}")
        name=$(. /etc/os-release && printf '%s' "${PRETTY_NAME:-}")
    fi
    [ "$id $version" = "debian 12" ] || die "made for Debian 12; this is ${name:-an unknown system}"
}

# Installs those of the named packages that are missing. Says which before it does; silent when there are none.
need_packages() {
    local installed package missing=() as_root=()
    installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
    for package in "$@"; do
        grep -qxF "$package installed" <<<"$installed" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    if [ "$EUID" -ne 0 ]; then
        command -v sudo >/dev/null || die "must install ${missing[*]}, but is not root and finds no sudo"
        as_root=(sudo)
    fi
    say "installing with apt: ${missing[*]}"
    # Asks for the password, where there is one to ask for.
    [ ${#as_root[@]} -eq 0 ] || sudo -v 2>"$logs/sudo" \
        || die "must install ${missing[*]}, but sudo refuses: $(tail -n 1 "$logs/sudo")"
    # A source that does not answer need not matter: whether the packages can be had decides.
    "${as_root[@]}" apt-get update -q >"$logs/apt" 2>&1 || true
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
        -o DPkg::Lock::Timeout=120 "${missing[@]}" >>"$logs/apt" 2>&1 </dev/null \
        || die_with_log "$logs/apt" "apt could not install ${missing[*]} (its last words are above)"
}

# Through sudo, the user who owns the checkout builds and runs, so that nothing in it ends up as root's.
builder=()
if [ "$EUID" -eq 0 ] && [ "${SUDO_UID:-0}" -ne 0 ] && [ "$(stat -c %u "$root")" = "$SUDO_UID" ]; then
    builder_home=$(getent passwd "$SUDO_UID" | cut -d: -f6)
    builder=(
        setpriv --reuid "$SUDO_UID" --regid "$SUDO_GID" --init-groups
        env "HOME=$builder_home" "USER=$SUDO_USER" "LOGNAME=$SUDO_USER"
    )
fi

as_builder() { "${builder[@]}" "$@"; }

need_checkout() {
    as_builder test -w "$root" || die "cannot write to $root as $(as_builder id -un)"
    local folder
    for folder in .build .venv; do
        [ ! -e "$root/$folder" ] || as_builder test -w "$root/$folder" \
            || die "$root/$folder belongs to $(stat -c %U "$root/$folder"): delete it, or run as that user"
    done
    cd "$root"
}

# Puts the folder of a Swift that is new enough first in PATH. sudo's own PATH often lacks it, so the usual places are
# looked at too.
need_swift() {
    local home=${builder_home:-$HOME} found places place version old=''
    found=$(command -v swift || true)
    places=(
        "$(dirname "${found:-/usr/bin/swift}")" /opt/swift/usr/bin /usr/local/swift/usr/bin /usr/share/swift/usr/bin
        /usr/libexec/swift/bin "$home/.swiftly/bin" "$home/.local/share/swiftly/bin" "$home/swift/usr/bin"
    )
    for place in "${places[@]}"; do
        [ -x "$place/swift" ] || continue
        version=$(as_builder "$place/swift" --version 2>&1) || true
        version=$(sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' <<<"$version" | head -n 1)
        if [ -n "$version" ] && [ "$(printf '6.3\n%s\n' "$version" | sort -V | head -n 1)" = 6.3 ]; then
            export PATH="$place:$PATH"
            return 0
        fi
        old="$old; $place/swift is ${version:-broken}"
    done
    die "finds no Swift 6.3 or newer in PATH, nor in ${places[*]:1}$old (https://www.swift.org/install)"
}

# swift_build NAME ARGUMENT…: builds, silently but for errors.
swift_build() {
    local name=$1
    shift
    # Swift leaves empty folders where it keeps what is temporary. Another user could not use ours.
    [ ${#builder[@]} -gt 0 ] || local -x TMPDIR=$logs
    # One at a time: two at once disturb each other. Without colours everywhere: for Swift they are another way to compile, so that a terminal
    # would have everything built anew.
    as_builder mkdir -p .build
    as_builder flock .build/scripts.lock swift build --quiet --no-color-diagnostics "$@" || die "$name could not be built (the compiler's errors are above)"
}
