"""A lighter book: rules that no element can match go, everything else stays."""

from __future__ import annotations

from pathlib import Path

from regime_lib.companion.publish.slim import (
    drop_unused,
    looks_of_code,
    merge_tokens,
    slim,
    without_unused,
)

USED = {"card", "open", "sm:wide"}


def test_rules_for_classes_that_nothing_bears_are_left_out() -> None:
    style = """/* .gone { } */ @import url("x.css"); body{margin:0} .card{color:red}
    .gone,.card.open>p{top:0} .card .gone{left:0}"""
    assert without_unused(style, USED) == (
        '@import url("x.css");body{margin:0}.card{color:red}.card.open>p{top:0}'
    )


def test_what_a_selector_excludes_or_leaves_open_does_not_count() -> None:
    style = ".card:not(.gone){a:b}:is(.gone,.card){c:d}.card:not(:has(.gone)){e:f}"
    assert without_unused(style, USED) == style


def test_groups_are_searched_and_left_out_where_nothing_remains() -> None:
    style = "@media print{.gone{a:b}}@media screen{.card{a:b}.gone{c:d}}@font-face{src:url(x)}"
    assert without_unused(style, USED) == "@media screen{.card{a:b}}@font-face{src:url(x)}"


def test_braces_in_texts_and_escaped_names_are_read_as_browsers_do() -> None:
    style = '.card::before{content:"}\\"{"}.sm\\:wide{a:b}.sm\\:thin{a:b}'
    assert without_unused(style, USED) == '.card::before{content:"}\\"{"}.sm\\:wide{a:b}'


def test_only_the_page_that_searches_loads_the_index(tmp_path: Path) -> None:
    scripts = (
        '<script src="_static/searchtools.js"></script>\n<script src="searchindex.js"></script>'
    )
    code = '<pre><span class="n">x</span> <span class="o">=</span> <span class="mi">1</span></pre>'
    licence = "said beside it"
    for name in ("index.html", "search.html"):
        links = f'<link href="basic.css">{scripts}<script src="a.js"></script>'
        text = f'<html class="card">{links}{code}</html>'
        (tmp_path / name).write_text(text, encoding="utf-8")
    static = tmp_path / "_static"
    static.mkdir()
    (static / "a.js").write_text("element.classList.add('made-by-script')", encoding="utf-8")
    (static / "a-LICENSE.txt").write_text(licence, encoding="utf-8")
    (static / "basic.css").write_text(".made-by-script{a:b}.gone{a:b}.card{a:b}", encoding="utf-8")
    slim(tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "searchindex" not in page
    assert '<script src="a.js">' in page
    assert '<pre>x = <span class="mi">1</span></pre>' in page
    assert (static / "a-LICENSE.txt").read_text(encoding="utf-8") == licence
    assert "searchindex" in (tmp_path / "search.html").read_text(encoding="utf-8")
    kept = (static / "basic.css").read_text(encoding="utf-8")
    assert kept == ".made-by-script{a:b}.card{a:b}"


def test_icons_that_pages_draw_themselves_bring_no_typeface() -> None:
    style = '@font-face{font-family:"Font Awesome 6 Free";src:url(x)}@font-face{font-family:Book}'
    assert without_unused(style, USED) == "@font-face{font-family:Book}"


SHEET = """html[data-theme="light"] .highlight .n { color: black }
html[data-theme="dark"] .highlight .n { color: white }
html[data-theme="light"] .highlight .nn { color: black }
html[data-theme="dark"] .highlight .nn { color: white }
html[data-theme="light"] .highlight .k { color: blue }
html[data-theme="dark"] .highlight .k { color: pink }
html[data-theme="light"] .highlight .ow { color: blue }
html[data-theme="dark"] .highlight .ow { color: pink }
html[data-theme="light"] .highlight .kc { color: blue }
html[data-theme="dark"] .highlight .kc { color: red }
"""


def test_tokens_that_look_alike_in_both_themes_share_an_element(tmp_path: Path) -> None:
    (tmp_path / "pygments.css").write_text(SHEET, encoding="utf-8")
    looks = looks_of_code(tmp_path / "pygments.css")
    code = (
        '<pre><span></span><span class="k">if</span> <span class="ow">not</span> '
        '<span class="nn">a</span><span class="o">.</span><span class="n">b</span>:\n  '
        '<span class="k">return</span> <span class="kc">None</span></pre>'
    )
    merged = merge_tokens(code, looks)
    assert merged == (
        '<pre><span class="k">if not</span> a.b:\n  '
        '<span class="k">return</span> <span class="kc">None</span></pre>'
    )
    assert merge_tokens(merged, looks) == merged
    blank = "<pre><span></span>\nx</pre>"  # a line that browsers would swallow
    assert merge_tokens(blank, looks) == blank


def test_files_that_nothing_names_go_and_what_a_kept_one_names_stays(tmp_path: Path) -> None:
    static = tmp_path / "_static"
    (static / "deep").mkdir(parents=True)
    (static / "pyodide").mkdir()
    files = {
        "used.js": 'load("worker.js")\n//# sourceMappingURL=used.js.map',
        "used.js.map": "{}",
        "worker.js": "1",
        "style.css": "@font-face { src: url(deep/face.woff2) }",
        "deep/face.woff2": "x",
        "deep/other.woff2": "x",
        "unused.css": "p { background: url(back.png) }",
        "back.png": "x",
        "paper.css": "",
        "LICENSE.txt": "",
        "pyodide/asked-for-by-its-loader.whl": "",
    }
    for name, text in files.items():
        (static / name).write_text(text, encoding="utf-8")
    page = '<link href="../_static/style.css?v=1"><script src="../_static/used.js?v=2"></script>'
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    drop_unused(tmp_path)
    left = {p.relative_to(static).as_posix() for p in static.rglob("*") if p.is_file()}
    assert set(files) - left == {"used.js.map", "deep/other.woff2", "unused.css", "back.png"}
