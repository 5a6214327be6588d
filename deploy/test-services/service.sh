# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=bash
# What the start scripts have in common: their command line, and the cache that is filled on the first call.
# A script that sources this defines fetch (make the server available), serve PORT DIR (become the server) and
# probe PORT DIR (print name and version once it answers), and ends with `main "$@"`.

CACHE=${RELENG_TEST_CACHE:-$HOME/.cache/releng-test-services}

main() {
    case "$#:${1:-}" in
    1:fetch) fetch ;;
    3:probe) probe "$2" "$3" ;;
    2:[1-9]*)
        fetch
        mkdir -p "$2"
        serve "$1" "$(realpath "$2")"
        ;;
    *)
        {
            echo "start PORT DIR        run the server in the foreground, on loopback, log on stderr"
            echo "start fetch           only make it available"
            echo "start probe PORT DIR  print its version, or exit 1 while it does not answer"
        } >&2
        exit 2
        ;;
    esac
}

# once DIR COMMAND…: runs COMMAND in a new folder that becomes DIR, unless DIR is there already.
# Parallel first calls wait for one another, and only a complete folder gets the final name.
once() {
    local dir=$1 status=0
    [ ! -d "$dir" ] || return 0
    mkdir -p "$(dirname "$dir")"
    exec 9>"$dir.lock"
    flock 9
    if [ ! -d "$dir" ]; then
        echo "filling $dir, once" >&2
        rm -rf "$dir.part"
        mkdir "$dir.part"
        (cd "$dir.part" && "${@:2}") >&2 9>&- || status=$?
        [ "$status" != 0 ] || mv "$dir.part" "$dir"
    fi
    exec 9>&-
    return "$status"
}

# debian_packages NAME PACKAGE…: unpacks Debian packages, with what they need and this machine lacks, below
# $CACHE/NAME. Unpacked, not installed: that needs no root, starts no system service and makes no user.
debian_packages() {
    if ! command -v apt-get >/dev/null; then
        echo "$1 is not installed, and without apt-get it cannot be fetched: install it" >&2
        return 1
    fi
    once "$CACHE/$1" unpack_packages "${@:2}"
}

unpack_packages() {
    local wanted package
    [ "$(id -u)" != 0 ] || apt-get update -qq || true # old lists name files that are gone
    mapfile -t wanted < <(apt-get install --simulate --no-install-recommends "$@" | awk '/^Inst/ {print $2}')
    [ "${#wanted[@]}" -gt 0 ] || return
    mkdir packages
    # Without the option apt, as root, warns that its own user cannot enter the folder.
    (cd packages && apt-get download -qq -o APT::Sandbox::User=root "${wanted[@]}") || return
    for package in packages/*.deb; do dpkg -x "$package" . || return; done
    rm -r packages
}

# use_unpacked NAME: puts the programs and libraries below $CACHE/NAME into the paths.
use_unpacked() {
    local dir="$CACHE/$1" lib
    PATH="$dir/usr/sbin:$dir/usr/bin:$PATH"
    # libpulse looks for a library of its own in a folder below, by a path that holds once it is installed.
    for lib in "$dir"/usr/lib/*-linux-gnu/pulseaudio "$dir"/usr/lib/*-linux-gnu "$dir"/lib/*-linux-gnu; do
        [ ! -d "$lib" ] || LD_LIBRARY_PATH="$lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    done
    export PATH LD_LIBRARY_PATH
}

# http_get PORT PATH: prints the first line of the answer of 127.0.0.1. For machines without curl.
http_get() {
    local line
    exec 7<>"/dev/tcp/127.0.0.1/$1" || return
    printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$2" "$1" >&7
    IFS= read -r -t 2 line <&7 || return
    exec 7>&-
    printf '%s\n' "${line%$'\r'}"
}
