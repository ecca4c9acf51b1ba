"""From the header book and the configuration to the plan that HTTP workers are given.

The plan is plain JSON (`filterd/http/request_headers.py` reads it): names, fields, groups. Only
groups that are filtered are in it.
"""

from collections.abc import Iterable
from typing import Any

from filterd.config.http_headers import HttpHeadersConfig, TenantConfig
from filterd.model.errors import ConfigError
from filterd.model.group import Group
from filterd.policy.http_header_book import HeaderBook, TenantService

VERSION = 1


def header_plan(
    book: HeaderBook, groups: Iterable[Group], config: HttpHeadersConfig
) -> dict[str, Any]:
    """Return the plan as JSON values, the same for the same input.

    Raises:
        ConfigError: a service, word or group that is not there, or a value that is missing.
    """
    filtered = [group for group in groups if group.filtered]
    safe = sorted(group.name for group in filtered if group.safe_search and config.safe_search)
    headers = []
    for level, value in book.youtube if config.youtube else ():
        names = sorted(group.name for group in filtered if group.youtube == level)
        if names:
            headers.append(_row(book.youtube_names, (), names, {book.youtube_header: value}))
    if safe:
        headers.append(_row(book.prefer_safe, (), safe, {}) | {"prefer_safe": True})
    headers += _tenants(book, config, sorted(group.name for group in filtered))
    search = [
        {
            "names": list(each.names), "paths": list(each.paths), "parameter": each.parameter,
            "value": each.value, "groups": safe,
        }
        for each in book.search
        if safe
    ]  # fmt: skip
    return {"version": VERSION, "headers": headers, "search": search}


def _row(
    names: tuple[str, ...], under: tuple[str, ...], groups: list[str], fields: dict[str, str]
) -> dict[str, Any]:
    return {"names": list(names), "under": list(under), "groups": groups, "set": fields}


def _tenants(book: HeaderBook, config: HttpHeadersConfig, known: list[str]) -> list[dict[str, Any]]:
    services = {service.name: service for service in book.tenants}
    rows, problems = [], []
    for name, use in config.tenants.items():
        service = services.get(name)
        if service is None:
            there = ", ".join(services)
            problems.append(f"http.headers.tenants: no service {name!r}; there are {there}")
            continue
        problems += _faults(service, use, known)
        groups = known if use.groups is None else sorted(set(use.groups))
        rows.append(_row(service.names, service.under, groups, _fields(service, use)))
    if problems:
        raise ConfigError(tuple(problems))
    return rows


def _fields(service: TenantService, use: TenantConfig) -> dict[str, str]:
    own = {each.header: ",".join(use.set.get(each.word, ())) for each in service.fields}
    return own if service.fixed is None else {**own, service.fixed[0]: service.fixed[1]}


def _faults(service: TenantService, use: TenantConfig, known: list[str]) -> Iterable[str]:
    place = f"http.headers.tenants.{service.name}"
    words = {each.word: each for each in service.fields}
    for word, values in use.set.items():
        if word not in words:
            yield f"{place}.set: no {word!r}; there are {', '.join(words) or 'none'}"
        elif len(values) > 1 and not words[word].many:
            yield f"{place}.set.{word}: takes one value"
    for word in words:
        if word not in use.set:
            yield f"{place}.set: {word} is missing; {service.title} needs it"
    for group in use.groups or ():
        if group not in known:
            yield f"{place}.groups: no filtered group {group!r}"
