#!/bin/sh
# Sees to it that the browser tests find a Chromium: Debian's headless shell, which takes half the
# processor time of the whole browser, else the machine's own, else Playwright's headless shell.
# Usage: install_browser.sh <folder of the venv that holds Playwright>
set -eu

shell=chromium-headless-shell
browser=
for name in $shell chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null; then
        browser=$name
        break
    fi
done
library=
# Playwright brings a Node.js, which needs a library that a small Debian does not have.
if ! "$1/bin/playwright" --version >/dev/null 2>&1; then
    library=libatomic1
fi

install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

if [ "$browser$library" != "$shell" ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    if [ -n "$library" ] && install $library; then
        library=
    fi
    # The fonts are for the flags, stars and accents on the pages.
    if install $shell fonts-noto-color-emoji fonts-dejavu-core; then
        browser=$shell
    fi
fi

if [ -n "$library" ]; then
    echo "lct: Playwright does not start (on Debian and Ubuntu: apt install $library)." >&2
    exit 1
fi
if [ -z "$browser" ]; then
    "$1/bin/playwright" install --only-shell chromium
fi
