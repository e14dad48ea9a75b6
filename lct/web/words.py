"""Texts in templates: in the language that is spoken, with names that stay as they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from keyword import iskeyword
from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame, MacroRef
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.runtime import Macro, missing
from markupsafe import Markup, escape

from ..domain.text import Text, isolated
from ..locale import Language, say, spoken

_NAME = "<bdi"
_SPECIAL = re.compile("[&<>'\"]").search  # in HTML


def gettext(key: str, /, **data: object) -> Markup:
    """A text of a template in the language that is spoken, with ``data`` escaped."""
    message = _message(spoken(), key)
    return _with_data(message, data) if data else message


def said(key: str) -> Markup:
    """A text of a template without data, in the language that is spoken."""
    return _message(spoken(), key)


def ngettext(one: str, many: str, num: int, /, **data: object) -> Markup:
    """The same about ``num`` things."""
    message = spoken().translations.ngettext(one, many, num)
    return _with_data(as_it_is(message), {"num": num, **data})


@lru_cache(maxsize=4096)
def _message(language: Language, key: str) -> Markup:
    return Markup(as_it_is(language.translations.gettext(key)))  # noqa: S704 - ours


def _with_data(message: str, data: Mapping[str, object]) -> Markup:
    placed = {name: _placed(value, message) for name, value in data.items()}
    return Markup(str.__mod__(message, placed))  # noqa: S704 - ours, the data are escaped


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
    """Templates whose code is what Python code for them would be: it calls shown() for each value
    that is not HTML in any case, calls functions directly, and takes attributes with a dot. An item
    of a dict is ``d["name"]``; an ``if`` without ``else`` gives nothing.

    Jinja would call ``finalize``, then ``escape``, which makes a Markup; at each call it would look
    up whether the function wants a context; for an attribute it would call a method that tries
    items too; in place of nothing it would make an Undefined; and at each import it would compare
    all global names. That is half of a tile's time.
    """

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:
        for call in node.find_all(nodes.Call):
            if _is_fixed_text(call):
                call.node = nodes.EnvironmentAttribute("said")
        super().visit_Template(node, frame)

    def _import_common(self, node: nodes.Import | nodes.FromImport, frame: Frame) -> None:
        if node.with_context:
            super()._import_common(node, frame)
            return
        self.write("environment.imported(")
        self.visit(node.template, frame)
        self.write(")")

    def macro_def(self, macro_ref: MacroRef, frame: Frame) -> None:
        self.write("environment.quick(")
        super().macro_def(macro_ref, frame)
        self.write(")")

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:
        self.visit(node.node, frame)
        self.write(f".{node.attr}")

    def visit_CondExpr(self, node: nodes.CondExpr, frame: Frame) -> None:
        node.expr2 = node.expr2 or nodes.Const("", lineno=node.lineno)
        super().visit_CondExpr(node, frame)

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:
        called = node.node.name if isinstance(node.node, nodes.Name) else ""
        if (
            forward_caller
            or node.dyn_args
            or node.dyn_kwargs
            or any(iskeyword(each.key) for each in node.kwargs)
            or hasattr(self.environment.globals.get(called), "jinja_pass_arg")
        ):
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        self.visit(node.node, frame)
        self.write("(")
        for each in (*node.args, *node.kwargs):
            self.visit(each, frame)
            self.write(", ")
        self.write(")")

    def _output_child_pre(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> None:
        if not frame.eval_ctx.autoescape:
            self.write("str(")
        else:
            self.write("(" if self._is_html(node) else "environment.shown(")

    def _output_child_post(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> None:
        self.write(")")

    def _is_html(self, node: nodes.Node | None) -> bool:
        """Whether every value of the expression is HTML."""
        match node:
            case nodes.Const(value=str(value)):
                return not _SPECIAL(value)
            case nodes.CondExpr(expr1=one, expr2=other):
                return self._is_html(one) and (other is None or self._is_html(other))
            case nodes.Call(node=nodes.EnvironmentAttribute(name="said")):
                return True
            case nodes.Call(node=nodes.Name(name=name)):
                return _makes_html(self.environment.globals.get(name))
            case nodes.Filter(name=name):
                return _makes_html(self.environment.filters.get(name))
        return False


def _is_fixed_text(call: nodes.Call) -> bool:
    """Whether it is the call of gettext() with a text without data."""
    match call:
        case nodes.Call(node=nodes.Name(name="gettext" | "_"), args=[nodes.Const()], kwargs=[]):
            return not (call.dyn_args or call.dyn_kwargs)
    return False


def _makes_html(function: Any) -> bool:
    """Whether a function says that it returns HTML."""
    return getattr(function, "__annotations__", {}).get("return") == Markup.__name__


def quick(macro: Macro) -> Callable[..., str]:
    """The macro without Jinja's treatment of arguments that it does not get."""
    if macro.caller or macro.catch_kwargs or macro.catch_varargs or not macro._default_autoescape:
        return macro
    made, count = macro._func, macro._argument_count
    others = [(missing,) * (count - given) for given in range(count + 1)]

    def called(*args: object, **named: object) -> str:
        if named or len(args) > count:
            return macro(*args, **named)
        return str.__new__(Markup, made(*args, *others[len(args)]))

    return called


def shown(value: object) -> str:
    """What a template shows of a value: escaped unless it is HTML, and a text in the language that
    is spoken."""
    if type(value) is Text:
        value = say(value)
    if type(value) is Markup or (type(value) is str and not _SPECIAL(value)):
        return value
    return str(value) if type(value) is int else escape(value)


def marked(value: object) -> Markup:
    """What an element shows of a text, in which names are elements of their own; a string is such a
    name."""
    if not isinstance(value, Text):
        return Markup(_named(value))  # noqa: S704 - escaped
    language = spoken()

    def many(one: str, several: str, n: int) -> str:
        return str(escape(language.translations.ngettext(one, several, n)))

    # Not by Markup's own %, which takes five times as long. Numbers need no escaping.
    said = value.said(partial(_escaped, language), many, lambda words, around: _named(words))
    return Markup(said)  # noqa: S704 - escaped


@lru_cache(maxsize=4096)
def _escaped(language: Language, key: str) -> str:
    return str(escape(language.translations.gettext(key)))


def _named(name: object) -> str:
    return f'<bdi translate="no">{shown(name)}</bdi>'
