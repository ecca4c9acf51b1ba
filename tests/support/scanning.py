"""A worker's scanning as a program of its own, so that a test can watch all that it does.

    python -m tests.support.scanning SETS HANDOFFS

Makes known pictures in memory, scans them as downloads and as uploads, some of them broken, records
the hits, tells them on standard output. Everything that is logged, at any level, goes to standard
error, with it whatever exception ends a scan.
"""

import json
import logging
import os
import sys
import traceback
from functools import cache
from pathlib import Path

from filterd.http.media.guard import Media, MediaSettings
from tests.support.media import NOW, form, picture

FORMS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")


@cache
def bodies():
    """(content type, body, whether it is a known picture) of all that is scanned."""
    found = []
    for seed, name in enumerate(FORMS):
        kind, body = f"image/{name.lower()}", picture(seed, name)
        found += [
            (kind, body, True),
            (*form(("text/plain", b"words"), (kind, body)), True),
            (kind, picture(seed, name, (500, 400)), True),  # by its looks
            (kind, body[: len(body) // 3], False),
            (kind, body[:100] + bytes(len(body) - 100), False),
            (kind, picture(seed + 100, name), False),
        ]
    return found


def main(sets, handoffs):
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    media = Media(MediaSettings(sets, handoffs, "node-1"), os.environ, lambda: NOW, os.urandom)
    found = []
    for at, (kind, body, _) in enumerate(bodies()):
        try:
            late = -1
            hit = None
            while late != media.counts["late"]:  # a decoder may still be loading
                late = media.counts["late"]
                scanner = media.scanner(kind, length=len(body))
                for start in range(0, len(body), 4096):
                    scanner.feed(body[start : start + 4096])
                hit = scanner.end()
            if hit is not None:
                media.record(hit, f"host{at}.example")
            found.append(hit is not None)
        except Exception:  # noqa: BLE001 - the test looks for what it says
            traceback.print_exc()
    media.close()
    print(json.dumps({"found": found, "counts": media.told()}))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
