"""`filterd setup` below a folder, as images are made."""

import pytest
import yaml

from filterd.cli import setup_units

ANSWERS = {
    "language": "en",
    "lan": ["lan0"],
    "uplink": ["wan0"],
    "addresses": ["10.20.0.1/16"],
    "networks": {"staff": ["10.20.9.0/24"]},
}


@pytest.fixture
def setup(run, tmp_path):
    """Run it with the answers, and changes to them, below `tmp_path / "root"`."""

    def go(*words, **changes):
        file = tmp_path / "answers.yaml"
        file.write_text(yaml.safe_dump(ANSWERS | changes))
        return run("setup", "--answers", str(file), "--root", str(tmp_path / "root"), *words)

    go.run = run
    return go


def test_twice_is_once(setup, tmp_path):
    code, out, _ = setup()
    assert code == 0
    assert "dig @10.20.0.1 tiktok.com" in out
    assert (tmp_path / "root/etc/unbound/unbound.conf.d/filterd.conf").is_file()
    code, out, _ = setup()
    assert code == 0
    assert "nothing to write" in out


def test_a_look_writes_nothing(setup, tmp_path):
    code, out, _ = setup("--check")
    assert code == 1
    assert "+  address" not in out
    assert "+default_group: primary" in out
    assert not (tmp_path / "root").exists()
    setup()
    assert setup("--check")[0] == 0


def test_in_vietnamese(setup):
    _, out, _ = setup("--lang", "vi")
    assert "Tiếp theo:" in out


def test_what_a_hand_changed_is_left_and_told(setup, tmp_path):
    setup()
    config = tmp_path / "root/etc/filterd/config.yaml"
    config.write_text(config.read_text() + "block: [games.example]\n")
    code, out, _ = setup()
    assert code == 1
    assert "-block: [games.example]" in out
    assert "games.example" in config.read_text()
    code, _, _ = setup("--replace")
    assert code == 0
    assert "games.example" not in config.read_text()
    assert "games.example" in config.with_name("config.yaml.bak").read_text()


def everything(root):
    return {path: path.read_text() for path in root.rglob("*") if path.is_file()}


def by_hand(root, text="block: [games.example]\n"):
    config = root / "etc/filterd/config.yaml"
    config.write_text(config.read_text() + text)
    return config


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        (
            {"addresses": ["10.20.0.53/16"]},
            "`listen.udp` must be 10.20.0.53:53, and is 10.20.0.1:53",
        ),
        (
            {"upstream": ["192.0.2.1"]},
            "`upstream.servers` must be 192.0.2.1, and is 127.0.0.1:5335",
        ),
        ({"gateway": False, "lan": [], "uplink": []}, "`gateway.lan` must be nothing, and is lan0"),
    ],
)
def test_where_a_configuration_is_kept_nothing_is_written_that_does_not_fit_it(
    setup, tmp_path, changes, key
):
    root = tmp_path / "root"
    setup()
    config = by_hand(root)
    before = everything(root)
    for words in ((), ("--check",)):
        code, _, err = setup(*words, **changes)
        assert code == 2
        assert f"{config}: {key}" in err
        assert "nothing was written" in err
        assert everything(root) == before
    code, _, _ = setup("--replace", **changes)
    assert code == 0
    assert everything(root) != before
    assert setup("--check", **changes)[0] == 0


def test_changed_by_hand_as_told_it_goes_on(setup, tmp_path):
    setup()
    config = by_hand(tmp_path / "root")
    config.write_text(config.read_text().replace("10.20.0.1:53", "10.20.0.53:53"))
    code, _, err = setup(addresses=["10.20.0.53/16"])
    assert (code, err) == (1, "")
    sockets = tmp_path / "root/etc/systemd/system/filterd.socket.d/listen.conf"
    assert "10.20.0.53:53" in sockets.read_text()


def test_sockets_that_are_kept_have_to_fit_as_well(setup, tmp_path):
    setup()
    sockets = tmp_path / "root/etc/systemd/system/filterd.socket.d/listen.conf"
    sockets.write_text(sockets.read_text() + "FreeBind=no\n")
    before = everything(tmp_path / "root")
    code, _, err = setup(addresses=["10.20.0.53/16"])
    assert code == 2
    assert f"{sockets}: `ListenDatagram` must be 10.20.0.53:53" in err
    assert everything(tmp_path / "root") == before


def test_a_configuration_that_is_kept_must_be_usable(setup, tmp_path):
    setup()
    by_hand(tmp_path / "root", "no_such_key: 1\n")
    before = everything(tmp_path / "root")
    code, _, err = setup(dhcp=True)
    assert code == 2
    assert "no_such_key" in err
    assert everything(tmp_path / "root") == before


def test_a_copy_that_came_back_to_a_new_box(setup, tmp_path):
    setup()
    config = by_hand(tmp_path / "root")
    for path in everything(tmp_path / "root"):
        if path.parent != config.parent:
            path.unlink()
    answers = config.with_name("setup.yaml")
    again = setup.run("setup", "--answers", str(answers), "--root", str(tmp_path / "root"))
    assert (again[0], again[2]) == (1, "")
    assert "games.example" in config.read_text()
    assert (tmp_path / "root/etc/unbound/unbound.conf.d/filterd.conf").is_file()


def test_a_configuration_that_filterd_would_refuse_is_not_written(setup, tmp_path):
    networks = {"primary": ["10.20.9.0/24"], "staff": ["10.20.9.0/24"]}
    code, _, err = setup(networks=networks)
    assert code == 2
    assert "belongs to group 'primary' already" in err
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("language", ["en", "vi"])
def test_without_its_package_there_is_no_http_filter(run, tmp_path, monkeypatch, language):
    monkeypatch.setattr(setup_units, "UNITS", tmp_path)
    answers = tmp_path / "answers.yaml"
    answers.write_text(yaml.safe_dump(ANSWERS | {"http": True, "language": language}))
    code, out, err = run("setup", "--answers", str(answers), "--check")
    assert (code, out) == (2, "")
    assert "sudo apt-get install ./filterd-http_*.deb" in err
    (tmp_path / "filterd-http@.service").touch()
    assert "filterd-http_" not in run("setup", "--answers", str(answers), "--check")[2]


def test_an_image_may_have_it_before_its_package(setup):
    code, out, _ = setup(http=True)
    assert code == 0
    assert "missing: filterd-http@1.service" in out


def test_bad_answers_are_told_with_their_line(setup):
    code, _, err = setup(levels=["university"])
    assert code == 2
    assert "levels[0]" in err


def test_without_a_terminal_it_asks_nothing(run, tmp_path):
    code, _, err = run("setup", "--lang", "en", "--root", str(tmp_path))
    assert code == 2
    assert "--answers FILE" in err
