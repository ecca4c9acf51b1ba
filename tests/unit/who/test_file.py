"""A lease file that is followed: added to, written anew, moved away, damaged."""

import os
from collections.abc import Iterator
from pathlib import Path

from filterd.who.file import LeaseFile
from filterd.who.registry import lease_files
from filterd.who.sighting import Rank, Sighting
from filterd.who.whereabouts import whereabouts


class Fragile:
    """A format that stumbles over a word, as any may over what nobody thought of."""

    name = "fragile"
    appended = True
    bad = 0

    def begin(self) -> None:
        pass

    def read(self, lines: Iterator[str]) -> Iterator[Sighting]:
        for line in lines:
            if "stumble" in line:
                raise ValueError(f"what is {line}?")
            yield Sighting(line.strip(), until=LATER)


HEAD = "address,hwaddr,valid_lifetime,expire,hostname,state\n"
LATER = 4_000_000_000.0


def row(last: int, device: int, *, lifetime: int = 3600) -> str:
    return f"192.0.2.{last},00:00:5e:00:53:{device:02x},{lifetime},1767225600,,0\n"


def kea(path: Path) -> LeaseFile:
    (found,) = lease_files({"kea": [path]})
    return found


def devices(file: LeaseFile) -> dict[str, str]:
    return {each.address: each.mac[-2:] for each in file.sightings()}


def test_what_is_added_is_read_and_the_last_line_counts(tmp_path) -> None:
    path = tmp_path / "leases.csv"
    path.write_text(HEAD + row(7, 1))
    file = kea(path)
    assert file.look(LATER)
    assert devices(file) == {"192.0.2.7": "01"}
    assert not file.look(LATER)
    with path.open("a") as out:
        out.write(row(7, 2) + row(8, 3) + "192.0.2.9,00:00:5e:00:53:04,36")
    assert file.look(LATER)
    assert devices(file) == {"192.0.2.7": "02", "192.0.2.8": "03"}
    with path.open("a") as out:
        out.write("00,1767225600,,0\n" + row(8, 3, lifetime=0))
    assert file.look(LATER)
    assert devices(file) == {"192.0.2.7": "02", "192.0.2.9": "04"}
    assert file.problem is None


def leased(device: int, until: int) -> str:
    return f"192.0.2.7,00:00:5e:00:53:{device:02x},3600,{until},,0\n"


def test_a_renewal_does_not_make_a_lease_newer_and_a_gap_or_another_device_does(tmp_path) -> None:
    path = tmp_path / "leases.csv"
    path.write_text(HEAD + leased(1, 10_000))
    file = kea(path)

    def since(*more: str) -> float:
        with path.open("a") as out:
            out.writelines(more)
        assert file.look(LATER)
        (each,) = file.sightings()
        return each.since

    assert since() == 6_400
    assert since(leased(1, 11_800), leased(1, 13_600)) == 6_400
    path.rename(tmp_path / "leases.csv.2")  # a cleanup writes it anew
    path.write_text(HEAD)
    (tmp_path / "leases.csv.2").unlink()
    assert since(leased(1, 15_400)) == 6_400
    assert since(leased(2, 17_200)) == 13_600
    assert since(leased(2, 20_801)) == 17_201  # it had ended in between
    assert since(leased(2, 24_000).replace(",3600,", ",0,"), leased(2, 24_000)) == 20_400


def test_who_sets_another_s_duid_is_not_them_after_a_renewal(tmp_path) -> None:
    """They keep their own address on the wire, and renew what they claim."""
    teacher, pupil = "00:00:5e:00:53:01", "00:00:5e:00:53:02"
    path = tmp_path / "leases6.csv"
    head = "address,duid,valid_lifetime,expire,lease_type,prefix_len,hostname,hwaddr,state\n"
    path.write_text(head)
    file = kea(path)
    neighbour = Sighting("2001:db8::7", mac=pupil, since=7_000.0)
    login = Sighting("", mac=teacher, user="head")
    for until in (10_000, 12_000, 14_000):
        with path.open("a") as out:
            out.write(f"2001:db8::7,00:03:00:01:{teacher},3600,{until},0,128,,,0\n")
        file.look(LATER)
        told = [
            (Rank.LEASE, "kea", tuple(file.sightings())),
            (Rank.NEIGHBOUR, "neighbours", [neighbour]),
            (Rank.SESSION, "radius", [login]),
        ]
        found = whereabouts(told, frozenset({teacher, pupil, "user:head"}), 9_000.0)
        assert found.addresses == {pupil: ("2001:db8::7",)}


def test_a_cleanup_loses_nothing(tmp_path) -> None:
    path = tmp_path / "leases.csv"
    path.write_text(HEAD + row(7, 1) + row(8, 1))
    file = kea(path)
    file.look(LATER)
    path.rename(tmp_path / "leases.csv.1")
    assert not file.look(LATER)
    assert "is not there" in str(file.problem)
    assert len(devices(file)) == 2  # what was known stays
    path.write_text(HEAD + row(9, 2))
    assert file.look(LATER)
    assert sorted(devices(file)) == ["192.0.2.7", "192.0.2.8", "192.0.2.9"]
    (tmp_path / "leases.csv.1").rename(tmp_path / "leases.csv.completed")
    fresh = kea(path)
    assert fresh.look(LATER)
    assert devices(fresh) == devices(file)


def test_a_file_that_is_written_anew_is_read_whole_when_it_has_settled(tmp_path) -> None:
    path = tmp_path / "dnsmasq.leases"
    (file,) = lease_files({"dnsmasq": [path]})
    path.write_text("0 00:00:5e:00:53:01 192.0.2.7 a *\n")
    now = 1_800_000_000.0
    os.utime(path, (now, now))
    assert not file.look(now)  # it may be half there
    assert file.look(now + 1)
    assert [each.since for each in file.sightings()] == [now]
    path.write_text("0 00:00:5e:00:53:01 192.0.2.7 a *\n0 00:00:5e:00:53:02 192.0.2.8 b *\n")
    os.utime(path, (now + 60, now + 60))
    assert file.look(now + 120)
    assert [(each.host, each.since) for each in file.sightings()] == [("a", now), ("b", now + 60)]
    path.write_text("0 00:00:5e:00:53:02 192.0.2.8 b *\n")
    os.utime(path, (now + 90, now + 90))
    assert [file.look(now + 90) for _ in range(5)] == [False] * 4 + [
        True
    ]  # busy is no excuse for ever
    assert [each.host for each in file.sightings()] == ["b"]


def test_bad_lines_are_told_and_the_others_count(tmp_path) -> None:
    path = tmp_path / "leases.csv"
    path.write_bytes(HEAD.encode() + b"\xff\xfe,\n" + row(7, 1).encode() + b"x" * 20_000 + b"\n")
    file = kea(path)
    assert file.look(LATER)
    assert devices(file) == {"192.0.2.7": "01"}
    assert "lines are no leases" in str(file.problem)


def test_the_number_of_leases_is_bounded(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("filterd.who.file.MOST", 3)
    path = tmp_path / "leases.csv"
    path.write_text(HEAD + "".join(row(n, n) for n in range(1, 9)))
    file = kea(path)
    file.look(LATER)
    assert len(devices(file)) == 3
    assert "more than" in str(file.problem)


def test_no_file_and_no_right_are_problems_that_pass(tmp_path) -> None:
    path = tmp_path / "leases.csv"
    file = kea(path)
    assert not file.look(LATER)
    assert "is not there" in str(file.problem)
    path.mkdir()
    assert not file.look(LATER)
    assert "account" in str(file.problem)
    path.rmdir()
    path.write_text(HEAD + row(7, 1))
    assert file.look(LATER)
    assert file.problem is None
    assert next(iter(file.sightings())) == Sighting(
        "192.0.2.7", mac="00:00:5e:00:53:01", since=1767225600 - 3600, until=1767225600
    )


def test_a_format_that_fails_is_a_problem_and_what_was_known_stays(tmp_path) -> None:
    path = tmp_path / "leases"
    path.write_text("192.0.2.7\n")
    file = LeaseFile(path, Fragile())
    assert file.look(LATER)
    with path.open("a") as out:
        out.write("192.0.2.8\nstumble over Thu's phone\n192.0.2.9\n")
    file.look(LATER)
    assert "fails (ValueError)" in str(file.problem)
    assert "Thu" not in str(file.problem)
    assert sorted(devices(file)) == ["192.0.2.7", "192.0.2.8"]
    assert not file.look(LATER)  # nor is it read again and again
    assert file.problem is not None
    with path.open("a") as out:
        out.write("192.0.2.10\n")
    file.look(LATER)
    assert file.problem is not None
    assert sorted(devices(file)) == ["192.0.2.7", "192.0.2.8"]
    path.write_text("192.0.2.9\n")
    assert file.look(LATER)
    assert file.problem is None
    assert sorted(devices(file)) == ["192.0.2.9"]
