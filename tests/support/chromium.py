"""A headless Chromium, driven over its pipe (Chrome DevTools Protocol): go, click, read, look.

No port is opened for it and no driver is needed; clicks are mouse events, so they work where a page
may run no script.
"""

import base64
import itertools
import json
import os
import select
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from contextlib import contextmanager

from tests.support import needs

PATIENCE = 40.0  # seconds; a cold start on a busy machine
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
]
# Fixes the two descriptors the browser speaks on, then becomes it.
_BECOME = (
    "import fcntl,os,sys;"
    "a,b=(fcntl.fcntl(int(each),fcntl.F_DUPFD,10) for each in sys.argv[1:3]);"
    "os.dup2(a,3); os.dup2(b,4); os.execv(sys.argv[3],sys.argv[3:])"
)


class Browser:
    """One page of one browser."""

    def __init__(self, sink, source):
        self._sink, self._source, self._left = sink, source, b""
        self._numbers = itertools.count(1)
        self._session = None
        self.events = []
        target = self.do("Target.createTarget", url="about:blank")["targetId"]
        told = self.do("Target.attachToTarget", targetId=target, flatten=True)
        self._session = told["sessionId"]
        self.do("Page.enable")
        self.do("Network.enable")

    def do(self, method, **params):
        """Do one thing; return what it gives."""
        number = next(self._numbers)
        said = {"id": number, "method": method, "params": params}
        if self._session:
            said["sessionId"] = self._session
        os.write(self._sink, json.dumps(said).encode() + b"\0")
        while True:
            heard = self._hear()
            if heard.get("id") == number:
                assert "error" not in heard, (method, heard["error"])
                return heard["result"]
            self.events.append(heard)

    def go(self, url):
        """Load a page to its end."""
        self.load(lambda: self.do("Page.navigate", url=url))

    def click(self, selector):
        """Press the mouse in the middle of what `selector` finds; wait for the page it leads to."""
        self.load(lambda: self.press(selector))

    def press(self, selector):
        """Press the mouse in the middle of what `selector` finds."""
        node = self._find(selector)
        self.do("DOM.scrollIntoViewIfNeeded", nodeId=node)
        corners = self.do("DOM.getBoxModel", nodeId=node)["model"]["content"]
        x, y = sum(corners[0::2]) / 4, sum(corners[1::2]) / 4
        for kind in ("mousePressed", "mouseReleased"):
            self.do("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def key(self, key, code):
        """Press a key; `code` is its virtual key code."""
        text = {9: "", 13: "\r"}.get(code, key)
        for kind in ("keyDown", "keyUp"):
            said = {"text": text} if text and kind == "keyDown" else {}
            self.do(
                "Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **said
            )

    def html(self):
        """Return the document as it stands."""
        root = self.do("DOM.getDocument", depth=0)["root"]["nodeId"]
        return self.do("DOM.getOuterHTML", nodeId=root)["outerHTML"]

    def look(self, width=1280, height=900, *, dark=False):
        """Return a screenshot (PNG)."""
        self.do(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.do("Emulation.setEmulatedMedia", features=[scheme])
        return base64.b64decode(self.do("Page.captureScreenshot")["data"])

    def _find(self, selector):
        root = self.do("DOM.getDocument", depth=0)["root"]["nodeId"]
        node = self.do("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        assert node, f"nothing is {selector}"
        return node

    def load(self, begin):
        """Do what `begin` does, and wait for the page that it leads to."""
        self.events.clear()
        begin()
        while not any(each.get("method") == "Page.loadEventFired" for each in self.events):
            self.events.append(self._hear())

    def _hear(self):
        give_up = time.monotonic() + PATIENCE
        while b"\0" not in self._left:
            ready, _, _ = select.select([self._source], [], [], give_up - time.monotonic())
            assert ready, "the browser is silent"
            more = os.read(self._source, 65536)
            assert more, "the browser has gone"
            self._left += more
        said, _, self._left = self._left.partition(b"\0")
        return json.loads(said)


def trust(home, *authorities):
    """Have a browser whose home is `home` trust certificate authorities (PEM files), as an
    administrator would: in the user's own store.
    """
    certutil = needs.program("certutil", "libnss3-tools")
    store = home / ".pki/nssdb"
    store.mkdir(parents=True)
    base = [certutil, "-d", f"sql:{store}"]
    subprocess.run([*base, "-N", "--empty-password"], check=True, capture_output=True)
    for number, each in enumerate(authorities):
        words = ["-A", "-n", f"authority {number}", "-t", "C,,", "-i", str(each)]
        subprocess.run([*base, *words], check=True, capture_output=True)


@contextmanager
def browser(*flags, home=None, prefix=()):
    """Start a browser with a profile of its own; it ends with the block. `prefix`: a command to run
    it under.
    """
    program = needs.program("chromium", "chromium")
    environ = dict(os.environ) if home is None else {**os.environ, "HOME": str(home)}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        words = [program, *FLAGS, *flags, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(
            [*prefix, sys.executable, "-c", _BECOME, str(theirs_in), str(theirs_out), *words],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environ,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            yield Browser(ours_out, ours_in)
        finally:
            os.close(ours_out)  # it ends when nobody speaks to it
            os.close(ours_in)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def colours(png):
    """Return how often each colour stands in a screenshot (8 bits, RGB or RGBA)."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, data = 8, b""
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        content = png[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height, bits, colour, *_ = struct.unpack(">IIBBBBB", content)
        data += content if kind == b"IDAT" else b""
        at += 12 + size
    assert bits == 8
    step = {2: 3, 6: 4}[colour]
    raw, before, found = zlib.decompress(data), bytes(width * step), {}
    for row in range(height):
        start = row * (width * step + 1)
        line = bytearray(raw[start + 1 : start + 1 + width * step])
        _unfilter(raw[start], line, before, step)
        for x in range(0, len(line), step):
            key = bytes(line[x : x + 3])
            found[key] = found.get(key, 0) + 1
        before = bytes(line)
    return found


def _unfilter(kind, line, before, step):
    for x in range(len(line) if kind else 0):
        left = line[x - step] if x >= step else 0
        above = before[x]
        corner = before[x - step] if x >= step else 0
        guess = left + above - corner
        nearest = min((left, above, corner), key=lambda each: abs(guess - each))
        line[x] = (line[x] + (0, left, above, (left + above) // 2, nearest)[kind]) & 255
