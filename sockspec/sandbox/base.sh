#!/bin/sh
# A base image from Debian packages, where no image registry can be reached: base.sh [NAME], as root.
# Needs debootstrap and a Docker engine. The packages come from where this machine's own come from.
set -eu
name=${1:-sockspec-base}
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; exit } } $1 == "URIs:" { print $2; exit }')
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase --include=python3,gcc,libc6-dev,make,strace "$release" "$root" "$mirror" >&2
# What nobody runs, reads or installs from.
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* \
    "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale "$root"/usr/share/info
tar -C "$root" -c . | docker import --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$name"
