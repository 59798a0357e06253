"""A lighter book: rules that no element can match go, everything else stays."""

from __future__ import annotations

from pathlib import Path

from regime_lib.companion.publish.slim import slim, without_unused

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
    for name in ("index.html", "search.html"):
        text = f'<html class="card">{scripts}{code}<script src="a.js"></script></html>'
        (tmp_path / name).write_text(text, encoding="utf-8")
    static = tmp_path / "_static"
    static.mkdir()
    (static / "a.js").write_text("element.classList.add('made-by-script')", encoding="utf-8")
    (static / "basic.css").write_text(".made-by-script{a:b}.gone{a:b}.card{a:b}", encoding="utf-8")
    slim(tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "searchindex" not in page
    assert '<script src="a.js">' in page
    assert "<pre>x " in page
    assert '<span class="o">=</span>' in page
    assert "searchindex" in (tmp_path / "search.html").read_text(encoding="utf-8")
    kept = (static / "basic.css").read_text(encoding="utf-8")
    assert kept == ".made-by-script{a:b}.card{a:b}"
