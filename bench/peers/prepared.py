"""The frame that every system sends: HTML of so many bytes with a number in it."""

from collections.abc import Callable

ROW = '<div class="row"><span>Player name</span><b>12</b></div>'


def prepared(size: int) -> Callable[[int], str]:
    """From a number to the HTML that shows it."""
    start = "<div id='f' hx-swap-oob='true'>k="
    filling = (ROW * (size // len(ROW) + 1))[: size - len(start) - 14]

    def html(number: int) -> str:
        return f"{start}{number:07};{filling}</div>"

    return html
