"""A configuration is read whole or refused with every problem, each with path, line and what is allowed."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from filterd.config.load import default_config, load, loads
from filterd.config.schema import Config, state_directory
from filterd.model.errors import ConfigError


def problems(text: str, **more) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        loads(text, **more)
    return caught.value.problems


def test_an_empty_file_is_the_defaults() -> None:
    assert loads("") == Config()


def test_the_demonstration_listens_on_loopback_only() -> None:
    config = default_config()
    hosts = {address.host for address in (*config.listen.udp, *config.listen.tcp)}
    assert hosts == {"127.0.0.1", "::1"}
    assert config.default_group in config.groups


def test_every_problem_is_told_at_once_in_the_order_of_the_file() -> None:
    found = problems(
        """\
listne: {}
listen:
  udp: 127.0.0.1:53
  tcp: ["127.0.0.1"]
default_group: gade-3
groups:
  grade-3: {grade: 3, lists: [nope], youtube: "of", networks: [10.0.0.1/8], safe_search: 1}
  other: {agee: 4}
clients:
  tv: {group: grade-33, ids: [192.0.2.1]}
schedules:
  hours: {windows: [{days: mon-fri, from: 25:00, to: 3}]}
cache: {size: 64XB, prefetch: 3}
"""
    )
    places = [re.match(r"(\S+) \(line (\d+)\)", each) for each in found]
    assert [(m[1], int(m[2])) for m in places if m] == [
        ("listne", 1),
        ("listen.udp", 3),
        ("listen.tcp[0]", 4),
        ("default_group", 5),
        ("groups.grade-3.networks[0]", 7),
        ("groups.grade-3.safe_search", 7),
        ("groups.grade-3.youtube", 7),
        ("groups.grade-3.lists[0]", 7),
        ("groups.other.agee", 8),
        ("groups.other", 8),
        ("clients.tv.group", 10),
        ("schedules.hours.windows[0].from", 12),
        ("schedules.hours.windows[0].to", 12),
        ("cache.size", 13),
        ("cache.prefetch", 13),
    ]
    assert all("allowed: " in each or "either" in each for each in found)


def test_an_unknown_key_gets_the_nearest_known_one() -> None:
    assert (
        "did you mean 'safe_search'?"
        in problems("default_group: a\ngroups: {a: {age: 9, safesearch: true}}")[0]
    )
    assert "did you mean 'from'?" in " ".join(
        problems("schedules: {a: {windows: [{form: 7:00, to: 8:00}]}}")
    )


def test_an_unknown_reference_names_what_is_known() -> None:
    (found,) = problems(
        "groups: {a: {age: 9, lists: [hagzi]}}\ndefault_group: a\nlists:\n  hagezi: {format: hosts, path: x}"
    )
    assert found.startswith(
        "groups.a.lists[0] (line 1): unknown list 'hagzi'; did you mean 'hagezi'?"
    )


def test_a_wrong_entry_is_still_known_by_its_name() -> None:
    found = problems(
        "groups: {a: {age: 9, lists: [one]}}\ndefault_group: a\nlists: {one: {format: hosts}}"
    )
    assert found == ("lists.one (line 3): give either `url` or `path`",)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("groups: {a: {age: 9, networks: [192.0.2.0/24]}, b: {age: 10, networks: [192.0.2.0/24]}}\ndefault_group: a", "belongs to group 'a' already"),
        ("clients: {a: {group: staff, ids: [192.0.2.1]}, b: {group: staff, ids: [192.0.2.1/32]}}", "is client 'a' already"),
        ('records: ["a.example CNAME b.example", "a.example A 192.0.2.1"]', "can have no other record"),
        ('records: ["a.example CNAME b.example", "b.example CNAME a.example"]', "leads back to itself"),
        ('records: ["a.example A 192.0.2.1", "A.example A 192.0.2.1"]', "given twice"),
        ("listen: {udp: [], tcp: []}", "no address to listen on"),
        ('listen: {udp: ["127.0.0.1:53", "127.0.0.1:53"]}', "given twice"),
        ("cache: {min_ttl: 2d, max_ttl: 1d}", "above max_ttl"),
        ("upstream: {bootstrap: [tls://dns.example]}", "must be written by address"),
        ("blocking: {style: address, ipv4: 192.0.2}", "no address"),
        ("blocking: {style: address}", "needs ipv4 or ipv6"),
        ("lists: {a: {format: hosts, url: 'ftp://x.example', path: x}}", "no web address"),
        ("groups: {}", "at least one"),
        ("groups: {a: {age: 9, grade: 3}}\ndefault_group: a", "either `age` or `grade`"),
        ("groups: {a: {age: 9, schedules: [{block: all}]}}\ndefault_group: a", "either `during` or `outside`"),
        ("groups: {a: {age: 9, schedules: [{during: x, block: all}]}}\ndefault_group: a", "unknown schedule 'x'"),
        ("allow: [a.example]\nblock: [b.example, A.example.]", "block[1] (line 2): a.example is in `allow` too"),
        ("upstream: {servers: ['127.0.0.1:5300']}", "where filterd itself listens"),
        ("upstream: {servers: ['tcp://[::1]:5300']}", "where filterd itself listens"),
        ("lists: {a: {format: hosts, path: x, sha256: abc}}", "no SHA-256 sum"),
        ("schedules: {a: {windows: [{from: 13:00, to: 13:00}]}}", "are the same"),
        ("schedules: {a: {windows: [{days: thứ hai, from: 7h, to: 9h}]}}", "write t2 to t7"),
        ("allow:", "is empty"),
        ("allow: a.example", "a list such as [a.example]"),
        ("timezone: Asia/Nowhere", "unknown time zone"),
        ("- a", "must be a mapping"),
        ("groups: {'': {age: 9}}", "cannot be a name"),
        ("metrics: {listen: '127.0.0.1:5300'}", "a door for DNS already"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused(text: str, part: str) -> None:
    assert part in "\n".join(problems(text))


def test_format_names_are_checked_where_they_are_known() -> None:
    text = "lists: {a: {format: hots, path: x}}"
    assert loads(text).lists["a"].format == "hots"
    assert "did you mean 'hosts'?" in problems(text, formats=["hosts", "rpz"])[0]


def test_list_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "lists: {a: {format: hosts, path: own/a.txt}, b: {format: hosts, path: /srv/b}}"
    )
    lists = load(file).lists
    assert lists["a"].path == tmp_path / "own/a.txt"
    assert lists["b"].path == Path("/srv/b")


def test_the_folder_of_words_is_relative_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("http: {page: {words: block-page}}")
    assert load(file).http.page.words == tmp_path / "block-page"


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.yaml")


def test_yaml_null_is_a_block_style() -> None:
    assert loads("blocking: {style: null}").blocking.style == "null"
    assert (
        loads("groups: {a: {age: 1, youtube: off}}\ndefault_group: a").groups["a"].youtube == "off"
    )


def test_state_directory_prefers_the_file_then_systemd_then_the_user() -> None:
    environ = {"STATE_DIRECTORY": "/s1:/s2", "XDG_STATE_HOME": "/x", "HOME": "/h"}
    assert state_directory(loads("state_dir: /mine"), environ) == Path("/mine")
    assert state_directory(Config(), environ) == Path("/s1")
    assert state_directory(Config(), {"XDG_STATE_HOME": "/x"}) == Path("/x/filterd")
    assert state_directory(Config(), {"HOME": "/h"}) == Path("/h/.local/state/filterd")


_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-5, 400)
    | st.sampled_from(["", "a", "5m", "off", "192.0.2.0/24"])
)
_keys = st.sampled_from([*Config.model_fields, "age", "udp", "a", "windows", "from"])
_trees = st.recursive(
    _scalars,
    lambda t: st.lists(t, max_size=3) | st.dictionaries(_keys, t, max_size=4),
    max_leaves=12,
)


def refused(text: str | bytes) -> tuple[str, ...] | None:
    """Return the problems of `text`, None where it is taken."""
    try:
        loads(text)
    except ConfigError as error:
        return error.problems
    return None


@given(_trees)
def test_any_tree_is_taken_or_refused_with_words(tree) -> None:
    found = refused(yaml.safe_dump(tree))
    assert found is None or (found and all(problem.strip() for problem in found))


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_text_is_taken_or_refused_with_words(text) -> None:
    found = refused(text)
    assert found is None or (found and all(problem.strip() for problem in found))
