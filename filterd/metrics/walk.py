"""Reads numbers out of nested statistics (parsed JSON) by a path, trusting nothing about them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence


def walk(value: object, path: Sequence[str]) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield (label values, number) for each number that `path` leads to.

    A step is a key; `*` takes every key, which becomes a label value (of a list, every index with
    a number other than 0); `one|other` takes these keys, which become label values too. What is
    not there, or is no number, is left out.
    """
    if not path:
        if isinstance(value, int | float):
            yield (), float(value)
        return
    step, rest = path[0], path[1:]
    if step == "*" or "|" in step:
        for key, below in _below(value, step):
            for keys, number in walk(below, rest):
                yield (key, *keys), number
    elif isinstance(value, Mapping):
        yield from walk(value.get(step), rest)


def _below(value: object, step: str) -> Iterable[tuple[str, object]]:
    if isinstance(value, Mapping):
        keys = value if step == "*" else step.split("|")
        return [(str(key), value.get(key)) for key in keys]
    if isinstance(value, list | tuple):
        return [(str(index), below) for index, below in enumerate(value) if below != 0]
    return ()
