#!/bin/sh
# Makes a virtual environment with exactly the packages of a lock file, and lct from this checkout.
# Usage: make_venv.sh <folder> <lock file> [python]
set -eu

venv=$1 lock=$2
python=$(sh tools/find_python.sh ${3:+"$3"})
count=$(grep -c '^[a-z].*==' "$lock")
echo "lct: $("$python" --version), installing up to $count packages into $venv (only the first time)"

"$python" -m venv --clear "$venv"
# -qq: pip's warnings are about pip and how this machine is set up, not about lct.
"$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-warn-script-location \
    --require-hashes --only-binary :all: -r "$lock"

# The checkout is on the path, relative to site-packages, so that its own path may hold anything.
echo ../../../.. > "$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/lct.pth"
# A shebang could not hold a path with a space.
printf '%s\n' '#!/bin/sh' 'exec "$(dirname "$0")/python" -m lct "$@"' > "$venv/bin/lct"
chmod +x "$venv/bin/lct"
# Last: make takes this copy as the sign that the environment is complete.
cp "$lock" "$venv/$(basename "$lock")"
