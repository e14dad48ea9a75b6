#!/bin/sh
# Builds the image, plays an evening in containers, and replaces three of them while 400 screens are
# open (tests/cluster). The old containers run the commit BEFORE, by default the last one.
#
# Without docker and podman it installs podman, as root on Debian. If no registry answers, it builds
# the base image from Debian packages.
set -eu
cd "$(dirname "$0")/.."
python=$1
folder=$(mktemp -d)
engine=docker
trap '"$engine" image rm lct:before > /dev/null 2>&1 || true; rm -rf "$folder"' EXIT
install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "$@" \
        > "$folder/apt.log" 2>&1 || { tail "$folder/apt.log"; exit 1; }
}

if ! docker info > /dev/null 2>&1; then
    engine=podman
    # runc: podman would choose crun, which does not run on some machines with cgroups v1.
    command -v podman > /dev/null || { apt-get update -qq && install podman runc netavark \
        aardvark-dns catatonit uidmap iptables; }
fi
[ -x /usr/sbin/nginx ] || command -v nginx > /dev/null || install nginx-light

base=$(sed -n 's/^ARG PYTHON=//p' Dockerfile)
image=python:$base
if ! "$engine" image inspect "$image" > /dev/null 2>&1 &&
    ! "$engine" pull --quiet "$image" > /dev/null 2>&1; then
    export PYTHON=stand-in
    if ! "$engine" image inspect python:stand-in > /dev/null 2>&1; then
        echo "No registry answers: Debian's own Python stands in for $image."
        command -v mmdebstrap > /dev/null || install mmdebstrap
        # A venv at /usr/local has python and pip where the real base has them.
        mmdebstrap --quiet --variant=minbase --include=ca-certificates,python3-venv \
            --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
            --dpkgopt='path-exclude=/usr/share/locale/*' \
            --customize-hook='chroot "$1" python3 -m venv /usr/local' \
            --customize-hook='copy-in /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs' \
            "${base##*-}" "$folder/base.tar"
        "$engine" import "$folder/base.tar" python:stand-in > /dev/null 2>&1
        rm "$folder/base.tar"
    fi
fi

mkdir "$folder/before"
git archive "${BEFORE:-HEAD}" | tar -x -C "$folder/before"
VERSION=before sh tools/image.sh "$folder/before" > "$folder/build.log" 2>&1 &&
    sh tools/image.sh >> "$folder/build.log" 2>&1 || { tail -n 30 "$folder/build.log"; exit 1; }
tail -n 1 "$folder/build.log"

# podman raises limits, which not every root may do. If it fails, keep them low.
if ! "$engine" run --rm lct:before true > /dev/null 2>&1; then
    printf '[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n' \
        > "$folder/containers.conf"
    export CONTAINERS_CONF="$folder/containers.conf"
fi
now=lct:$(sed -n 's/^ARG VERSION=//p' Dockerfile)
LCT_ENGINE=$engine LCT_IMAGES="lct:before $now" "$python" -m pytest -s tests/cluster/test_image.py \
    "tests/cluster/test_faults.py::test_a_rolling_restart_loses_nothing_while_a_hundred_phones_pick"
