"""The style of a report, for both themes: every colour has contrast 4.5 on its ground, or more."""

_COLOURS = (
    "--ground:#fff;--ink:#1a1c20;--soft:#50555f;--line:#d5d8de;"
    "--c0:#0a629c;--c1:#b3400a;--c2:#00714f;--c3:#7a3ea8;--c4:#7a5c00;--c5:#a61e57"
)
_DARK = (
    "--ground:#14161a;--ink:#eceef2;--soft:#aab0bb;--line:#3a3f48;"
    "--c0:#6db7ee;--c1:#f5996a;--c2:#4fcf9f;--c3:#c79bf0;--c4:#dcbc4f;--c5:#f287b1"
)
_DASHES = ("none", "7 3", "2 3", "9 3 2 3", "4 2", "1 2")

STYLE = (
    f".regime{{{_COLOURS};color-scheme:light dark;background:var(--ground);color:var(--ink);"
    "font:16px/1.5 system-ui,sans-serif;margin:0}"
    f"@media (prefers-color-scheme:dark){{.regime{{{_DARK}}}}}"
    ".regime main{max-width:66rem;margin:0 auto;padding:1rem}"
    ".regime h1{font-size:1.5rem;overflow-wrap:anywhere}"
    ".regime h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid var(--line)}"
    ".regime .lead{font-size:1.1rem}"
    ".regime .charts{display:grid;gap:1rem 2rem;"
    "grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}"
    ".regime figure{margin:0}.regime figcaption{font-weight:600}"
    ".regime .chart{width:100%;height:auto}"
    ".regime .chart text{fill:var(--soft);font:13px system-ui,sans-serif}"
    ".regime .grid{stroke:var(--line)}.regime .axis{stroke:var(--soft)}"
    ".regime .line{fill:none;stroke-width:2}.regime .cell{fill:var(--c1)}"
    + "".join(
        f".regime .c{k}{{stroke:var(--c{k});stroke-dasharray:{dash}}}"
        for k, dash in enumerate(_DASHES)
    )
    + ".regime .keys{list-style:none;display:flex;flex-wrap:wrap;gap:0 1rem;margin:0;padding:0;"
    "font-size:.9rem}.regime .key{width:28px;height:8px;margin-right:.4rem;vertical-align:middle}"
    ".regime .wide{overflow-x:auto}.regime table{border-collapse:collapse;font-size:.9rem}"
    ".regime th,.regime td{text-align:left;padding:.25rem .8rem .25rem 0;"
    "border-bottom:1px solid var(--line);font-weight:400;vertical-align:top}"
    ".regime td:not(:last-child){white-space:nowrap}.regime thead th{font-weight:600}"
    ".regime summary{color:var(--soft);cursor:pointer}"
)
