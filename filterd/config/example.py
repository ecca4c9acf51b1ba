"""`config.example.yaml`: every key, explained, with the values of the default configuration.

A key without a default value stands there as a comment, with an example. The text loads as it is
and equals `default_config()`; the examples load too (a test puts them in).
"""

import textwrap
from typing import Any

import yaml
from pydantic import BaseModel

from filterd.config.keys import MODEL, MODEL_LIST, MODELS, Key, keys_of
from filterd.config.schema import Config

EXAMPLES: dict[str, dict[str, Any]] = {
    "Config": {
        "state_dir": "/var/lib/filterd",
        "overrides": "/var/lib/filterd/overrides.jsonl",
        "records": ["printer.school.example A 192.0.2.9", "*.lab.school.example 60 A 192.0.2.10"],
        "clients": {
            "library-1": {
                "group": "grades-8-9",
                "ids": ["192.0.2.71", "02:00:00:00:00:47"],
                "tags": ["device_pc"],
            }
        },
        "schedules": {
            "school-hours": {
                "windows": [
                    {"days": "mon-fri", "from": "07:00", "to": "11:30"},
                    {"days": "mon-fri", "from": "13:30", "to": "16:30"},
                ],
                "off": ["2027-02-04..2027-02-12", "2027-04-30"],
                "extra": {"2026-12-19": [{"from": "07:30", "to": "11:00"}]},
            }
        },
        "categories": {"shopping": 15},
        "lists": {
            "own-games": {"format": "domains", "path": "lists/games.txt", "category": "games"},
            "ads": {
                "format": "adblock",
                "url": "https://lists.example/ads.txt",
                "category": "ads",
                "refresh": "12h",
            },
        },
        "allow": ["library.example"],
        "block": ["games.example"],
    },
    "AccessConfig": {"networks": ["198.51.100.0/22", "2001:db8:100::/40"]},
    "QueryLimitsConfig": {"burst": 400},
    "ResponseLimitsConfig": {"negatives": 20, "errors": 20},
    "CookiesConfig": {
        "secret_file": "/etc/filterd/cookie.secret",
        "older_secret_file": "/etc/filterd/cookie-older.secret",
    },
    "UpstreamConfig": {
        "ca_file": "/etc/filterd/upstream-ca.pem",
        "zones": {"school.example": ["192.0.2.53"]},
    },
    "RebindConfig": {"exceptions": ["intranet.example"]},
    "GroupConfig": {
        "grade": 3,
        "lists": ["own-games"],
        "categories": {"shopping": "block", "messaging": 15},
        "services": {"block": ["tiktok"], "allow": ["zalo"]},
        "schedules": [{"during": "school-hours", "block": ["category:games", "service:youtube"]}],
        "allow": ["club.example"],
        "block": ["chat.example"],
        "networks": ["192.0.2.0/24", "2001:db8:0:3::/64"],
        "answer": {"style": "nxdomain", "ttl": "1m"},
    },
    "ServicesConfig": {"block": ["tiktok"], "allow": ["zalo"]},
    "AnswerConfig": {"ipv4": "192.0.2.80", "ipv6": "2001:db8::80"},
    "ListConfig": {
        "url": "https://lists.example/games.txt",
        "path": "lists/games.txt",
        "category": "games",
        "min_age": "game:12+",
        "zone": "rpz.example",
        "sha256": "0" * 64,
        "refresh": "1d",
    },
    "HttpConfig": {
        "python": "/usr/lib/filterd/venv-http/bin/python",
        "nameless": ["192.0.2.0/24"],
        "never_decrypt": ["credit-union.example"],
        "ca": "/var/lib/filterd/http/ca",
        "upstream_ca": "/etc/ssl/certs/ca-certificates.crt",
    },
    "HttpPageConfig": {"words": "block-page"},
    "HttpMediaConfig": {"sets": "/etc/filterd/media"},
    "HttpListenConfig": {"explicit": ["192.0.2.1:3128"], "transparent": ["192.0.2.1:3129"]},
    "HttpInspectConfig": {
        "groups": ["primary"],
        "categories": ["social"],
        "explain": ["primary"],
    },
    "GatewayConfig": {
        "lan": ["br-lan"],
        "uplink": ["eth0"],
        "doh": ["192.0.2.53", "2001:db8::53"],
        "exempt": ["192.0.2.2"],
        "reachable": ["198.51.100.0/24"],
    },
    "EgressConfig": {"groups": ["primary"]},
    "LogConfig": {"path": "/var/lib/filterd/log.sqlite"},
    "ControlConfig": {"socket": "/run/filterd/control.sock"},
}
_HEAD = """\
# The configuration of filterd: every key, with what it means and what it is when left out.
# Keys behind a # have no value by default; what stands there is an example.
# Written by `python -m filterd.config.document`; copy it, then keep only what you change.
"""


def example(config: Config) -> str:
    """Return the commented YAML text of `config`."""
    values = config.model_dump(by_alias=True)
    brief = config.model_dump(by_alias=True, exclude_defaults=True)
    first = next(iter(config.groups))  # the first group shows every key, the others what they say
    values["groups"] = {**brief["groups"], first: values["groups"][first]}
    return _HEAD + "\n" + "\n".join(_section(Config, values, full=True, top=True)) + "\n"


def _section(
    model: type[BaseModel], values: dict[str, Any], *, full: bool, top: bool = False
) -> list[str]:
    lines: list[str] = []
    for key in keys_of(model):
        value = values.get(key.name)
        empty = value is None or value in ((), [], {})
        if empty and not full:
            continue
        if full:
            lines += [f"# {line}" for line in textwrap.wrap(key.meaning, 92)]
        if not empty:
            lines += _entry(key, value, full=full)
        else:
            shown = EXAMPLES.get(model.__name__, {}).get(key.name)
            lines += [f"# {line}" for line in _entry(key, shown, full=False)]
        if top:
            lines.append("")
    return lines


def _entry(key: Key, value: Any, *, full: bool) -> list[str]:
    if key.model is not None and isinstance(value, dict):
        if key.kind == MODEL:
            body = _section(key.model, value, full=full)
            if all(line.startswith("#") for line in body):  # nothing to load: an example whole
                shown = _section(key.model, EXAMPLES[key.model.__name__], full=True)
                return [f"# {key.name}:", *(f"#   {line}" for line in shown)]
            return [f"{key.name}:", *_indented(body)]
        if key.kind == MODELS:
            lines = [f"{key.name}:"]
            for index, (name, entry) in enumerate(value.items()):
                body = _section(key.model, entry, full=full and index == 0)
                lines += _indented([f"{on_one_line(name)}:", *_indented(body)])
            return lines
    if key.kind == MODEL_LIST and value:
        return [f"{key.name}:", *(f"  - {on_one_line(item)}" for item in value)]
    return [f"{key.name}: {on_one_line(value)}"]


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def on_one_line(value: Any) -> str:
    """Write a value on one line, quoted where a YAML 1.1 reader would guess."""
    text = yaml.safe_dump([_plain(value)], default_flow_style=True, width=10_000, sort_keys=False)
    return text.strip().removeprefix("[").removesuffix("]")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
