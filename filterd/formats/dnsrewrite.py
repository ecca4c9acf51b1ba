"""The value of `$dnsrewrite`: short forms, and RCODE;TYPE;VALUE.

An rcode other than NOERROR makes type and value meaningless, as in AdGuard's engine. A CNAME
rewrite sends the question to the other name whatever its rcode field says.
"""

from filterd.formats.addresses import address_rewrite, read_address
from filterd.formats.names import read_name
from filterd.formats.records import read_record
from filterd.formats.refusals import Code, Refused
from filterd.formats.rrtypes import CNAME, TXT, type_number
from filterd.model.rule import Rewrite

_RCODE_NAMES = "NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED YXDOMAIN YXRRSET NXRRSET NOTAUTH"
_RCODES = {name: number for number, name in enumerate(_RCODE_NAMES.split())}  # RFC 6895
_KEYWORDS = frozenset({"NOERROR", "SERVFAIL", "NXDOMAIN", "REFUSED"})


def read_rewrite(value: str) -> Rewrite:
    """Return what `$dnsrewrite=value` answers; an empty value is an empty answer.

    Raises:
        Refused: the value has none of the known forms.
    """
    parts = value.split(";", 2)
    if len(parts) == 1:
        return _short(value)
    if len(parts) == 2:
        raise Refused(Code.BAD_MODIFIER, "$dnsrewrite wants RCODE;TYPE;VALUE or a short form")
    rcode_text, type_text, data = parts
    rcode = _RCODES.get(rcode_text.upper())
    if rcode is None:
        raise Refused(Code.BAD_MODIFIER, f"$dnsrewrite: unknown rcode {rcode_text[:40]!r}")
    if rcode or not (type_text or data):
        return Rewrite(rcode)
    rtype = type_number(type_text)
    if rtype is None:
        raise Refused(Code.BAD_MODIFIER, f"$dnsrewrite: unknown type {type_text[:40]!r}")
    if rtype == CNAME:
        return Rewrite(cname=read_name(data))
    fields = [data] if rtype == TXT else data.split()
    return Rewrite(records=(read_record(rtype, fields),))


def _short(value: str) -> Rewrite:
    if not value:
        return Rewrite()
    if value.isascii() and value.isalpha() and value.isupper():
        if value not in _KEYWORDS:
            raise Refused(Code.BAD_MODIFIER, f"$dnsrewrite: unknown keyword {value[:40]!r}")
        return Rewrite(_RCODES[value])
    address = read_address(value)
    if address is not None:
        return address_rewrite(address)
    return Rewrite(cname=read_name(value))
