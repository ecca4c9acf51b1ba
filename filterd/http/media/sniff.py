"""Which bodies are looked at: by what they begin with and by their declared type, never by name."""

from enum import StrEnum

FIRST = 32  # bytes that are needed to tell


class Sort(StrEnum):
    """What a body is, as far as scanning goes."""

    PICTURE = "picture"  # exact and perceptual hashes
    FILE = "file"  # exact hashes only: video, vector pictures, what is not known
    OTHER = "other"  # pages, scripts, styles, fonts: not looked at


_MAGIC = (
    (0, b"\xff\xd8\xff"),  # JPEG
    (0, b"\x89PNG\r\n\x1a\n"),  # PNG, RFC 2083 section 3.1; APNG too
    (0, b"GIF87a"),
    (0, b"GIF89a"),
    (8, b"WEBP"),  # RFC 9649 section 2.4, after RIFF and a length
    (0, b"BM"),
)
_FILES = (
    (4, b"ftyp"),  # ISO media: MP4, MOV, HEIC, AVIF
    (0, b"\x1aE\xdf\xa3"),  # Matroska, WebM
    (8, b"AVI "),
    (0, b"II*\x00"),  # TIFF
    (0, b"MM\x00*"),
    (0, b"FLV\x01"),
    (0, b"\x00\x00\x01\xba"),  # MPEG
)
_TYPES = ("image/", "video/")
_UNKNOWN = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/binary"})


def sort_of(first: bytes, content_type: str) -> Sort:
    """Return what a body is that begins with `first` (`FIRST` bytes, fewer if it is shorter)."""
    # Two bytes of BMP begin many a text; then the type must agree.
    if first[:2] == b"BM" and not _is_media(content_type):
        return Sort.OTHER
    if any(first.startswith(magic, at) for at, magic in _MAGIC):
        return Sort.PICTURE
    if any(first.startswith(magic, at) for at, magic in _FILES) or _is_media(content_type):
        return Sort.FILE
    return Sort.OTHER


def _is_media(content_type: str) -> bool:
    kind = media_type(content_type)
    return kind.startswith(_TYPES) or kind in _UNKNOWN


def media_type(content_type: str) -> str:
    """Return type and subtype in lower case, without parameters (RFC 9110 section 8.3.1)."""
    return content_type.partition(";")[0].strip().lower()
