#!/bin/sh
# Sees to it that the browser tests find a Chromium: the machine's, else Debian's, else Playwright's.
# Usage: install_browser.sh <folder of the venv that holds Playwright>
set -eu

for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null; then
        exit 0
    fi
done

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    # The fonts are for the flags, stars and accents on the pages.
    if DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        chromium fonts-noto-color-emoji fonts-dejavu-core >/dev/null; then
        exit 0
    fi
fi

"$1/bin/playwright" install chromium
