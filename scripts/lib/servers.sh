# Sourced by the scripts that use nginx, Redis or Prometheus: Debian's, unpacked into .build. As installed packages they would
# begin to serve, and go on.
# shellcheck shell=bash

# What they need beside themselves.
nginx_packages=(libcrypt1 libpcre2-8-0 libssl3 openssl zlib1g)
redis_packages=(libatomic1 libjemalloc2 liblzf1 libssl3 libsystemd0)

# Silent when they are there already.
need_nginx() { unpack nginx usr/sbin/nginx nginx; }
need_redis() { unpack redis usr/bin/redis-server redis-server redis-tools; }
# Nearly 100 MB, of which a browser's pages, which would need more packages, are not used.
need_prometheus() { unpack prometheus usr/bin/prometheus prometheus; }

# unpack NAME PROGRAM PACKAGE…
unpack() {
    local folder=$root/.build/$1 package
    [ ! -x "$folder/$2" ] || return 0
    say "unpacking Debian's $1 into ${folder#"$root"/}"
    as_builder mkdir -p "$folder"
    for package in "${@:3}"; do
        (cd "$folder" && as_builder apt-get download -q "$package" && as_builder dpkg-deb -x "$package"_*.deb .) \
            >"$logs/unpack" 2>&1 \
            || die_with_log "$logs/unpack" "apt could not download $package (its last words are above; apt-get update may help)"
    done
}
