#!/bin/sh
# Sees to it that the browser tests find a Chromium: the machine's, else Debian's, else Playwright's.
# Usage: install_browser.sh <folder of the venv that holds Playwright>
set -eu

packages=
# The fonts are for the flags, stars and accents on the pages.
browser="chromium fonts-noto-color-emoji fonts-dejavu-core"
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null; then
        browser=
    fi
done
# Playwright brings a Node.js, which needs a library that a small Debian does not have.
if ! "$1/bin/playwright" --version >/dev/null 2>&1; then
    packages=libatomic1
fi

if [ -n "$browser$packages" ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    if DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        $browser $packages >/dev/null; then
        exit 0
    fi
fi

if [ -n "$packages" ]; then
    echo "lct: Playwright does not start (on Debian and Ubuntu: apt install $packages)." >&2
    exit 1
fi
if [ -n "$browser" ]; then
    "$1/bin/playwright" install chromium
fi
