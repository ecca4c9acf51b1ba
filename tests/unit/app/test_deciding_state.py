"""A verdict without the school's own rules and lists would be wrong, and look right."""

import pytest

from filterd.app.deciding import from_config


def test_who_may_not_read_the_state_gets_no_verdict(tmp_path, monkeypatch):
    config = tmp_path / "config.yaml"
    config.write_text(f"state_dir: {tmp_path}/state\n")
    assert from_config(str(config)), "there is none yet: nothing to read"

    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("filterd.app.deciding.os.scandir", refused)
    with pytest.raises(PermissionError):
        from_config(str(config))
