"""The frame that every system sends: HTML of a given size with a number in it."""

from collections.abc import Callable

ROW = '<div class="row"><span>Player name</span><b>12</b></div>'


def prepared(size: int) -> Callable[[int], str]:
    """A function from a number to the HTML of ``size`` bytes that shows it."""
    start = "<div id='f' hx-swap-oob='true'>k="
    filling = (ROW * (size // len(ROW) + 1))[: size - len(start) - 14]

    def html(number: int) -> str:
        return f"{start}{number:07};{filling}</div>"

    return html
