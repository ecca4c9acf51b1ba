"""`rules/http-headers.yaml` as a value: what services take from networks, and under which names."""

from dataclasses import dataclass
from pathlib import Path

from filterd.config.tree import read_tree
from filterd.model.errors import RulesError
from filterd.model.group import RuleBook
from filterd.policy.rulefile import RuleFile

FILE = "http-headers.yaml"


@dataclass(frozen=True, slots=True)
class TenantField:
    """A header field whose value the school sets; `many`: several, with commas between."""

    word: str
    header: str
    many: bool


@dataclass(frozen=True, slots=True)
class TenantService:
    """A service that lets networks say whose accounts may sign in."""

    name: str
    title: str
    names: tuple[str, ...]
    under: tuple[str, ...]
    fields: tuple[TenantField, ...]
    fixed: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class SafeParameter:
    """A search engine's parameter."""

    names: tuple[str, ...]
    paths: tuple[str, ...]
    parameter: str
    value: str


@dataclass(frozen=True, slots=True)
class HeaderBook:
    """The whole file. `youtube` is (level, value) pairs."""

    youtube_header: str
    youtube: tuple[tuple[str, str], ...]
    youtube_names: tuple[str, ...]
    prefer_safe: tuple[str, ...]
    search: tuple[SafeParameter, ...]
    tenants: tuple[TenantService, ...]


def load_header_book(directory: Path, book: RuleBook) -> HeaderBook:
    """Read the file; `book` has the names of the search engines.

    Raises:
        RulesError: the file is missing or wrong; the message has a line for each fault.
    """
    path = directory / FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RulesError(f"{path}: cannot be read: {error.strerror}") from error
    problems: list[str] = []
    file = RuleFile(str(path), read_tree(data), problems)
    file.only((), "youtube", "prefer_safe", "search", "tenants")
    file.only(("youtube",), "header", "moderate", "strict", "names")
    file.only(("prefer_safe",), "names")
    levels = ("moderate", "strict")
    found = HeaderBook(
        youtube_header=file.text(("youtube",), "header"),
        youtube=tuple((level, file.text(("youtube",), level)) for level in levels),
        youtube_names=file.names(("youtube",), "names"),
        prefer_safe=file.names(("prefer_safe",), "names"),
        search=tuple(_parameter(file, name, book) for name in file.keys(("search",))),
        tenants=tuple(_tenant(file, name) for name in file.keys(("tenants",))),
    )
    if problems:
        raise RulesError("\n".join(problems))
    return found


def _parameter(file: RuleFile, name: str, book: RuleBook) -> SafeParameter:
    path = ("search", name)
    file.only(path, "engine", "parameter", "value", "paths")
    engine = file.text(path, "engine")
    names = tuple(n for each in book.safe_search if each.engine == engine for n in each.names)
    if not names:
        file.wrong((*path, "engine"), f"no engine {engine!r} in safesearch.yaml")
    paths = file.value((*path, "paths"))
    if not isinstance(paths, tuple) or not all(str(each).startswith("/") for each in paths):
        file.wrong((*path, "paths"), "must be a list of paths, each beginning with /")
        paths = ()
    return SafeParameter(names, paths, file.text(path, "parameter"), file.text(path, "value"))


def _tenant(file: RuleFile, name: str) -> TenantService:
    path = ("tenants", name)
    file.only(path, "title", "names", "under", "headers", "fixed")
    names = file.names(path, "names") if file.has(path, "names") else ()
    under = file.names(path, "under") if file.has(path, "under") else ()
    if not names and not under:
        file.wrong(path, "needs names or under")
    fields = []
    for word in file.keys((*path, "headers")) if file.has(path, "headers") else ():
        place = (*path, "headers", word)
        file.only(place, "header", "takes")
        takes = file.text(place, "takes")
        if takes not in ("one", "many"):
            file.wrong((*place, "takes"), "must be one or many")
        fields.append(TenantField(word, file.text(place, "header"), takes == "many"))
    fixed = None
    if file.has(path, "fixed"):
        file.only((*path, "fixed"), "header", "value")
        fixed = (file.text((*path, "fixed"), "header"), file.text((*path, "fixed"), "value"))
    if not fields and fixed is None:
        file.wrong(path, "needs headers or fixed")
    return TenantService(name, file.text(path, "title"), names, under, tuple(fields), fixed)
