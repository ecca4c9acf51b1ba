"""A board as Grafana's JSON (schema version 38, Grafana 10.1 and later). Pure.

Panels lie as in Grafana itself: each as high up, then as far left, as there is room.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from deploy.grafana.board import COLUMNS, Board, Kind, Panel, Query, Steps, Text, Variable

Json = dict[str, Any]
SCHEMA = 38
DATASOURCE = {"type": "prometheus", "uid": "filterd-prometheus"}
_LETTERS = "ABCDEFGHIJ"
_HOME = {"vi": "Tất cả bảng của filterd", "en": "All of filterd"}
_SEVERITY = {"vi": "mức", "en": "severity"}
_ALL = {"vi": "Tất cả", "en": "All"}


def dashboard(board: Board, language: str) -> Json:
    """Return the whole dashboard in a language."""
    return {
        "uid": f"{board.uid}-{language}",
        "title": board.title.of(language),
        "description": board.about.of(language),
        "tags": ["filterd", language],
        "schemaVersion": SCHEMA,
        "editable": False,
        "graphTooltip": 1,  # one crosshair for all panels
        "refresh": "30s",
        "time": {"from": board.span, "to": "now"},
        "timezone": "browser",
        "weekStart": "monday",
        "templating": {"list": [_variable(each, language) for each in board.variables]},
        "annotations": {"list": []},
        "links": [_link(language)],
        "panels": list(_panels(board, language)),
    }


def _link(language: str) -> Json:
    return {
        "title": _HOME[language],
        "type": "dashboards",
        "tags": ["filterd", language],
        "asDropdown": True,
        "icon": "external link",
        "includeVars": False,
        "keepTime": True,
        "targetBlank": False,
        "tooltip": "",
        "url": "",
    }


def _variable(variable: Variable, language: str) -> Json:
    every = {"text": _ALL[language], "value": "$__all", "selected": True}
    return {
        "name": variable.name,
        "type": "query",
        "label": variable.title.of(language),
        "datasource": DATASOURCE,
        "query": {"query": variable.query, "refId": variable.name},
        "refresh": 2,  # whenever the range changes
        "sort": 1,
        "multi": variable.several,
        "includeAll": variable.several,
        **({"allValue": ".*", "current": every} if variable.several else {}),
    }


def _panels(board: Board, language: str) -> Iterator[Json]:
    numbers, heights = itertools.count(1), [0] * COLUMNS
    for row in board.rows:
        top = max(heights)
        if row.title is not None:
            place = {"x": 0, "y": top, "w": COLUMNS, "h": 1}
            yield {
                "id": next(numbers),
                "type": "row",
                "title": row.title.of(language),
                "collapsed": False,
                "gridPos": place,
                "panels": [],
            }
            top += 1
        heights = [top] * COLUMNS
        for panel in row.panels:
            yield _panel(panel, language) | {
                "id": next(numbers),
                "gridPos": _placed(heights, panel),
            }


def _placed(heights: list[int], panel: Panel) -> Json:
    tops = [max(heights[x : x + panel.width]) for x in range(COLUMNS - panel.width + 1)]
    y = min(tops)
    x = tops.index(y)
    heights[x : x + panel.width] = [y + panel.height] * panel.width
    return {"x": x, "y": y, "w": panel.width, "h": panel.height}


def _panel(panel: Panel, language: str) -> Json:
    return {
        "type": panel.kind.value,
        "title": panel.title.of(language),
        "description": panel.about.of(language),
        "datasource": DATASOURCE,
        "targets": [
            _target(panel, query, letter, language)
            for query, letter in zip(panel.queries, _LETTERS, strict=False)
        ],
        "options": _options(panel.kind),
        "fieldConfig": {
            "defaults": _defaults(panel, language),
            "overrides": _overrides(panel, language),
        },
        "transformations": _table(panel, language) if panel.kind is Kind.TABLE else [],
    }


def _target(panel: Panel, query: Query, letter: str, language: str) -> Json:
    instant = panel.kind is not Kind.LINES
    # Grafana sorts the buckets of a "heatmap" and takes from each what is in the one below.
    form = "heatmap" if query.buckets else "table" if panel.kind is Kind.TABLE else "time_series"
    return {
        "refId": letter,
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": query.expr,
        "legendFormat": "__auto" if query.name == "" else _word(query.name, language),
        "format": form,
        "instant": instant,
        "range": not instant,
    }


def _word(name: Text | str, language: str) -> str:
    return name if isinstance(name, str) else name.of(language)


def _options(kind: Kind) -> Json:
    last: Json = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    match kind:
        case Kind.STAT:
            return {
                "colorMode": "value",
                "graphMode": "none",
                "justifyMode": "center",
                "orientation": "auto",
                "reduceOptions": last,
                "textMode": "value",
            }
        case Kind.BARS:
            return {
                "displayMode": "basic",
                "orientation": "horizontal",
                "reduceOptions": last,
                "showUnfilled": True,
                "valueMode": "text",
                "minVizHeight": 10,
                "minVizWidth": 0,
            }
        case Kind.TABLE:
            return {"showHeader": True, "cellHeight": "sm"}
        case Kind.LINES:
            legend: Json = {
                "displayMode": "list",
                "placement": "bottom",
                "showLegend": True,
                "calcs": [],
            }
            return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}


def _defaults(panel: Panel, language: str) -> Json:
    made: Json = {"unit": panel.unit, "thresholds": _steps(panel.steps or ((None, "blue"),))}
    if panel.kind is Kind.LINES:
        made |= {"color": {"mode": "palette-classic"}, "min": 0, "custom": _lines(panel)}
    elif panel.kind is Kind.BARS:
        made |= {"color": {"mode": "thresholds"}, "min": 0}
    else:
        made |= {"color": {"mode": "thresholds"}}
    if panel.most is not None:
        made["max"] = panel.most
    if panel.decimals is not None:
        made["decimals"] = panel.decimals
    if panel.nothing is not None:
        made["noValue"] = panel.nothing.of(language)
    if panel.kind is Kind.STAT and panel.words:
        words = {number: {"text": word.of(language)} for number, word in panel.words.items()}
        made["mappings"] = [{"type": "value", "options": words}]
    return made


def _lines(panel: Panel) -> Json:
    mode = "normal" if panel.stacked else "none"
    return {
        "drawStyle": "line",
        "lineWidth": 1 if panel.stacked else 2,
        "lineInterpolation": "linear",
        "fillOpacity": 40 if panel.stacked else 8,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": mode, "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if panel.steps else "off"},
    }


def _steps(steps: Steps | tuple[tuple[None, str]]) -> Json:
    return {
        "mode": "absolute",
        "steps": [{"value": start, "color": str(color)} for start, color in steps],
    }


def _overrides(panel: Panel, language: str) -> list[Json]:
    if panel.kind is Kind.TABLE:
        return [_column(query, language) for query in panel.queries if query.unit]
    found: dict[str, list[Json]] = {}
    if panel.kind is not Kind.STAT:
        for name, word in panel.words.items():
            shown = {"id": "displayName", "value": word.of(language)}
            found.setdefault(name, []).append(shown)
    used = set(panel.words) | {_word(query.name, language) for query in panel.queries} | _RAW
    for name, color in panel.colors.items():
        if name in used:
            fixed = {"mode": "fixed", "fixedColor": str(color)}
            found.setdefault(name, []).append({"id": "color", "value": fixed})
    return [
        {"matcher": {"id": "byName", "options": name}, "properties": properties}
        for name, properties in found.items()
    ]


_RAW = {"NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED"}  # words that need no other


def _column(query: Query, language: str) -> Json:
    properties: list[Mapping[str, Any]] = [{"id": "unit", "value": query.unit}]
    if query.unit in {"percentunit", "short"}:
        properties.append({"id": "decimals", "value": 1 if query.unit == "percentunit" else 0})
    if query.steps:
        properties += [
            {"id": "thresholds", "value": _steps(query.steps)},
            {"id": "custom.cellOptions", "value": {"type": "color-text"}},
        ]
    name = _word(query.name, language)
    return {"matcher": {"id": "byName", "options": name}, "properties": properties}


def _table(panel: Panel, language: str) -> list[Json]:
    several = len(panel.queries) > 1
    values = [f"Value #{letter}" if several else "Value" for letter in _LETTERS]
    names = {
        value: _word(query.name, language)
        for value, query in zip(values, panel.queries, strict=False)
    }
    names["severity"] = _SEVERITY[language]
    if panel.by_name is not None:
        names[panel.by] = panel.by_name.of(language)
    times = [f"Time {number}" for number in range(1, len(panel.queries) + 1)]
    organize = {
        "id": "organize",
        "options": {
            "excludeByName": dict.fromkeys(["Time", *times], True),
            "indexByName": {},
            "renameByName": names,
        },
    }
    join = {"id": "joinByField", "options": {"byField": panel.by, "mode": "outer"}}
    return [join, organize] if several else [organize]
