#!/bin/sh
# Makes a virtual environment with exactly the packages of a lock file, plus this checkout of lct.
# Usage: make_venv.sh <folder> <lock file> [python]
set -eu

venv=$1 lock=$2
python=$(sh tools/find_python.sh ${3:+"$3"})
count=$(grep -c '^[a-z].*==' "$lock")
echo "lct: $("$python" --version), installing up to $count packages into $venv (only the first time)"

"$python" -m venv --clear "$venv"
install() { # -qq: pip's warnings are about pip and this machine, not about lct
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-warn-script-location \
        --require-hashes --only-binary :all: -r "$1"
}
# uv, where the lock has it, needs a tenth of pip's time for the rest. It does not know how this
# machine's pip reaches an index, so what it cannot install is left to pip.
awk '/^[^ #]/ { ours = /^uv==/ } ours' "$lock" > "$venv/uv.lock"
{ [ -s "$venv/uv.lock" ] && install "$venv/uv.lock" && UV_HTTP_TIMEOUT=15 UV_HTTP_RETRIES=1 \
    "$venv/bin/uv" pip install -q --system-certs --python "$venv/bin/python" --require-hashes \
    --only-binary :all: -r "$lock" 2> "$venv/uv.log"; } || install "$lock"

# The path is relative to site-packages, so the checkout's own path may contain any character.
echo ../../../.. > "$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/lct.pth"
# A shebang could not hold a path with a space.
printf '%s\n' '#!/bin/sh' 'exec "$(dirname "$0")/python" -m lct "$@"' > "$venv/bin/lct"
chmod +x "$venv/bin/lct"
# Last, because make reads this copy as "the environment is complete".
cp "$lock" "$venv/$(basename "$lock")"
