"""`filterd setup` below a folder, as images are made."""

import pytest
import yaml

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


def test_a_configuration_that_filterd_would_refuse_is_not_written(setup, tmp_path):
    networks = {"primary": ["10.20.9.0/24"], "staff": ["10.20.9.0/24"]}
    code, _, err = setup(networks=networks)
    assert code == 2
    assert "belongs to group 'primary' already" in err
    assert not (tmp_path / "root").exists()


def test_bad_answers_are_told_with_their_line(setup):
    code, _, err = setup(levels=["university"])
    assert code == 2
    assert "levels[0]" in err


def test_without_a_terminal_it_asks_nothing(run, tmp_path):
    code, _, err = run("setup", "--lang", "en", "--root", str(tmp_path))
    assert code == 2
    assert "--answers FILE" in err
