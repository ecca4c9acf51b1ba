"""What is not what it should be: one line that says which file and what to do, and nothing begun."""

import pytest

from filterd.cli.main import main

SECRET = "a passphrase of tests"
ORDER = (
    "--authority", "moet", "--reference", "17/QD", "--legal-basis", "decree-1",
    "--category", "gambling", "--for", "30d",
)  # fmt: skip
INIT = (
    "--root-key", "a.pem", "--root-key", "b.pem", "--online-key", "online.pem",
    "--log-key", "log.pem", "--origin", "log.example/orders",
)  # fmt: skip


def make(folder):
    for name, content in {
        "empty": b"",
        "empty.db": b"",
        "junk": bytes(range(128, 256)),
        "text": b"not a name\n",
        "json": b'{"a": 1}',
        "list": b"[]",
        "token": b"word\n",
        "letters": "ở\n".encode(),
        "hub.yaml": b"database: sqlite:///hub.db\n",
        "bad.yaml": b"a: [1\n",
    }.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    (folder / "folder").mkdir()


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    make(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("FILTERD_PASSPHRASE", SECRET)
        patch.delenv("FILTERD_CONFIG", raising=False)
        for name in ("o1", "o2", "a", "b", "online", "log", "other"):
            assert main(["authority", "key", f"{name}.pem"]) == 0
        describe = ("--name", "M", "--officer", "o1.pem.pub", "--officer", "o2.pem.pub")
        words = (*describe, "--legal-basis", "decree-1", "--category", "gambling", "-o", "moet")
        assert main(["authority", "describe", "moet", *words]) == 0
        words = (*INIT, "--canaries", "canary.example", "--authority", "moet")
        assert main(["authority", "init", "feed", *words]) == 0
        assert main(["order", "new", "17", *ORDER, "--name", "bet.example", "-o", "17.json"]) == 0
        assert main(["hub", "init", "-c", "hub.yaml", "--operator", "An Operator"]) == 0
        yield folder


@pytest.fixture
def refused(desk, capsys):
    """Run a command; return its exit code and the one line it said."""

    def run(*words):
        capsys.readouterr()
        code = main([str(each) for each in words])
        said = capsys.readouterr().err
        assert said.startswith("filterd: ")
        return code, said.removeprefix("filterd: ").rstrip("\n")

    return run


def new(*words):
    return ("order", "new", "18", *ORDER, "--name", "bet.example", "-o", "18.json", *words)


def take(file, kind):
    return ("order", "import", "18", *ORDER, "--file", file, "--kind", kind, "-o", "18.json")


def publish(hub="http://127.0.0.1:1", token="token"):
    return ("order", "publish", "17.json", "--hub", hub, "--token-file", token)


def begin(*words, canaries="canary.example"):
    return ("authority", "init", "feed-2", *INIT, "--canaries", canaries, *words)


def renew(online):
    words = ("--online-key", online, "--log-key", "log.pem")
    return ("authority", "renew", "feed", *words)


def manifest(file):
    words = ("--vi", "A", "--en", "B", "--contact", "https://appeal.example", "-o", "said")
    return ("authority", "manifest", "feed", "moet", *words, "--order", file)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        # Lengths of time, however long, and numbers.
        (new("--for", "99999999999999d"), "99999999999999d is too long: 36,500d at most"),
        (new("--for", "²d"), "not a length of time: '²d'; write 45m, 2h or 1d"),
        (("hub", "status", "-c", "hub.yaml", "--late-after", "9" * 30 + "d"), "is too long"),
        (("hub", "serve", "-c", "hub.yaml", "--workers", "0"), "--workers is 1 to 64, not 0"),
        (("hub", "status", "-c", "hub.yaml", "--timezone", "Asia"), "not a time zone: 'Asia'"),
        # A file that is something else is named.
        (("hub", "status", "--database", "sqlite:///junk"), "junk: file is not a database"),
        (("hub", "status", "--database", "sqlite:///none"), "sqlite:///none: no such file; `filt"),
        (("hub", "status", "--database", "sqlite:///empty.db"), "empty.db: the database is empty;"),
        (take("junk", "csv"), "junk: not UTF-8"),
        (take("empty", "json"), "empty: not JSON"),
        (take("json", "stix"), "json: not a STIX bundle"),
        (take("text", "csv"), "text: no row can be taken; row 1: pattern: not a domain name"),
        (take("empty", "csv"), "empty: no row can be taken"),
        (manifest("junk"), "junk: no order, revocation or confirmation"),
        (manifest("folder"), "folder: Is a directory"),
        (begin("--authority", "json"), "json: not what `filterd authority describe` writes"),
        (begin("--authority", "list"), "list: not what `filterd authority describe` writes"),
        (begin("--authority", "moet", "--popular", "junk"), "junk: not a list of names, one a"),
        (("feed", "cosign", "feed", "junk"), "junk: checkpoint: not UTF-8"),
        (("order", "publish", "feed", "17.json", "--log-key", "log.pem"), "17.json: refused"),
        (("feed", "export", "feed", "folder"), "folder is a folder; name a file"),
        (("hub", "export", "orders.csv", "-c", "hub.yaml", "-o", "folder"), "folder is a folder"),
        (("hub", "export", "orders.csv", "-c", "hub.yaml", "-o", "no/x"), "no such folder: no;"),
        # Names, and folders that are no feed.
        (begin("--authority", "moet", canaries="bad..name"), "not a domain name: 'bad..name'"),
        (("authority", "root", "--feed", "folder", "-o", "r"), "folder is no feed"),
        # Hubs and tokens.
        (publish(hub=""), "not the address of a hub: ''"),
        (publish(hub="https://"), "not the address of a hub: 'https://'"),
        (publish(hub="https://[bad"), "not the address of a hub: 'https://[bad'"),
        (publish(hub="http://127.0.0.1:x"), "not the address of a hub"),
        (publish(hub="http://hub.example"), "a token goes by https:// only"),
        (publish(token="folder"), "folder: Is a directory"),
        (publish(token="empty"), "empty: the token alone is expected in it"),
        (publish(token="letters"), "letters: the token alone is expected in it"),
        (("feed", "enrol", "CODE", "--hub", "https://[bad"), "not the address of a hub"),
        (("feed", "enrol", "CODE", "--hub", "https://"), "which hub?"),
        (("feed", "enrol", " ", "--hub", "https://hub.example"), "the code is empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value[:2]),
)
def test_it_is_one_line_that_says_which(refused, desk, words, told):
    code, said = refused(*words)
    assert code == 2
    assert told in said
    assert "\n" not in said
    assert not (desk / "feed-2").exists()
    assert not (desk / "18.json").exists()
    assert not (desk / "none").exists()


def test_a_configuration_is_named_with_its_faults(refused):
    for name, fault in (("bad.yaml", "not YAML"), ("junk", "not UTF-8"), ("folder", "a directory")):
        code, said = refused("hub", "status", "-c", name)
        first, second = said.split("\n")
        assert code == 2
        assert first == f"the configuration {name} has 1 problem, nothing was started or changed:"
        assert fault in second


def test_a_key_that_may_not_say_what_is_newest_says_nothing(refused, desk):
    before = sorted((desk / "feed" / "trust").iterdir())
    assert refused(*renew("other.pem")) == (
        2, "--online-key: not the key that the root names for it",
    )  # fmt: skip
    assert sorted((desk / "feed" / "trust").iterdir()) == before
    assert main(list(renew("online.pem"))) == 0


def test_a_domain_of_a_mandate_is_a_domain(refused, desk):
    words = ("--name", "M", "--officer", "o1.pem.pub", "--officer", "o2.pem.pub")
    words = (*words, "--legal-basis", "d", "--category", "gambling", "-o", "moet-2", "--under")
    for under, told in (("..x", "not a domain name: '..x'"), ("", "--under is a domain name")):
        code, said = refused("authority", "describe", "moet-2", *words, under)
        assert code == 2
        assert told in said
    assert not (desk / "moet-2").exists()


@pytest.mark.parametrize(
    "words",
    [publish(), ("feed", "enrol", "CODE", "--hub", "http://127.0.0.1:1")],
    ids=["publish", "enrol"],
)
def test_a_hub_that_does_not_answer_may_be_asked_again(refused, words, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    code, said = refused(*words)
    assert code == 3
    assert "http://127.0.0.1:1" in said
    assert "again" in said


def test_a_feed_that_cannot_be_reached_says_why(refused, desk, tmp_path):
    root = desk / "feed" / "trust" / "1.root.json"
    words = ("--root", root, "--key", "other.pem", "--name", "w.example/1")
    where = ("--state", tmp_path / "state", "-o", tmp_path / "cosigned")
    code, said = refused("feed", "witness", "http://127.0.0.1:1/feed", *words, *where)
    assert code == 3
    assert said.startswith("trust: ")
    assert "refused" in said
