"""Bodies for what a page loads: of the kind asked for, and empty, so that the page goes on."""

import base64
from collections.abc import Mapping

from filterd.http.page.asked import Shape

# One transparent pixel, GIF89a.
PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

TINY: Mapping[Shape, tuple[str, bytes]] = {
    Shape.IMAGE: ("image/gif", PIXEL),
    Shape.STYLE: ("text/css; charset=utf-8", b""),
    Shape.SCRIPT: ("text/javascript; charset=utf-8", b""),
    Shape.MEDIA: ("application/octet-stream", b""),
    Shape.NOTHING: ("text/plain; charset=utf-8", b""),
}
