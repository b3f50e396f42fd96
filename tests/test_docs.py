"""The Python blocks of the documents run, and the README's commands are the ones that work."""

from __future__ import annotations

import doctest
import importlib
import re
import shlex
from pathlib import Path

import pytest

from fastpid.cli import main

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PACKAGE = ROOT / "fastpid"
MODULES = [
    path.relative_to(ROOT)
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_python_blocks_run(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        if "cvx_pid" in block:
            pytest.importorskip("cvxpy")
        if "torch" in block:
            pytest.importorskip("torch")
        if "import dit" in block:
            pytest.importorskip("dit")
        exec(compile(block, str(page), "exec"), names)


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_docstring_examples(path: Path) -> None:
    if "reference" in path.parts:
        pytest.importorskip("cvxpy")
    if path.parent.name == "compat" and path.stem in ("dit", "xarray"):
        pytest.importorskip(path.stem)
    if "torch" in path.parts:
        pytest.importorskip("torch")
    module = importlib.import_module(".".join(path.with_suffix("").parts))
    outcome = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_readme_first_command_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    command = re.search(r"&& fastpid (decompose docs/data/.*)", readme)
    assert command is not None
    assert main(shlex.split(command.group(1))) == 0
    said = capsys.readouterr().out
    # What README shows of the output is what comes out.
    shown = re.search(r"```text\n(.*?)```", readme, re.DOTALL)
    assert shown is not None
    for line in shown.group(1).strip().splitlines():
        assert line in said


COMMANDS = [
    line
    for page in PAGES
    for block in re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
    if line.startswith("fastpid ")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    options = ["--n-bootstrap", "20", "--n-permutations", "20"] if "estimate" in command else []
    assert main([*shlex.split(command)[1:], *options]) == 0
    assert "synergy" in capsys.readouterr().out
