"""Pages for a class as HTML that needs no network: templates, and prose from Markdown."""

from __future__ import annotations

import html
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from jinja2 import Template
    from markdown_it import MarkdownIt

_ANCHOR = re.compile(r"</?a\b[^>]*>|\[(?P<words>[^\]]+)\]\(#[^)]*\)")


def page(name: str, **values: Any) -> str:
    """Return the page that a template makes; what is plain text in `values` is escaped."""
    return _template(name).render(**values).strip() + "\n"


def prose(source: str) -> Markup:
    """Return Markdown with formulas as HTML; without links to places of the book."""
    return Markup(_markdown().render(_unlinked(source)))


def line(source: str) -> Markup:
    """Return one line of Markdown with formulas as HTML, without a paragraph around it."""
    return Markup(_markdown().renderInline(_unlinked(source)))


def _unlinked(source: str) -> str:
    return _ANCHOR.sub(lambda found: found["words"] or "", source)


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("regime_lib.companion.teaching", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"prose": prose, "line": line}
    return environment.get_template(f"{name}.html.j2")


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    def formula(text: str, options: dict[str, Any]) -> str:
        left, right = (r"\[", r"\]") if options["display_mode"] else (r"\(", r"\)")
        return f"{left}{html.escape(text)}{right}"

    return MarkdownIt("commonmark", {"html": False}).use(dollarmath_plugin, renderer=formula)
