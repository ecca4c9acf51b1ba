"""Every label file that is looked for on a host, and how one is read.

A new one: a reader beside this, and its path in `FILES`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from filterd.http.labels import age_label, age_xml, miracle
from filterd.http.labels.site import NotALabel, SiteLabel


@dataclass(frozen=True, slots=True)
class File:
    """A label file: its path on a host, under which last label (`vn`; "" for all hosts)."""

    scheme: str
    path: str
    under: str
    read: Callable[[bytes], SiteLabel]


# All of a host's are asked for; where several can be read, the strictest counts at each address.
FILES: tuple[File, ...] = (
    File(age_label.SCHEME, "/.well-known/age-label.json", "vn", age_label.read),
    File(age_xml.SCHEME, "/age.xml", "", age_xml.read),
    File(age_xml.SCHEME, "/age-de.xml", "de", age_xml.read),
    File(miracle.SCHEME, "/miracle.xml", "", miracle.read),
)


def files_for(host: str) -> tuple[File, ...]:
    """Return the files that are looked for on `host`."""
    last = host.rpartition(".")[2]
    return tuple(each for each in FILES if each.under in ("", last))


def read_file(path: str, data: bytes) -> SiteLabel | None:
    """Return what the file at `path` says; None where it says nothing that can be read.

    `data` is the body of an answer with status 200; many sites answer 200 with a page of theirs
    for any path, which is as good as no file.
    """
    for each in FILES:
        if each.path == path:
            try:
                return each.read(data)
            except NotALabel:
                return None
    return None
