"""A web server whose answers are read by the HTTP filter: labelled pages, pictures, echoes."""

import gzip
import json
import time
from collections.abc import Mapping

from tests.support.http_world import Handler

RTA = b"RTA-5042-1996-1400-1577-RTA"
HEAD = (
    b"<!doctype html><html><head><title>a page</title>%s</head><body>the page itself</body></html>"
)
META = b'<meta name="rating" content="' + RTA + b'">'
LARGE = 1_200_000  # bytes; more than is ever held back


class ReadingHandler(Handler):
    """See `do_GET`. `pictures`: path -> (bytes, Content-Type)."""

    pictures: Mapping[str, tuple[bytes, str]] = {}

    def do_GET(self):  # noqa: N802
        self.server.site.asked.append(self.path)
        name = self.path.partition("?")[0]
        made = getattr(self, "page_" + name.strip("/").replace("-", "_"), None)
        if name in self.pictures:
            data, kind = self.pictures[name]
            if "chunked" in self.path:
                self.pieces([data[at : at + 50_000] for at in range(0, len(data), 50_000)], kind)
            else:
                self.say(data, kind)
        elif made is not None:
            made()
        else:
            self.say(HEAD % b"")

    def do_POST(self):  # noqa: N802
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.say(b"%d bytes" % len(data), "text/plain")

    def page_labelled(self):
        self.say(HEAD % META)

    def page_packed(self):
        page = HEAD % (b"<style>" + b"a{}" * 9000 + b"</style>" + META)
        assert "gzip" in self.headers["Accept-Encoding"]
        self.say(gzip.compress(page), more={"Content-Encoding": "gzip"})

    def page_field(self):
        self.say(b"in words", "text/plain", {"Rating": RTA.decode()})

    def page_large(self):
        """A large page of unknown length, with its label after 60,000 bytes."""
        self.pieces([HEAD[:27], b"<!--", b"x" * 60_000, b"-->", META, b"</head>", b"y" * LARGE])

    def page_large_free(self):
        self.pieces([HEAD[:27], b"</head><body>", *[b"y" * 60_000] * 20])

    def page_body(self):
        """A visitor's words, which label nobody's page."""
        self.say(HEAD % b"" + META)

    def page_echo(self):
        said = {"path": self.path, **{key.lower(): value for key, value in self.headers.items()}}
        self.say(json.dumps(said).encode(), "application/json")

    def page_secret(self):
        """A labelled page, whose body comes in the same breath and behind it."""
        self.pieces([HEAD[:27] + META + b"</head>", *[b"a child's message " * 4000] * 4])

    def page_part(self):
        """The page from its ninth byte on, as it was asked for."""
        page = HEAD % META
        span = f"bytes 9-{len(page) - 1}/{len(page)}"
        self.say(page[9:], more={"Content-Range": span}, status=206)

    def say(self, data, kind="text/html; charset=utf-8", more=(), status=200):
        self.send_response(status)
        for key, value in {"Content-Type": kind, **dict(more)}.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def page_trickle(self):
        lines = (b"<html><head></head><body>" if n == 0 else b"line %d\n" % n for n in range(10))
        self.pieces(lines, pause=0.3)

    def pieces(self, each, kind="text/html", pause=0.0):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in (*each, b""):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            time.sleep(pause)
