"""What a type checker sees: mypy --strict over calls with assert_type."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy", reason="a tool of development: pip install fastpid[dev]")

CHECKED = Path(__file__).resolve().parent / "typing"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


@pytest.mark.parametrize("name", sorted(path.name for path in CHECKED.glob("*.py")))
def test_types(name: str, cache: Path) -> None:
    if "tensor" in name:
        pytest.importorskip("torch")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache)]
    done = subprocess.run(
        [*command, str(CHECKED / name)],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKED.parents[1],
    )
    assert done.returncode == 0, done.stdout


def test_wrong_words_are_found(tmp_path: Path, cache: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import fastpid\n"
        "fastpid.decompose([[[1.0]]], method='newtn')\n"
        "fastpid.decompose([[[1.0]]], unit='bit')\n"
        "fastpid.estimate([0], [0], [0], bias='miller-madow')\n"
        "fastpid.screen([[0]], [0], on_failure='explode')\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache)]
    done = subprocess.run(
        [*command, str(wrong)], capture_output=True, text=True, check=False, cwd=CHECKED.parents[1]
    )
    for line in (2, 3, 4, 5):
        assert f"wrong.py:{line}: error" in done.stdout, done.stdout
