"""Checkpoints: one process at a time, and nothing damaged is taken for a result."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastpid

RANDOM = np.random.default_rng(0)
X = RANDOM.integers(0, 3, (300, 12))
Z = (X[:, 0] + X[:, 1]) % 3
OPTIONS = {"batch_size": 7, "threads": 1}


def screen(**options) -> fastpid.Screen:
    return fastpid.screen(X, Z, **OPTIONS, **options)


@pytest.fixture
def whole(tmp_path: Path) -> tuple[Path, bytes, fastpid.Screen]:
    path = tmp_path / "kept"
    result = screen(checkpoint=path)
    assert result == screen()
    return path, path.read_bytes(), result


def test_a_finished_screen_is_read_back(whole) -> None:
    path, data, result = whole
    assert screen(checkpoint=path) == result
    assert path.read_bytes() == data


@pytest.mark.parametrize("part", [0.3, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_gone_on_with(whole, part: float) -> None:
    path, data, result = whole
    path.write_bytes(data[: int(part * len(data))])
    assert screen(checkpoint=path) == result
    assert path.read_bytes() == data


@pytest.mark.parametrize("damage", ["bit", "zeros", "ones", "doubled", "another pair"])
def test_damage_is_told_and_computed_again(whole, damage: str) -> None:
    path, data, result = whole
    start = data.index(b"}\n") + 2
    middle = start + (len(data) - start) // 2
    broken = {
        "bit": data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :],
        "zeros": data[:middle] + bytes(500) + data[middle + 500 :],
        "ones": data[:middle] + b"\xff" * 500 + data[middle + 500 :],
        "doubled": data + data[start:],
        "another pair": data[:start] + data[start + (len(data) - start) // 66 :] + data[start:],
    }[damage]
    path.write_bytes(broken)
    with pytest.warns(UserWarning, match=r"kept' is damaged after \d+ of \d+ pairs"):
        again = screen(checkpoint=path)
    assert again == result
    assert path.read_bytes() == data


def test_another_screen_is_refused(whole) -> None:
    path, _, _ = whole
    with pytest.raises(ValueError, match="holds another screen"):
        fastpid.screen(X, 1 - Z, checkpoint=path, **OPTIONS)
    path.write_text("a shopping list")
    with pytest.raises(ValueError, match="holds no screen"):
        screen(checkpoint=path)
    assert path.read_text() == "a shopping list"


def test_two_in_one_process(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    blocks = screen(checkpoint=path, return_as="generator")
    next(blocks)
    with pytest.raises(ValueError, match="in use by another screen"):
        screen(checkpoint=path)
    blocks.close()
    assert screen(checkpoint=path) == screen()


def test_two_processes(tmp_path: Path) -> None:
    program = """
import sys, numpy as np, fastpid
X = np.random.default_rng(0).integers(0, 4, (3000, 60))
z = (X[:, 0] + X[:, 1]) % 3
try:
    print(len(fastpid.screen(X, z, batch_size=5, threads=1, checkpoint=sys.argv[1])))
except ValueError as error:
    print("refused" if "in use" in str(error) else error)
"""
    command = [sys.executable, "-c", program, str(tmp_path / "kept")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[0].strip() for process in both]
    assert set(said) <= {"1770", "refused"}
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1770"


def test_a_full_disk_names_the_checkpoint(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    program = """
import resource, signal, sys, numpy as np, fastpid
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
X = np.random.default_rng(0).integers(0, 3, (300, 12))
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
try:
    fastpid.screen(X, (X[:, 0] + X[:, 1]) % 3, batch_size=7, threads=1, checkpoint=sys.argv[1])
except OSError as error:
    print(error.filename)
"""
    path = tmp_path / "kept"
    command = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(path)
    assert screen(checkpoint=path) == screen()
