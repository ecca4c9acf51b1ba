"""The rule format of ARCHITECTURE.md works as printed."""

import importlib.util
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from filterd.formats import registry

ROOT = Path(__file__).resolve().parents[3]
BLOCK = re.compile(r"^```python (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
BLOCKS = dict(BLOCK.findall(PAGE))
FORMAT = "filterd/formats/squid.py"
TEST = "tests/unit/formats/test_squid.py"


def loaded(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def checks(module: ModuleType, parameter: str | None) -> list[str]:
    wanted = {parameter} if parameter else set()
    return [
        name
        for name, each in vars(module).items()
        if name.startswith("test_") and set(inspect.signature(each).parameters) == wanted
    ]


CONTRACT = loaded("contract_for_docs", ROOT / "tests/contract/test_any_format.py")
FOR_ANY = checks(CONTRACT, "each")


@pytest.fixture
def squid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "squid.py"
    path.write_text(BLOCKS[FORMAT], encoding="utf-8")
    monkeypatch.setitem(sys.modules, "filterd.formats.squid", ModuleType("placeholder"))
    module = loaded("filterd.formats.squid", path)
    each = module.Squid()
    monkeypatch.setattr(registry, "FORMATS", (*registry.FORMATS, each))
    return each


def test_the_page_has_both_files() -> None:
    assert set(BLOCKS) == {FORMAT, TEST}


def test_the_contract_is_not_empty() -> None:
    assert len(FOR_ANY) >= 7


@pytest.mark.parametrize("name", FOR_ANY)
def test_the_example_keeps_the_contract_of_formats(squid, name: str) -> None:
    getattr(CONTRACT, name)(each=squid)


def test_the_printed_test_passes(squid, tmp_path: Path) -> None:
    path = tmp_path / "test_squid.py"
    path.write_text(BLOCKS[TEST], encoding="utf-8")
    printed = loaded("test_squid_for_docs", path)
    names = checks(printed, None)
    assert len(names) == 2
    for name in names:
        getattr(printed, name)()


@pytest.mark.parametrize("name", sorted(BLOCKS))
# I001: ruff sorts by what is in the tree, and the example is not.
@pytest.mark.parametrize("command", [["check", "--ignore", "I001"], ["format", "--check"]])
def test_the_printed_code_keeps_the_house_rules(name: str, command: list[str]) -> None:
    ruff = [sys.executable, "-m", "ruff", *command, "--stdin-filename", name, "-"]
    done = subprocess.run(
        ruff, input=BLOCKS[name], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
