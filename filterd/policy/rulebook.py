"""`rules/` as one value: what the project itself knows of categories, ages, services and resolvers.

The files are data with a strict shape. An unknown key, a word that is not defined, or a name that
is both protected and blocked is refused with file and line, and every fault is told at once.
"""

import sys
from pathlib import Path

from filterd.config.tree import read_tree
from filterd.model.errors import RulesError
from filterd.model.group import (
    ADULT,
    ALWAYS,
    Category,
    RuleBook,
    SafeSearch,
    Service,
)
from filterd.model.name import parents
from filterd.policy.rulefile import RuleFile

EVERYONE = "everyone"  # in place of an age: above every age


def default_directory() -> Path:
    """Return where `rules/` is: beside the package (a checkout), or where it is installed.

    Raises:
        RulesError: in none of the places; the message names them.
    """
    places = (
        Path(__file__).resolve().parents[2] / "rules",
        Path(sys.prefix) / "share/filterd/rules",
        Path("/usr/share/filterd/rules"),
    )
    for place in places:
        if (place / "categories.yaml").is_file():
            return place
    looked = ", ".join(str(place) for place in places)
    raise RulesError(f"no rules directory with categories.yaml; looked in {looked}")


def load_rulebook(directory: Path) -> RuleBook:
    """Read every file of `directory`.

    Raises:
        RulesError: a file is missing or wrong; the message has a line for each fault.
    """
    problems: list[str] = []

    def read(name: str) -> RuleFile:
        try:
            text = (directory / name).read_bytes()
        except OSError as error:
            problems.append(f"{directory / name}: cannot be read: {error.strerror}")
            text = b""
        return RuleFile(str(directory / name), read_tree(text), problems)

    categories = _categories(read("categories.yaml"))
    known = frozenset(each.name for each in categories)
    brackets, schemes = _ages(read("ages.yaml"))
    services = _services(read("services.yaml"), known)
    canaries, bypass = _bypass(read("bypass.yaml"))
    protected = read("must-not-block.yaml")
    must_not_block = protected.names((), "names")
    protected.only((), "names")
    never = read("never-decrypt.yaml")
    never_decrypt = never.names((), "names")
    never.only((), "names")
    book = RuleBook(
        categories=categories,
        services=services,
        safe_search=_safe_search(read("safesearch.yaml")),
        must_not_block=must_not_block,
        canaries=canaries,
        bypass=bypass,
        brackets=brackets,
        schemes=schemes,
        demo=_demo(read("demo.yaml"), known),
        never_decrypt=never_decrypt,
    )
    problems += _overlaps(book)
    if problems:
        raise RulesError("\n".join(problems))
    return book


def _categories(file: RuleFile) -> tuple[Category, ...]:
    file.only((), "categories")
    found = []
    for name in file.keys(("categories",)):
        path = ("categories", name)
        file.only(path, "min_age", "everyone", "illegal", "grave", "vi", "en", "about")
        everyone = file.flag(path, "everyone")
        if file.flag(path, "illegal") and not everyone:
            file.wrong((*path, "illegal"), "what is illegal must be blocked for everyone")
        if everyone and file.has(path, "min_age"):
            file.wrong((*path, "min_age"), "means nothing beside `everyone: true`")
        age = ALWAYS if everyone else _age(file, (*path, "min_age"))
        titles = (file.text(path, "en"), file.text(path, "vi"))
        found.append(Category(name, age, *titles, grave=file.flag(path, "grave")))
    return tuple(found)


def _age(file: RuleFile, path: tuple[str, ...]) -> int:
    value = file.value(path)
    if value == EVERYONE:
        return ALWAYS
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= ADULT:
        return value
    file.wrong(path, f"must be an age from 0 to {ADULT}, or {EVERYONE}")
    return ADULT


def _ages(file: RuleFile) -> tuple[tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]]:
    file.only((), "brackets", "schemes")
    brackets = tuple((name, _age(file, ("brackets", name))) for name in file.keys(("brackets",)))
    schemes = tuple(
        (f"{scheme}:{label}", _age(file, ("schemes", scheme, label)))
        for scheme in file.keys(("schemes",))
        for label in file.keys(("schemes", scheme))
    )
    return brackets, schemes


def _services(file: RuleFile, categories: frozenset[str]) -> tuple[Service, ...]:
    file.only((), "services")
    found = []
    owners: dict[str, str] = {}
    for name in file.keys(("services",)):
        path = ("services", name)
        file.only(path, "title", "category", "names")
        names = file.names(path, "names")
        for each in names:
            if each in owners:
                file.wrong((*path, "names"), f"{each} belongs to {owners[each]} already")
            owners[each] = name
        category = file.category(path, "category", categories)
        found.append(Service(name, file.text(path, "title"), category, names))
    return tuple(found)


def _safe_search(file: RuleFile) -> tuple[SafeSearch, ...]:
    file.only((), "engines", "youtube")
    found = []
    for engine in file.keys(("engines",)):
        path = ("engines", engine)
        file.only(path, "target", "names", "under", "countries")
        names: tuple[str, ...] = ()
        if file.has(path, "under"):
            under = file.name(path, "under")
            names += tuple(f"{under}.{country}" for country in file.names(path, "countries"))
        if file.has(path, "names") or not names:
            names += file.names(path, "names")
        found.append(SafeSearch(engine, "search", names, file.name(path, "target")))
    file.only(("youtube",), "moderate", "strict", "names")
    names = file.names(("youtube",), "names")
    found += [
        SafeSearch("youtube", f"youtube-{level}", names, file.name(("youtube",), level))
        for level in ("moderate", "strict")
    ]
    return tuple(found)


def _bypass(file: RuleFile) -> tuple[tuple[str, ...], tuple[str, ...]]:
    file.only((), "canaries", "names")
    return file.names((), "canaries"), file.names((), "names")


def _demo(file: RuleFile, categories: frozenset[str]) -> tuple[tuple[str, str], ...]:
    file.only((), "names")
    found = []
    for name in file.keys(("names",)):
        if not name.endswith(".test"):
            file.wrong(("names", name), "a demonstration name must end in .test")
        found.append((name, file.category(("names",), name, categories)))
    return tuple(found)


def _overlaps(book: RuleBook) -> list[str]:
    """Say where one file blocks what must-not-block.yaml protects, or protects too much."""
    protected = frozenset(book.must_not_block)
    blocked = [(f"service {each.name}", name) for each in book.services for name in each.names]
    blocked += [("bypass.yaml", name) for name in (*book.bypass, *book.canaries)]
    return [
        f"{source}: {name} is under {parent}, which must not be blocked"
        for source, name in blocked
        for parent in parents(name)
        if parent in protected
    ]
