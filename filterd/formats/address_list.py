"""Lists of addresses and CIDR networks: a name is blocked when its answer contains one."""

from collections.abc import Sequence

from filterd.formats.addresses import network_pattern
from filterd.formats.base import Options, Shape
from filterd.formats.lines import LineReader, share
from filterd.formats.refusals import Code, Refused
from filterd.model.rule import Rule, Trigger

_ANY = Options(wide=True)


class AddressList:
    """The addresses format."""

    name = "addresses"
    title = "one address or network a line, held against answers"
    comments: tuple[bytes, ...] = (b"#", b";")

    def shapes(self, data: bytes, options: Options) -> tuple[Shape, ...]:
        """Return none: shapes are for names."""
        del data, options
        return ()

    def reader(self, options: Options) -> LineReader:
        """Return a reader for a new list."""
        return LineReader(_parse, options)

    def likeness(self, sample: Sequence[str]) -> float:
        """Return the share of addresses and networks."""
        return share(sample, _is_network)


def _parse(text: str, options: Options) -> Sequence[Rule]:
    fields = text.partition("#")[0].partition(";")[0].split()
    if not fields:
        return ()
    pattern = network_pattern(fields[0], Trigger.ANSWER, options)
    if pattern is None or len(fields) > 1:
        raise Refused(Code.BAD_ADDRESS, "expected one address or network")
    return (Rule(pattern),)


def _is_network(text: str) -> bool:
    fields = text.partition("#")[0].split()
    try:
        return len(fields) == 1 and network_pattern(fields[0], Trigger.ANSWER, _ANY) is not None
    except Refused:
        return False
