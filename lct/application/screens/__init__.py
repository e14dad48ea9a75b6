"""The screens, one module each, and every view by the name that pages ask for."""

from . import board, desk, news, phone
from .region import Screen

PAGES: dict[str, Screen] = {
    "board": board.SCREEN,
    "me": phone.ME,
    "watch": phone.WATCH,
    "organise": desk.SCREEN,
}
VIEWS: dict[str, Screen] = {**PAGES, "announce": news.SCREEN}
