"""Where the files of lct are, and where its data goes.

A checkout and the image have templates/ and static/ beside the package. The wheel has them in it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
INSTALLED = (PACKAGE / "templates").is_dir()
ROOT = PACKAGE if INSTALLED else PACKAGE.parent


def data_folder() -> Path:
    """The folder of `lct up` when LCT_VAR is not set: the checkout's, or the user's own."""
    if not INSTALLED:
        return ROOT / "var"
    home = os.path.expanduser("~")
    if home == "~":  # a user without a home
        return Path("var")
    if sys.platform == "darwin":
        return Path(home, "Library/Application Support/lct")
    return Path(os.environ.get("XDG_DATA_HOME") or Path(home, ".local/share"), "lct")
