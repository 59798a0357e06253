"""The rendered book made lighter: what no page of it uses is left out of styles and scripts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from regime_lib.companion.publish.fold import lighten
from regime_lib.storage import write_text

#: Styles that themes and extensions ship for pages of every kind, below the folder of static files.
STYLES = (
    "styles/theme.css",
    "styles/pydata-sphinx-theme.css",
    "styles/sphinx-book-theme.css",
    "sphinx-design.min.css",
    "mystnb.*.css",
    "basic.css",
)
#: The page that searches; the others only lead to it, and need no index of the whole book.
_SEARCHING = "search.html"
_SEARCH = re.compile(
    r'<script[^>]*\bsrc="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"[^>]*></script>\s*'
)
#: What printing and binding ask for, and texts that go with what is bundled.
_KEPT = ("paper.css", "epub.css", "*.txt")
#: Names of files, as pages, styles and scripts write them; maps of sources serve no reader.
_FILE_NAME = re.compile(r"[\w.@-]+\.\w+")
_SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)
_WORD = re.compile(r"[\w-]+")
_CLASSES = re.compile(r'\bclass="([^"]*)"')
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_OF_SELECTOR = re.compile(r"\.((?:\\.|[\w-])+)")
_LISTS = re.compile(r":(?:not|is|where|has|matches)\([^()]*(?:\([^()]*\)[^()]*)*\)")
_ICONS = re.compile(r"font-family:\s*['\"]?Font ?Awesome")
_GROUPS = ("@media", "@supports", "@layer", "@container")
# In code: a token with its kind; several in a row; what stands before the first.
_TOKEN = re.compile(r'<span class="(\w{1,3})">([^<]*)</span>')
_TOKENS = re.compile(r'(?:<span class="\w{1,3}">[^<]*</span>\s*)+')
_NOTHING = re.compile(r"(<pre>)<span></span>(?!\n)")
_LOOK = re.compile(r'html\[data-theme="(\w+)"\] \.highlight \.(\w+) \{([^}]*)\}')
# Names and signs have the colour of the code around them; operators get it.
_NAME, _SIGNS = "n", ("p", "w", "o")


def slim(html: Path) -> None:
    """Lighten a rendered book in its place.

    Parameters
    ----------
    html : Path
        The folder of rendered pages.
    """
    pages = sorted(html.rglob("*.html"))
    used: set[str] = set()
    looks = looks_of_code(html / "_static" / "pygments.css")
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for found in _CLASSES.findall(text):
            used.update(found.split())
        lighter = lighten(merge_tokens(text, looks))
        if page.name != _SEARCHING:
            lighter = _SEARCH.sub("", lighter)
        if lighter != text:
            write_text(page, lighter)
    static = html / "_static"
    for script in static.rglob("*.js"):
        if not {"math", "pyodide"} & set(script.relative_to(static).parts):
            used.update(_WORD.findall(script.read_text(encoding="utf-8")))
    for pattern in STYLES:
        for sheet in static.glob(pattern):
            write_text(sheet, without_unused(sheet.read_text(encoding="utf-8"), used))
    drop_unused(html)


def drop_unused(html: Path) -> None:
    """Remove every static file that no page names, nor a style or script that a page loads."""
    static = html / "_static"
    for source in static.rglob("*.js"):
        text = source.read_text(encoding="utf-8")
        if _SOURCE_MAP.search(text):
            write_text(source, _SOURCE_MAP.sub("", text))
    # files of the browser's Python are asked for by it
    files = {path for path in static.rglob("*") if path.is_file() and "pyodide" not in path.parts}
    reached = sorted(html.rglob("*.html"))
    while reached:
        named = set(_FILE_NAME.findall("\n".join(p.read_text(encoding="utf-8") for p in reached)))
        found = {path for path in files if path.name in named}
        files -= found
        reached = sorted(path for path in found if path.suffix in (".css", ".js"))
    for path in files:
        if not any(path.match(pattern) for pattern in _KEPT):
            path.unlink()
    for folder in sorted((p for p in static.rglob("*") if p.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def looks_of_code(sheet: Path) -> dict[str, str]:
    """Return how each kind of token in code looks in a highlighter's style sheet."""
    looks: dict[str, str] = {}
    text = sheet.read_text(encoding="utf-8") if sheet.is_file() else ""
    for theme, kind, look in _LOOK.findall(text):
        looks[kind] = f"{looks.get(kind, '')}{theme}: {look} "
    return looks | {sign: looks[_NAME] for sign in _SIGNS if _NAME in looks}


def merge_tokens(html: str, looks: Mapping[str, str]) -> str:
    """Let tokens of code that look alike and follow each other share one element.

    Parameters
    ----------
    html : str
        A rendered page.
    looks : mapping of str to str
        How each kind of token looks; what looks like a name needs no element.
    """
    plain = {_NAME, *_SIGNS} | {kind for kind, look in looks.items() if look == looks.get(_NAME)}

    def merged(run: re.Match[str]) -> str:
        parts: list[tuple[str, str]] = []
        at = 0
        for token in [*_TOKEN.finditer(run[0]), None]:
            between = run[0][at : token.start() if token else len(run[0])]
            kind, text = (token[1], token[2]) if token else ("", "")
            at = token.end() if token else at
            if token and parts and looks.get(kind, kind) == looks.get(parts[-1][0], parts[-1][0]):
                parts[-1] = (parts[-1][0], f"{parts[-1][1]}{between}{text}")
            else:
                parts += [(_NAME, between), (kind, text)]
        return "".join(
            text if kind in plain or not kind else f'<span class="{kind}">{text}</span>'
            for kind, text in parts
        )

    return _NOTHING.sub(r"\1", _TOKENS.sub(merged, html))


def without_unused(style: str, used: Iterable[str]) -> str:
    """Return a style sheet without the rules for classes that nothing bears.

    Parameters
    ----------
    style : str
        A style sheet.
    used : iterable of str
        Every class that an element may have; what a script could set counts as used.
    """
    known = set(used)
    return "".join(_kept(_COMMENT.sub("", style), known))


def _kept(style: str, used: set[str]) -> Iterator[str]:
    for head, body in _rules(style):
        if body is None:  # such as @import
            yield f"{head};"
        elif head.startswith(_GROUPS):
            if inner := "".join(_kept(body, used)):
                yield f"{head}{{{inner}}}"
        elif head == "@font-face" and _ICONS.search(body):
            continue  # the dozen icons that pages show are shapes of ours
        elif head.startswith("@"):
            yield f"{head}{{{body}}}"
        elif shown := [one for one in _selectors(head) if _may_match(one, used)]:
            yield f"{','.join(shown)}{{{body}}}"


def _rules(style: str) -> Iterator[tuple[str, str | None]]:
    """Yield what stands before each pair of braces, and within; None for a statement without."""
    at = 0
    while at < len(style):
        opening, end = style.find("{", at), style.find(";", at)
        if end != -1 and (opening == -1 or end < opening):
            if head := style[at:end].strip():
                yield head, None
            at = end + 1
            continue
        if opening == -1:
            return
        closing = _closing(style, opening)
        yield style[at:opening].strip(), style[opening + 1 : closing]
        at = closing + 1


def _closing(style: str, opening: int) -> int:
    """Return where the braces that open at a place close; those in strings do not count."""
    depth, quote, at = 0, "", opening
    while at < len(style):
        sign = style[at]
        if quote:
            if sign == "\\":
                at += 1
            elif sign == quote:
                quote = ""
        elif sign in "\"'":
            quote = sign
        elif sign == "{":
            depth += 1
        elif sign == "}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return len(style)


def _selectors(head: str) -> Iterator[str]:
    """Yield the selectors of a list; commas within brackets do not part them."""
    depth, start = 0, 0
    for at, sign in enumerate(head):
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and depth == 0:
            yield head[start:at].strip()
            start = at + 1
    yield head[start:].strip()


def _may_match(selector: str, used: set[str]) -> bool:
    """Whether every class that a selector asks for is borne; what it excludes does not count."""
    needed = _OF_SELECTOR.findall(_LISTS.sub("", selector))
    return all(name.replace("\\", "") in used for name in needed)
