"""Draws a dashboard's JSON with the real results of its queries, as Grafana would lay it out.

Not Grafana: no colours of series but those that are fixed, and plain SVG. Enough to see whether a
panel says what it should, fits its place, and has its unit, words and thresholds.
"""

import html
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]
Points = Sequence[tuple[float, float]]
Series = Sequence[
    tuple[Mapping[str, str], Points]
]  # labels, points; of an instant query, one point
Ask = Callable[[str, bool], Series]  # a query of a panel; is it instant

ROW, GAP = 38, 8  # pixels of a row of Grafana's grid
WIDTH = 1500
_NAMED = {"green": "#3f9b4f", "orange": "#e58a00", "red": "#d5303e", "blue": "#3274d9"}
_PALETTE = ("#3f9b4f", "#e0b400", "#3274d9", "#e58a00", "#d5303e", "#7b61c9", "#1f8a8a", "#8e8e8e")
_STYLE = """
body{margin:0;background:#f4f5f5;font:13px sans-serif;color:#24292e}
h1{font-size:20px;margin:14px 8px 0} p{margin:2px 8px 8px;color:#666}
.board{position:relative;width:%dpx} .panel,.row{position:absolute;box-sizing:border-box}
.panel{background:#fff;border:1px solid #dfe2e5;border-radius:3px;padding:6px 8px;overflow:hidden}
.row{font-weight:600;font-size:15px;padding:8px 4px} .title{font-weight:600;white-space:nowrap}
.big{font-size:34px;text-align:center;font-weight:600;padding-top:22px;white-space:nowrap}
.none{color:#8e8e8e;text-align:center;padding-top:40px;font-size:15px} .small{font-size:20px}
table{border-collapse:collapse;width:100%%;margin-top:6px} td,th{padding:4px 8px;text-align:left}
th{color:#3274d9;border-bottom:1px solid #dfe2e5} td{border-bottom:1px solid #f0f0f0}
.bar{display:flex;align-items:center;margin-top:6px} .bar i{height:14px;display:block}
.bar span{width:38%%;overflow:hidden;white-space:nowrap} .bar b{padding-left:6px}
.legend{font-size:12px;white-space:nowrap} .legend i{display:inline-block;width:10px;height:4px;
margin:0 4px 2px 10px}
"""


def draw(board: Json, ask: Ask) -> tuple[str, int]:
    """Return the page, and its height in pixels."""
    told: list[str] = []
    height = 0
    for panel in board["panels"]:
        place = panel["gridPos"]
        left, width = place["x"] * WIDTH / 24, place["w"] * WIDTH / 24 - GAP
        top, tall = place["y"] * ROW, place["h"] * ROW - GAP
        height = max(height, top + tall)
        kind = "row" if panel["type"] == "row" else "panel"
        inner = html.escape(panel["title"])
        if kind == "panel":
            inner = f'<div class="title">{inner}</div>{_content(panel, ask, width, tall)}'
        told.append(
            f'<div class="{kind}" style="left:{left + 4:.0f}px;top:{top}px;'
            f'width:{width:.0f}px;height:{tall}px">{inner}</div>'
        )
    head = f"<h1>{html.escape(board['title'])}</h1><p>{html.escape(board['description'])}</p>"
    page = f'<div class="board" style="height:{height}px">{"".join(told)}</div>'
    style = _STYLE % WIDTH
    return f'<meta charset="utf-8"><style>{style}</style>{head}{page}', height + 80


def _content(panel: Json, ask: Ask, width: float, tall: float) -> str:
    instant = panel["type"] != "timeseries"
    results = [(target, ask(target["expr"], instant)) for target in panel["targets"]]
    if not any(series for _, series in results):
        said = panel["fieldConfig"]["defaults"].get("noValue", "No data")
        return f'<div class="none">{html.escape(said)}</div>'
    if panel["type"] == "table":
        return _table(panel, results)
    named = [
        (_name(target, labels), points)
        for target, series in results
        for labels, points in (_buckets(series) if target["format"] == "heatmap" else series)
    ]
    if panel["type"] == "stat":
        return _stat(panel, named)
    if panel["type"] == "bargauge":
        return _bars(panel, named)
    return _lines(panel, named, width - 18, tall - 62)


def _buckets(series: Series) -> Series:
    """Sort buckets, and leave in each what is in it alone."""
    told, below = [], 0.0
    for labels, points in sorted(series, key=lambda each: float(each[0]["le"])):
        at, number = points[-1]
        told.append((labels, [(at, number - below)]))
        below = number
    return told


def _name(target: Json, labels: Mapping[str, str]) -> str:
    name = target["legendFormat"]
    for label, value in labels.items():
        name = name.replace("{{" + label + "}}", value)
    return name


def _override(panel: Json, name: str, what: str) -> Any:
    for each in panel["fieldConfig"]["overrides"]:
        if each["matcher"]["options"] == name:
            for one in each["properties"]:
                if one["id"] == what:
                    return one["value"]
    return None


def _color(steps: Json, value: float) -> str:
    color = "blue"
    for step in steps["steps"]:
        if step["value"] is None or value >= step["value"]:
            color = step["color"]
    return _NAMED.get(color, color)


def said(value: float, unit: str, decimals: int | None = None) -> str:
    """Return a number with its unit, roughly as Grafana says it."""
    if math.isnan(value):
        return "NaN"
    if unit == "percentunit":
        return f"{value * 100:.{1 if decimals is None else decimals}f} %"
    if unit == "bool_yes_no":
        return "Yes" if value else "No"
    if unit == "s":
        return _seconds(value, decimals)
    if unit == "bytes":
        for size, word in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
            if value >= size:
                return f"{value / size:.1f} {word}"
        return f"{value:.0f} B"
    for size, word in ((1e9, "Bil"), (1e6, "Mil"), (1e3, "K")):
        if abs(value) >= size:
            return f"{value / size:.3g} {word}"
    return f"{value:.{decimals}f}" if decimals is not None else f"{value:.3g}"


def _seconds(value: float, decimals: int | None) -> str:
    for size, word in ((86_400, "days"), (3600, "hours"), (60, "mins"), (1, "s"), (1e-3, "ms")):
        if abs(value) >= size:
            return f"{value / size:.{2 if decimals is None else decimals}f} {word}"
    return f"{value * 1e6:.0f} µs" if value else "0 s"


def _stat(panel: Json, named: Sequence[tuple[str, Points]]) -> str:
    field = panel["fieldConfig"]["defaults"]
    value = named[0][1][-1][1]
    text = said(value, field["unit"], field.get("decimals"))
    for mapping in field.get("mappings", ()):
        text = mapping["options"].get(f"{value:g}", {"text": text})["text"]
    color = _color(field["thresholds"], value)
    return f'<div class="big" style="color:{color}">{html.escape(text)}</div>'


def _bars(panel: Json, named: Sequence[tuple[str, Points]]) -> str:
    field = panel["fieldConfig"]["defaults"]
    most = field.get("max") or max(points[-1][1] for _, points in named) or 1
    told = []
    for name, points in named:
        value = points[-1][1]
        word = _override(panel, name, "displayName") or name
        color = _color(field["thresholds"], value)
        told.append(
            f'<div class="bar"><span>{html.escape(word)}</span><i style="background:{color};'
            f'width:{max(0.0, value) / most * 45:.1f}%"></i>'
            f"<b>{said(value, field['unit'], field.get('decimals'))}</b></div>"
        )
    return "".join(told)


def _table(panel: Json, results: Sequence[tuple[Json, Series]]) -> str:
    organize = panel["transformations"][-1]["options"]
    names, hidden = organize["renameByName"], organize["excludeByName"]
    several = len(results) > 1
    rows: dict[tuple[tuple[str, str], ...], dict[str, float]] = {}
    for target, series in results:
        column = f"Value #{target['refId']}" if several else "Value"
        for labels, points in series:
            rows.setdefault(tuple(labels.items()), {})[column] = points[-1][1]
    labels = list(dict.fromkeys(label for key in rows for label, _ in key if label not in hidden))
    columns = [f"Value #{target['refId']}" if several else "Value" for target, _ in results]
    head = "".join(f"<th>{html.escape(names.get(each, each))}</th>" for each in (*labels, *columns))
    body = []
    for key, values in rows.items():
        cells = "".join(f"<td>{html.escape(dict(key).get(label, ''))}</td>" for label in labels)
        cells += "".join(_cell(panel, names[each], values.get(each)) for each in columns)
        body.append(f"<tr>{cells}</tr>")
    return f"<table><tr>{head}</tr>{''.join(body)}</table>"


def _cell(panel: Json, name: str, value: float | None) -> str:
    if value is None:
        return "<td></td>"
    unit = _override(panel, name, "unit") or panel["fieldConfig"]["defaults"]["unit"]
    steps = _override(panel, name, "thresholds")
    color = "" if steps is None else f"color:{_color(steps, value)};font-weight:600"
    return f'<td style="{color}">{said(value, unit, _override(panel, name, "decimals"))}</td>'


def _lines(panel: Json, named: Sequence[tuple[str, Points]], width: float, tall: float) -> str:
    field = panel["fieldConfig"]["defaults"]
    stacked = field["custom"]["stacking"]["mode"] == "normal"
    drawn = [(name, [(x, 0.0 if math.isnan(y) else y) for x, y in line]) for name, line in named]
    if stacked:
        drawn = _stacked(drawn)
    left, right = (
        min(p[0] for _, line in drawn for p in line),
        max(p[0] for _, line in drawn for p in line),
    )
    most = max(field.get("max", 0.0), *(y for _, line in drawn for _, y in line), 0.001) * 1.08
    inner = width - 60

    def at(x: float, y: float) -> str:
        across = (x - left) / (right - left or 1)
        return f"{58 + across * inner:.1f},{tall - y / most * (tall - 8):.1f}"

    told, legend = [], []
    for part in range(4):
        y = tall - part / 4 * (tall - 8)
        mark = said(most * part / 4, field["unit"])
        told.append(f'<line x1="58" x2="{width}" y1="{y}" y2="{y}" stroke="#e8e8e8"/>')
        told.append(f'<text x="52" y="{y + 4}" font-size="11" text-anchor="end">{mark}</text>')
    for number, (name, line) in reversed(list(enumerate(drawn))):
        fixed = _override(panel, name, "color")
        color = _PALETTE[number % len(_PALETTE)]
        if fixed is not None:
            color = _NAMED.get(fixed["fixedColor"], fixed["fixedColor"])
        points = " ".join(at(x, y) for x, y in line)
        if stacked:
            ends = f"{at(line[-1][0], 0)} {at(line[0][0], 0)}"
            told.append(f'<polygon points="{points} {ends}" fill="{color}" fill-opacity="0.5"/>')
        told.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        word = html.escape(_override(panel, name, "displayName") or name)
        legend.append(f'<i style="background:{color}"></i>{word}')
    if field["custom"]["thresholdsStyle"]["mode"] != "off":
        for step in field["thresholds"]["steps"][1:]:
            if step["value"] <= most:
                color = _NAMED.get(step["color"], step["color"])
                ends = at(left, step["value"]), at(right, step["value"])
                told.append(
                    f'<polyline points="{ends[0]} {ends[1]}" stroke="{color}" stroke-dasharray="6"/>'
                )
    svg = f'<svg width="{width:.0f}" height="{tall + 6:.0f}">{"".join(told)}</svg>'
    return f'{svg}<div class="legend">{"".join(reversed(legend))}</div>'


def _stacked(
    drawn: Sequence[tuple[str, Sequence[tuple[float, float]]]],
) -> list[tuple[str, list[tuple[float, float]]]]:
    below: dict[float, float] = {}
    told = []
    for name, line in drawn:
        raised = []
        for x, y in line:
            below[x] = below.get(x, 0.0) + y
            raised.append((x, below[x]))
        told.append((name, raised))
    return told
