"""The regions in a frame, as simulated people find them."""

from __future__ import annotations

import re

# Where a region begins, with its id.
REGION = re.compile(
    r"<(?:li|section|header|p|div|footer|aside|h2|details|dialog|tbody)"
    r'(?: (?:hx-swap-oob|data-at)="[^"]*")* id="([\w-]+)"'
)
