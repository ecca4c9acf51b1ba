"""Synthetic pictures and sets of their hashes. Gradients, noise, checkerboards, words: nothing else."""

import hashlib
import io
import random

from hypothesis import HealthCheck, settings

from filterd.http.media.compiling import Entry, compile_set
from filterd.http.media.hashset import HashSet, Kind
from filterd.http.media.head import Head, Severity
from filterd.http.media.scan import Desk, Notes, Room
from filterd.http.media.sets import Sets

NOW = 1_800_000_000
BOUNDED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
BOUNDARY = "----synthetic7d1"


def head(name="national", source="mps", epoch=7, **others):
    given = {"severity": Severity.ILLEGAL, "issued": NOW - 60, "expires": NOW + 86_400, **others}
    return Head(id=name, source=source, epoch=epoch, **given)


def sha256(data):
    return Kind.SHA256, hashlib.sha256(data).digest()


def md5(data):
    return Kind.MD5, hashlib.md5(data).digest()


def entry(name, *hashes, sources=("a", "b"), revoked=False):
    return Entry(name, set(hashes), set(sources), revoked)


def hash_set(folder, *entries, name="national", **others):
    path = folder / f"{name}-{others.get('epoch', 7)}.set"
    path.write_bytes(compile_set(head(name, **others), entries))
    return HashSet(path)


def desk(*sets, perceive=None, now=NOW, room=None):
    return Desk(Sets(sets), perceive, room or Room(), Notes(), lambda: now)


def picture(seed, form="PNG", size=(320, 240), **options):
    """Clouds of chance colours: a picture with much in it, each seed another."""
    from PIL import Image  # noqa: PLC0415 - tests of exact hashes do without

    noise = random.Random(seed).randbytes(20 * 15 * 3)
    sink = io.BytesIO()
    small = Image.frombytes("RGB", (20, 15), noise)
    small.resize(size, Image.Resampling.BICUBIC).save(sink, form, **options)
    return sink.getvalue()


def form(*parts, boundary=BOUNDARY):
    """A multipart/form-data body of (content type, content) parts, RFC 7578."""
    body = b""
    for at, (kind, content) in enumerate(parts):
        head_lines = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="f{at}"; filename="x.txt"\r\n'
        )
        if kind is not None:
            head_lines += f"Content-Type: {kind}\r\n"
        body += head_lines.encode() + b"\r\n" + content + b"\r\n"
    return f'multipart/form-data; boundary="{boundary}"', body + f"--{boundary}--\r\n".encode()
