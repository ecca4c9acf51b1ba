"""The proof: of what is scanned nothing is written, anywhere, by anybody. The system calls of a
worker and of its decoders are watched from outside, by strace.
"""

import base64
import binascii
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from filterd.http.media.compiling import write_set
from filterd.http.media.hashset import Kind
from filterd.http.media.importing import own_entry
from filterd.model.handoff import FILE, HandOff
from filterd.report.handoffs import list_handoffs
from tests.support import needs
from tests.support.media import entry, head, picture, sha256
from tests.support.scanning import FORMS, bodies

ROOT = Path(__file__).resolve().parents[4]
CALLS = "open,openat,openat2,creat,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendfile,copy_file_range,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mkdir,mkdirat,mknod,mknodat,memfd_create,truncate,ftruncate,socket,connect,mmap,shmget,execve,io_uring_setup,splice,tee,vmsplice"
WINDOW = 12  # bytes in a row that may not appear


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    needs.media()
    strace = needs.program("strace", "strace")
    needs.allowed("to trace a process", strace, "-o", "/dev/null", "true")
    folder = tmp_path_factory.mktemp("watched")
    sets = folder / "sets"
    sets.mkdir()
    write_set(sets / "a.set", head(), list(known()))
    done = subprocess.run(
        [
            *(strace, "-f", "-y", "-xx", "-s", "256", "-e", f"trace={CALLS}"),
            *("-o", folder / "trace"),
            *(sys.executable, "-B", "-m", "tests.support.scanning", sets, folder / "handoffs"),
        ],
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        timeout=110,
        check=True,
    )
    return folder, done, read_trace((folder / "trace").read_text(encoding="latin-1"))


def known():
    """Each picture in each form by SHA-256, one size of it by its looks."""
    from filterd.http.media.perceiving import perceive  # noqa: PLC0415 - of the extra

    yield own_entry()
    for seed, name in enumerate(FORMS):
        body = picture(seed, name)
        ((pdq, _),) = perceive(body)
        yield entry(f"known-{seed}", sha256(body), (Kind.PDQ, pdq))


def read_trace(text):
    """(process, call, arguments) with strings decoded, interrupted calls put together."""
    begun, found = {}, []
    for line in text.splitlines():
        process, _, rest = line.partition(" ")
        rest = rest.strip()
        if rest.endswith("<unfinished ...>"):
            begun[process] = rest.removesuffix("<unfinished ...>")
            continue
        if rest.startswith("<... "):
            rest = begun.pop(process) + rest.partition("resumed>")[2]
        call, bracket, arguments = rest.partition("(")
        if bracket:
            plain = re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), arguments)
            found.append((process, call, plain))
    return found


def windows(body):
    """Stretches of a picture that could be told again: not those that many files share."""
    found = {body[at : at + WINDOW] for at in range(len(body) - WINDOW)}
    return {each for each in found if len(set(each)) > 6}


def secrets():
    return set().union(*(windows(body) for _, body, hit in bodies() if hit and len(body) < 200_000))


def unescaped(found):
    return (
        bytes([int(found[1], 16)])
        if found[1]
        else {b"n": b"\n", b"r": b"\r", b"t": b"\t"}[found[2]]
    )


def readings(data):
    """What somebody could read out of `data`: as it is, escaped, in hexadecimal, in Base64."""
    yield data
    yield re.sub(rb"\\(?:x([0-9a-f]{2})|([nrt]))", unescaped, data)
    for run in re.findall(rb"[0-9a-fA-F]{24,}", data):
        for at in (0, 1):
            yield bytes.fromhex(run[at : at + (len(run) - at) // 2 * 2].decode())
    for run in re.findall(rb"[A-Za-z0-9+/]{16,}", data):
        for at in range(4):
            yield binascii.a2b_base64(run[at : at + (len(run) - at) // 4 * 4])


def shows(data, hidden):
    return [
        each[at : at + WINDOW]
        for each in readings(data)
        for at in range(len(each))
        if each[at : at + WINDOW] in hidden
    ]


def test_the_scans_found_what_they_should(watched):
    folder, done, _ = watched
    told = json.loads(done.stdout)
    assert told["found"] == [hit for *_, hit in bodies()]
    hits = sum(hit for *_, hit in bodies())
    assert told["counts"]["hit"] == told["counts"]["written"] == hits == 15
    assert told["counts"]["perceived"] >= 5
    assert len(list_handoffs(folder / "handoffs").handoffs) == hits


def test_no_file_but_the_spool_is_opened_for_writing(watched):
    folder, _, calls = watched
    spool = str(folder / "handoffs" / FILE)
    opened = [text for _, call, text in calls if call.startswith("open") or call == "creat"]
    assert len(opened) > 100, "the trace sees what is opened"
    writing = [text for text in opened if re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC|TMPFILE)", text)]
    succeeded = [text for text in writing if "= -1 " not in text and "/dev/null" not in text]
    assert succeeded
    assert all(f'"{spool}"' in text for text in succeeded), succeeded
    made = {"rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"}
    made |= {"mknod", "mknodat", "memfd_create", "truncate", "ftruncate", "shmget", "socket"}
    made |= {"connect", "sendfile", "copy_file_range", "io_uring_setup", "splice", "tee"}
    assert [(call, text) for _, call, text in calls if call in made] == []
    folders = [text for _, call, text in calls if call.startswith("mkdir")]
    assert len(folders) == 1
    assert "handoffs" in folders[0]
    shared = [t for _, call, t in calls if call == "mmap" and "MAP_SHARED" in t]
    assert not any("PROT_WRITE" in text and "MAP_ANONYMOUS" not in text for text in shared), shared


def test_every_write_goes_to_the_spool_a_decoder_or_the_outputs(watched):
    folder, _, calls = watched
    targets = {}
    for process, call, text in calls:
        if "write" in call or call.startswith("send"):
            name = re.match(r"\d+<([^>]*)>", text)[1]
            targets.setdefault(re.sub(r":\[\d+\]$", "", name), []).append((process, text))
    spool = str(folder / "handoffs" / FILE)
    assert set(targets) == {spool, "pipe"}
    assert len(targets[spool]) == 15
    sizes = [int(text.rpartition("= ")[2]) for _, text in targets["pipe"] if "= -1 " not in text]
    assert max(sizes) > 2000, "the trace sees pictures go to a decoder"


def test_no_byte_of_a_picture_is_in_spool_logs_or_exceptions(watched):
    folder, done, _ = watched
    hidden = secrets()
    assert len(hidden) > 10_000
    for leak in (picture(0), repr(picture(0)).encode(), picture(0).hex().encode()):
        assert shows(b"x: " + leak[:2000], hidden), "the search finds what it should"
    assert shows(b"xy: " + base64.b64encode(picture(0)[:999]), hidden)
    for data in (done.stdout, done.stderr, (folder / "handoffs" / FILE).read_bytes()):
        assert shows(data, hidden) == []
    for path in (path for path in folder.rglob("*") if path.is_file() and path.name != "trace"):
        assert shows(path.read_bytes(), hidden) == [], path
    assert b"Traceback" not in done.stderr


def test_the_spool_is_hand_offs_and_nothing_else(watched):
    folder, _, _ = watched
    told = list_handoffs(folder / "handoffs")
    assert told.damaged == 0
    assert {type(each) for each in told.handoffs} == {HandOff}
    assert len((folder / "handoffs" / FILE).read_bytes().splitlines()) == len(told.handoffs)


def test_a_decoder_cannot_write_even_if_it_would(watched):
    """Whatever a hostile picture makes of it: no file gets a byte, nothing more is opened."""
    program = (
        "from filterd.http.media.decoder import confine, close; import os\n"
        "confine(); kept = os.open(os.environ['AT'], os.O_WRONLY); close()\n"
        "for deed in (lambda: os.open('/dev/null', os.O_RDONLY), lambda: os.write(kept, b'x'),\n"
        "             lambda: os.pipe()):\n"
        "    try:\n        deed(); print('could')\n"
        "    except OSError as error:\n        print(error.errno)\n"
    )
    folder = watched[0]
    aim = folder / "aim"
    aim.touch()
    done = subprocess.run(
        [sys.executable, "-B", "-c", program],
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "AT": str(aim)},
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["24", "27", "24"]  # EMFILE, EFBIG, EMFILE
    assert aim.read_bytes() == b""
