"""The looks of every page: one sheet, named in the policy of the page by its hash.

Colours stand here as data, so that a test can compute their contrast (WCAG 2.2 AA: 4.5:1 for
text, 3:1 for borders and focus). System fonts only: every system that has Vietnamese pupils has
one with all marks.
"""

import base64
import hashlib
from collections.abc import Mapping

# name -> (light, dark)
COLOURS: Mapping[str, tuple[str, str]] = {
    "back": ("#eef2f8", "#10141b"),
    "card": ("#ffffff", "#1a212d"),
    "soft": ("#f3f6fb", "#232c3b"),
    "text": ("#1b2431", "#e9eef6"),
    "dim": ("#475467", "#b6c2d3"),
    "line": ("#727d8e", "#8592a6"),
    "link": ("#0b4fa8", "#9fc9ff"),
    "on": ("#ffffff", "#10141b"),
    "order": ("#9a1f1f", "#ffb4ab"),
    "school": ("#17528f", "#9fc9ff"),
    "age": ("#5f3a94", "#d6bdff"),
    "warn": ("#7c4a00", "#ffcf87"),
    "error": ("#3c4857", "#c5cfdc"),
    "young": ("#0a6352", "#86dfc8"),
}
# One calm colour for the youngest, but for a warning: red would say that they did wrong.
KINDS = ("order", "school", "age", "warn", "error")
FONTS = 'system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Helvetica Neue",Arial,sans-serif'


def _variables(mode: int) -> str:
    return "".join(f"--{name}:{pair[mode]};" for name, pair in COLOURS.items())


SHEET = (
    f":root{{color-scheme:light dark;{_variables(0)}}}"
    f"@media (prefers-color-scheme:dark){{:root{{{_variables(1)}}}}}"
    + "".join(f".{kind}{{--main:var(--{kind})}}" for kind in KINDS)
    + ".primary:not(.warn){--main:var(--young)}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--back);color:var(--text);"
    f"font:1.0625rem/1.6 {FONTS};"
    "overflow-wrap:anywhere;-webkit-text-size-adjust:100%}"
    "body>*{max-width:42rem;margin:0 auto;padding:0 1rem}"
    "header{padding-top:2rem;color:var(--dim);font-weight:600}"
    "main{padding-top:1rem}"
    ".card{background:var(--card);border-radius:1rem;border-top:.375rem solid var(--main);"
    "padding:1.75rem 2rem;box-shadow:0 .125rem 1rem #0b1a331a}"
    ".top{display:flex;gap:1.25rem;align-items:flex-start}"
    ".top>div{flex:1;min-width:0}"
    "svg{flex:none;width:3.25rem;height:3.25rem;fill:none;stroke:var(--main);stroke-width:1.75;"
    "stroke-linecap:round;stroke-linejoin:round}"
    ".by{margin:0;color:var(--main);font-weight:600}"
    "h1{font-size:1.625rem;line-height:1.3;margin:.25rem 0 1rem;text-wrap:balance}"
    "h2{font-size:1.125rem;line-height:1.4;margin:1.75rem 0 .5rem}"
    "p{margin:.5rem 0;text-wrap:pretty}"
    "a{color:var(--link);text-underline-offset:.15em}"
    "dl{margin:1.25rem 0 0;display:grid;grid-template-columns:max-content 1fr;gap:.375rem 1.25rem}"
    "dt{color:var(--dim)}dd{margin:0;font-weight:500}"
    "fieldset{border:0;padding:0;margin:0}"
    "legend{padding:0;font-weight:600;margin-bottom:.25rem}"
    ".hidden{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}"
    "label{display:flex;gap:.625rem;align-items:flex-start;padding:.375rem 0}"
    "label.note{display:block}"
    "input[type=radio]{font:inherit;width:1.25rem;height:1.25rem;flex:none;"
    "margin:calc((1.6em - 1.25rem)/2) 0 0;"
    "accent-color:var(--main)}"
    "input[type=text]{display:block;width:100%;margin-top:.25rem;padding:.5rem .75rem;font:inherit;"
    "color:inherit;background:var(--card);border:1px solid var(--line);border-radius:.5rem}"
    "button{font:inherit;font-weight:600;color:var(--on);background:var(--main);margin-top:.75rem;"
    "border:2px solid var(--main);border-radius:.625rem;padding:.625rem 1.25rem;min-height:2.75rem;"
    "cursor:pointer}"
    "button.second{background:none;color:var(--main)}"
    ":focus-visible{outline:.1875rem solid var(--text);outline-offset:.1875rem;"
    "border-radius:.25rem}"
    ".help{background:var(--soft);border-radius:.75rem;padding:.75rem 1.25rem;margin-top:1.5rem}"
    ".help h2{margin-top:.25rem}.help b{white-space:nowrap}"
    ".ref{font:600 1.375rem/1.4 ui-monospace,Consolas,Menlo,monospace;letter-spacing:.06em}"
    "details{margin-top:1.25rem}summary{cursor:pointer;padding:.375rem 0;font-weight:600}"
    "details.ask{border-top:1px solid var(--soft);padding-top:.5rem}"
    "details.ask>summary{color:var(--main)}"
    ".about{color:var(--dim)}.about dd{color:var(--text)}"
    ".other .card{box-shadow:none}"
    "footer{padding-top:1.25rem;padding-bottom:2rem;color:var(--dim);font-size:.9375rem}"
    ".primary{font-size:1.25rem}.primary h1{font-size:2rem}"
    ".primary .card{border-radius:1.75rem;border-top-width:.625rem}"
    ".primary .top svg{width:7rem;height:7rem}"
    ".primary form{margin-top:1.25rem}"
    ".primary button{border-radius:2rem;padding:.75rem 1.75rem}"
    ".primary .about,.primary .other>summary,.primary footer{font-size:1rem}"
    ".other .card{padding-top:1rem}.other .top h2{font-size:1.375rem;margin:.25rem 0 .5rem}"
    "@media (max-width:32rem){.card{padding:1.25rem}.primary .top{display:block}"
    "header{padding-top:1rem}dl{display:block}dd{margin-bottom:.5rem}button{width:100%}}"
    "@media print{:root{color-scheme:light;"
    + _variables(0)
    + "}body{background:#fff}.card{border:1px solid;box-shadow:none}form,.ask{display:none}}"
)
HASH = "sha256-" + base64.b64encode(hashlib.sha256(SHEET.encode()).digest()).decode()
