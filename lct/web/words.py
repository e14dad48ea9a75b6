"""Texts in templates: in the language that is spoken, with names that stay as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from markupsafe import Markup, escape

from ..domain.text import Text, isolated
from ..locale import say, spoken

_NAME = "<bdi"
_SPECIAL = re.compile("[&<>'\"]").search  # in HTML
NAMED = Markup('<bdi translate="no">{}</bdi>')


def gettext(key: str, /, **data: object) -> Markup:
    """A text of a template in the language that is spoken, with ``data`` escaped."""
    return _with_data(spoken().translations.gettext(key), data)


def ngettext(one: str, many: str, num: int, /, **data: object) -> Markup:
    """The same about ``num`` things."""
    return _with_data(spoken().translations.ngettext(one, many, num), {"num": num, **data})


def _with_data(message: str, data: Mapping[str, object]) -> Markup:
    if data:
        said = as_it_is(message)
        message = said % {name: _placed(value, message) for name, value in data.items()}
    return Markup(message)  # noqa: S704 - ours, the data are escaped


def _placed(value: object, message: str) -> str:
    """A value in a message, isolated unless an element around it does that."""
    if type(value) is str and _NAME not in message:
        value = isolated(value, message)
    return shown(value)


def as_it_is(html: str) -> str:
    """The HTML with names that a browser does not translate."""
    return html.replace(_NAME, f'{_NAME} translate="no"')


class NamesAsTheyAre(Extension):
    """Every <bdi> of the templates holds a name, a code or an address, which is the same in all
    languages. Inside a text to translate, gettext() marks it, so that the text stays its key."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        begins = in_text = False
        for token in stream:
            if begins and token.value in ("trans", "endtrans"):
                in_text = token.value == "trans"
            begins = token.type == "block_begin"
            if token.type == "data" and not in_text and _NAME in token.value:
                token = Token(token.lineno, "data", as_it_is(token.value))
            yield token


class Shown(CodeGenerator):
    """Templates whose code calls shown() for each value, and functions directly.

    Jinja would call ``finalize``, then ``escape``, which makes a Markup, and at each call of a
    function or macro it would look up whether that wants a context: a quarter of a tile's time.
    """

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:
        called = node.node.name if isinstance(node.node, nodes.Name) else ""
        if hasattr(self.environment.globals.get(called), "jinja_pass_arg"):
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        self.write("environment.direct(")
        self.visit(node.node, frame)
        self.signature(node, frame, {"caller": "caller"} if forward_caller else None)
        self.write(")")

    def _output_child_pre(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> None:
        self.write("environment.shown(" if frame.eval_ctx.autoescape else "str(")

    def _output_child_post(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> None:
        self.write(")")


def shown(value: object) -> str:
    """What a template shows of a value: escaped unless it is HTML, and a text in the language that
    is spoken."""
    if type(value) is Markup or (type(value) is str and not _SPECIAL(value)):
        return value
    if type(value) is int:
        return str(value)
    return escape(say(value) if type(value) is Text else value)


def marked(value: object) -> Markup:
    """What an element shows of a text, in which names are elements of their own; a string is such a
    name."""
    if not isinstance(value, Text):
        return NAMED.format(value)
    translations = spoken().translations
    return Markup(  # noqa: S704 - escaped before the data come in, which Markup escapes
        value.said(
            lambda key: escape(translations.gettext(key)),
            lambda one, many, n: escape(translations.ngettext(one, many, n)),
            lambda words, around: NAMED.format(words),
        )
    )
