"""Line plots as SVG, with the standard library only."""

from __future__ import annotations

import math
from collections.abc import Mapping

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 360, 64, 44, 90, 52
COLOURS = ("#0b6e4f", "#8a8f98", "#c2571a", "#3d5a98")


def plot(lines: Mapping[str, Mapping[int, float]], title: str, across: str, up: str) -> str:
    """Plot lines by name; the x axis is logarithmic, the y axis starts at zero."""
    xs = sorted({x for line in lines.values() for x in line})
    step = _step(max(y for line in lines.values() for y in line.values()))
    top = step * (math.floor(max(y for line in lines.values() for y in line.values()) / step) + 1)

    def at(x: float, y: float) -> tuple[float, float]:
        share = math.log(x / xs[0]) / math.log(xs[-1] / xs[0])
        return (
            round(LEFT + share * (WIDTH - LEFT - RIGHT), 1),
            round(HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM), 1),
        )

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="{title}" font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{LEFT}" y="24" font-size="15">{title}</text>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">'
        f"{across}</text>",
        f'<text transform="translate(18 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)"'
        f' text-anchor="middle">{up}</text>',
    ]
    for n in range(round(top / step) + 1):
        x, y = at(xs[0], n * step)
        out.append(f'<path d="M{x} {y}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(f'<text x="{x - 8}" y="{y + 4}" text-anchor="end">{n * step:g}</text>')
    for number in xs:
        x, y = at(number, 0)
        out.append(f'<text x="{x}" y="{y + 20}" text-anchor="middle">{number:,}</text>')
    named: list[float] = []  # y positions of the names
    for colour, (name, line) in zip(COLOURS, lines.items(), strict=False):
        points = [at(x, y) for x, y in sorted(line.items())]
        path = " ".join(f"{x},{y}" for x, y in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>' for x, y in points]
        x, y = points[-1]
        while any(abs(y - other) < 14 for other in named):
            y += 1
        named.append(y)
        out.append(f'<text x="{x + 10}" y="{y + 4}" fill="{colour}">{name}</text>')
    return "\n".join([*out, "</svg>", ""])


def _step(most: float) -> float:
    """A round step that fits four to eight times into ``most``."""
    power = 10 ** math.floor(math.log10(most / 4))
    return float(next(power * n for n in (5, 2, 1) if power * n <= most / 4))
