"""As much of a DNS message as a capture is looked at for: the question, and what names and
addresses an answer gave. RFC 1035 section 4, RFC 9460 sections 2.2 and 7.3 (hints). Pure, bounded:
what is damaged gives what stood before the damage.
"""

from dataclasses import dataclass

_A, _CNAME, _AAAA, _SVCB, _HTTPS = 1, 5, 28, 64, 65
_HINTS = {4: 4, 6: 16}  # key of a hint -> length of its addresses
_MOST_JUMPS, _MOST_RECORDS, _LONGEST = 16, 128, 255


@dataclass(frozen=True, slots=True)
class Message:
    """`name` is what was asked for, lower case, without its last dot. `names` and `addresses` (4 or
    16 bytes) are what an answer gave, the question among them.
    """

    answer: bool
    name: str
    names: tuple[str, ...] = ()
    addresses: tuple[bytes, ...] = ()


def read_message(data: bytes) -> Message | None:
    """Return what a message says; None: it is none with one question."""
    if len(data) < 17 or data[2] & 0x78 or data[4:6] != b"\x00\x01":
        return None
    name, at = _name(data, 12)
    if name is None or at + 4 > len(data):
        return None
    if not data[2] & 0x80:
        return Message(answer=False, name=name)
    names, addresses = [name], list[bytes]()
    at += 4
    for _ in range(min(int.from_bytes(data[6:8], "big"), _MOST_RECORDS)):
        owner, at = _name(data, at)
        if owner is None or at + 10 > len(data):
            break
        kind = int.from_bytes(data[at : at + 2], "big")
        size = int.from_bytes(data[at + 8 : at + 10], "big")
        at += 10
        names.append(owner)
        value = data[at : at + size]
        if ((kind == _A and size == 4) or (kind == _AAAA and size == 16)) and len(value) == size:
            addresses.append(value)
        elif kind == _CNAME and (alias := _name(data, at)[0]) is not None:
            names.append(alias)
        elif kind in (_SVCB, _HTTPS):
            addresses += _hints(data, at, min(at + size, len(data)))
        at += size
    return Message(True, name, tuple(dict.fromkeys(names)), tuple(dict.fromkeys(addresses)))


def _hints(data: bytes, at: int, end: int) -> list[bytes]:
    _, at = _name(data, at + 2)
    found: list[bytes] = []
    while at > 0 and at + 4 <= end:
        key, size = (int.from_bytes(data[at + n : at + n + 2], "big") for n in (0, 2))
        value, at = data[at + 4 : min(at + 4 + size, end)], at + 4 + size
        if length := _HINTS.get(key):
            pieces = range(0, len(value) - length + 1, length)
            found += [value[piece : piece + length] for piece in pieces]
    return found


def _name(data: bytes, at: int) -> tuple[str | None, int]:
    """Return the name at `at` and where it ends; None: there is none."""
    labels: list[str] = []
    end, jumps, length = 0, 0, 0
    while at < len(data):
        size = data[at]
        if size & 0xC0 == 0xC0:
            jumps += 1
            if jumps > _MOST_JUMPS or at + 1 >= len(data):
                break
            end = end or at + 2
            at = (size & 0x3F) << 8 | data[at + 1]
            continue
        length += size + 1
        if size > 63 or length > _LONGEST:
            break
        if size == 0:
            return ".".join(labels), end or at + 1
        labels.append(data[at + 1 : at + 1 + size].decode("latin-1").lower())
        at += 1 + size
    return None, 0
