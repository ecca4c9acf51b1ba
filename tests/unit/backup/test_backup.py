"""A backup holds what it says, comes back whole or not at all, and leads nowhere else."""

import io
import json
import os
import tarfile
from pathlib import PurePosixPath

import pytest
import zstandard

from filterd.backup.archive import pack, unpack
from filterd.backup.beneath import DEEPEST, opened
from filterd.backup.manifest import BadBackup, Manifest, from_json, safe_name, to_json
from filterd.backup.placing import place
from filterd.backup.selection import elsewhere, selected
from filterd.config.load import loads

HEAD = Manifest("0.1.0", "2026-11-22T08:00:00+00:00", "config/config.yaml", ())


@pytest.fixture
def box(tmp_path):
    """A box's folders, with what is to be taken and what is not."""
    config, state = tmp_path / "etc", tmp_path / "state"
    for path in (
        config / "config.yaml",
        config / "lists/games.txt",
        config / "config.yaml.bak",
        state / "overrides.jsonl",
        state / "feed/node.key",
        state / "feed/trust/1.root.json",
        state / "feed/traffic/1.day",
        state / "http/ca/mitmproxy-ca.pem",
        state / "log.sqlite",
        state / "day.key",
        state / "report/chain.json",
        state / "lists/ads/current",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{path.name} is here\n")
        path.chmod(0o640)
    (config / "link").symlink_to("/etc/hostname")
    return config, state


def made(box, tmp_path):
    file = tmp_path / "b.tar.zst"
    return file, pack(file, selected(*box), HEAD)


def test_what_is_taken_and_what_is_not(box, tmp_path):
    file, manifest = made(box, tmp_path)
    assert [each.name for each in manifest.entries] == [
        "config/config.yaml",
        "config/lists/games.txt",
        "state/overrides.jsonl",
        "state/feed/node.key",
        "state/feed/trust/1.root.json",
        "state/http/ca/mitmproxy-ca.pem",
    ]
    assert file.stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("*.new"))


def test_no_link_leads_out_of_the_folders(box, tmp_path):
    """Of root's backup, the account of the daemon must not choose what is read."""
    config, state = box
    secret = tmp_path / "of-others"
    (secret / "trust").mkdir(parents=True)
    for each in ("mitmproxy-ca.pem", "node.key", "cases.jsonl", "trust/1.root.json"):
        (secret / each).write_text("not ours")
    for folder in ("http", "feed"):  # in the middle of the paths
        (state / folder).rename(tmp_path / folder)
        (state / folder).symlink_to(secret)
    (config / "lists").rename(tmp_path / "lists")
    (config / "lists").symlink_to(secret)
    assert [each.name for each in made(box, tmp_path)[1].entries] == [
        "config/config.yaml",
        "state/overrides.jsonl",
    ]
    (state / "http").unlink()
    (state / "http").mkdir()
    (state / "http/ca").symlink_to(secret)  # the last folder
    (state / "overrides.jsonl").unlink()
    (state / "overrides.jsonl").symlink_to(secret / "node.key")  # the file
    assert [each.name for each in made(box, tmp_path)[1].entries] == ["config/config.yaml"]


def test_a_link_that_comes_in_between_ends_it(box, tmp_path):
    state, file = box[1], tmp_path / "b.tar.zst"
    taken = list(selected(*box))
    (state / "http").rename(tmp_path / "http")
    (state / "http").symlink_to(tmp_path / "http")
    with pytest.raises(NotADirectoryError):
        pack(file, taken, HEAD)
    assert not list(tmp_path.glob("b.tar*"))


def test_what_is_no_file_is_not_read(box, tmp_path):
    pipe = box[1] / "cookie.secret"
    os.mkfifo(pipe)
    assert "state/cookie.secret" not in [each.name for each in selected(*box)]
    with pytest.raises(OSError, match="no file"), opened(box[1], PurePosixPath(pipe.name)):
        pass
    deep = box[0].joinpath(*["deep"] * (DEEPEST + 1))
    deep.mkdir(parents=True)
    with pytest.raises(OSError, match="within each other"):
        made(box, tmp_path)


def test_it_comes_back_as_it_was(box, tmp_path):
    file, manifest = made(box, tmp_path)
    staged = tmp_path / "staged"
    staged.mkdir()
    assert unpack(file, staged) == manifest
    config, state = tmp_path / "etc2", tmp_path / "state2"
    (config / "lists").mkdir(parents=True)
    (config / "lists/games.txt").write_text("another")
    place(manifest, staged, config, state)
    for each in manifest.entries:
        top, _, rest = each.name.partition("/")
        before = (box[0] if top == "config" else box[1]) / rest
        after = (config if top == "config" else state) / rest
        assert after.read_bytes() == before.read_bytes()
        assert after.stat().st_mode & 0o777 == 0o640
    assert not list(tmp_path.rglob("*.new"))


def test_a_link_in_the_way_is_not_followed(box, tmp_path):
    file, manifest = made(box, tmp_path)
    staged, state, victim = tmp_path / "staged", tmp_path / "state2", tmp_path / "victim"
    for each in (staged, state, victim):
        each.mkdir()
    unpack(file, staged)
    (state / "feed").symlink_to(victim)
    with pytest.raises(NotADirectoryError):
        place(manifest, staged, tmp_path / "etc2", state)
    assert not any(victim.iterdir())
    assert not list(tmp_path.rglob("*.new"))


def forged(tmp_path, *members, manifest=None):
    """A file as `pack` makes it, with members that it would never write."""
    file = tmp_path / "forged.tar.zst"
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        if manifest is not None:
            member = tarfile.TarInfo("manifest.json")
            member.size = len(manifest)
            tar.addfile(member, io.BytesIO(manifest))
    file.write_bytes(zstandard.compress(raw.getvalue()))
    return file


def member(name, kind=tarfile.REGTYPE, link=""):
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, link
    return found


@pytest.mark.parametrize(
    "bad",
    [
        member("../outside"),
        member("/etc/passwd"),
        member("config/../../outside"),
        member("config"),
        member("other/file"),
        member("config/link", tarfile.SYMTYPE, "/etc/passwd"),
        member("config/device", tarfile.CHRTYPE),
        member("config/" + "x" * 500),
        member("config/config.yaml.new"),  # a name that replacing uses
        member("state/x"),
        member("state/log.sqlite/x"),
        member("state/lists/ads/current"),
        member("state/feed/trust/../../x"),
    ],
    ids=lambda each: each.name[:20],
)
def test_a_member_that_leads_elsewhere_is_refused(tmp_path, bad):
    staged = tmp_path / "staged"
    staged.mkdir()
    with pytest.raises(BadBackup):
        unpack(forged(tmp_path, (bad, b"")), staged)
    assert not any(staged.iterdir())


def test_what_the_manifest_does_not_say_is_refused(tmp_path):
    entry = {"name": "config/config.yaml", "size": 1, "sha256": "0", "mode": 0o600, "group": ""}
    head = {"format": 1, "filterd": "1", "made": "", "config": "config/config.yaml"}
    text = json.dumps(head | {"files": [entry]}).encode()
    for number, members in enumerate(
        ([(member("config/config.yaml"), b"x")], [], [(member("config/other"), b"x")])
    ):
        staged = tmp_path / f"staged{number}"
        staged.mkdir()
        with pytest.raises(BadBackup, match="damaged"):
            unpack(forged(tmp_path, *members, manifest=text), staged)


@pytest.mark.parametrize(
    "other",
    [
        {"config": "state/feed/enrolled.json"},
        {"config": "config/lists/config.yaml"},
        {"mode": 0o4755},
        {"mode": 0o2640},
        {"mode": -1},
        {"group": "a\0b"},
    ],
    ids=str,
)
def test_a_manifest_that_asks_for_more_than_a_backup_has(other):
    file = {"name": "config/config.yaml", "size": 1, "sha256": "0", "mode": 0o600, "group": ""}
    head = {"format": 1, "filterd": "1", "made": "", "config": "config/config.yaml"}
    from_json(json.dumps(head | {"files": [file]}).encode())
    top = {key: value for key, value in other.items() if key in head}
    with pytest.raises(BadBackup):
        from_json(json.dumps(head | top | {"files": [file | other]}).encode())


def test_a_manifest_without_end_is_refused():
    with pytest.raises(BadBackup, match="does not read"):
        from_json(b"[" * 200_000)


@pytest.mark.parametrize("end", [0, 10, -20])
def test_one_that_was_cut_off_is_refused(box, tmp_path, end):
    file, _ = made(box, tmp_path)
    file.write_bytes(file.read_bytes()[:end])
    staged = tmp_path / "staged"
    staged.mkdir()
    with pytest.raises(BadBackup):
        unpack(file, staged)


def test_a_newer_format_says_which_version_to_install():
    text = to_json(HEAD).replace(b'"format": 1', b'"format": 2')
    with pytest.raises(BadBackup, match=r"format 2 of filterd '0\.1\.0'.*install that version"):
        from_json(text)


@pytest.mark.parametrize("name", ["", "config", "state/", "config//x", "config/./x", 7, None])
def test_names(name):
    with pytest.raises(BadBackup):
        safe_name(name)


def test_what_lies_elsewhere_is_told(tmp_path):
    config = loads(
        "lists: {a: {format: domains, path: lists/a.txt}, b: {format: domains, path: /srv/b.txt}}\n"
        "who: {radius: {nas: {ap: {address: 192.0.2.1, secret_file: /srv/ap.secret},"
        " hall: {address: 192.0.2.2, secret_file: radius/hall}}}}",
        base=tmp_path,
    )
    told = [str(each) for each in elsewhere(config, tmp_path, tmp_path / "state")]
    assert told == ["/srv/b.txt", "/srv/ap.secret"]
