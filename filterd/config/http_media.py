"""`http.media`: files that pass are compared with hashes of known pictures."""

from pydantic import Field

from filterd.config.section import Section
from filterd.config.types import FilePath


class HttpMediaConfig(Section):
    """Files in what can be read are compared with hashes of known illegal pictures and videos
    (docs/media.md: read it first). Sets come from the feed, where it has some, into http/media of
    the state directory; others may be laid there by hand.
    """

    on: bool = False
    """Compare. While it is off, no set is fetched, and what the feed brought is deleted."""
    decoders: int = Field(default=1, ge=0, le=8)
    """Processes of each worker for hashes of what a picture looks like (PDQ); 0: exact hashes only.
    """
    sets: FilePath | None = None
    """A folder with further sets (*.set) of the school's own, read beside those."""
