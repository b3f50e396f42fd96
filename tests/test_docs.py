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
MODULES = [
    "_discretizer",
    "_dispatch",
    "_readers",
    "_soft_joint",
    "_streaming",
    "controller",
    "feature_selection",
    "information",
    "joint",
    "reference",
    "screening",
    "uncertainty",
    "torch._decompose",
    "torch._soft_joint",
    "torch.training",
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


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str) -> None:
    if name == "reference":
        pytest.importorskip("cvxpy")
    if name == "feature_selection":
        pytest.importorskip("sklearn")
    if name.startswith("torch"):
        pytest.importorskip("torch")
    module = importlib.import_module(f"fastpid.{name}")
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
