"""What docs/hub.md and the hub's reference pages say is so."""

import http
import re
from pathlib import Path

import pytest

from filterd.config.hub import HubLimits, load_hub
from filterd.hub import openapi
from filterd.hub.document import documents
from filterd.hub.people import Role

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "hub.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml hub\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_configuration_loads(text: str, tmp_path: Path) -> None:
    file = tmp_path / "hub.yaml"
    file.write_text(text)
    assert load_hub(file).feed == tmp_path / "feed"


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 2


def test_every_role_is_explained() -> None:
    for role in Role:
        assert f"| {role.value} |" in PAGE


def test_every_status_that_the_interface_names_is_explained() -> None:
    told = {
        int(code)
        for row in re.findall(r"^\| ([\d, ]+) \|", PAGE, re.MULTILINE)
        for code in row.split(",")
    }
    named = {int(code) for code in (*openapi.SIGNED, *openapi.PEOPLE)}
    assert named <= told
    assert all(http.HTTPStatus(code) for code in told)


def test_the_reference_pages_are_not_stale() -> None:
    for path, text in documents().items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, f"{path}: make generated"


def test_every_limit_that_the_page_names_is_one() -> None:
    for name in re.findall(r"`limits\.(\w+)`", PAGE):
        assert name in HubLimits.model_fields
