"""Checkpoints: one process at a time, and nothing damaged is taken for a result."""

from __future__ import annotations

import errno
import subprocess
import sys
import tracemalloc
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


def test_a_truncated_file_is_gone_on_with(whole) -> None:
    path, data, result = whole
    start = data.index(b"}\n") + 2
    size = (len(data) - start) // len(result)
    header = [0, 5, data.index(b"\n"), data.index(b"\n") + 1, start - 2, start - 1]
    ends = range(start, len(data) + 1, size)
    for cut in [*header, *(end + by for end in ends for by in (-1, 0, 1))]:
        path.write_bytes(data[:cut])
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


def test_no_more_is_read_than_a_header(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with open(path, "wb") as file:
        file.truncate(200_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="holds no screen"):
            screen(checkpoint=path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


def test_two_in_one_process(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    blocks = screen(checkpoint=path, return_as="generator")
    next(blocks)
    with pytest.raises(ValueError, match="in use by another screen"):
        screen(checkpoint=path)
    blocks.close()
    assert screen(checkpoint=path) == screen()


def test_two_processes(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    program = """
import sys, numpy as np, fastpid
X = np.random.default_rng(0).integers(0, 4, (3000, 60))
z = (X[:, 0] + X[:, 1]) % 3
try:
    print(len(fastpid.screen(X, z, batch_size=5, threads=1, checkpoint=sys.argv[1])))
except ValueError as error:
    print("refused" if "in use" in str(error) else error)
"""
    command = [sys.executable, "-c", program, str(path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = {process.communicate()[0].strip() for process in both}
    assert said <= {"1770", "refused"}
    assert "1770" in said
    x = np.random.default_rng(0).integers(0, 4, (3000, 60))
    z = (x[:, 0] + x[:, 1]) % 3
    assert fastpid.screen(x, z, checkpoint=path) == fastpid.screen(x, z)


def test_a_process_that_is_killed_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    program = """
import sys, numpy as np, fastpid
X = np.random.default_rng(0).integers(0, 3, (300, 12))
options = dict(batch_size=7, threads=1, checkpoint=sys.argv[1], return_as="generator")
blocks = fastpid.screen(X, (X[:, 0] + X[:, 1]) % 3, **options)
next(blocks)
print("one block", flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", program, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "one block\n"
        before = path.read_bytes()
        with pytest.raises(ValueError, match="in use by another screen"):
            screen(checkpoint=path)
        assert path.read_bytes() == before
        process.kill()
    assert screen(checkpoint=path) == screen()
    assert path.read_bytes().startswith(before)


def test_a_folder_without_locks_is_not_in_use(tmp_path: Path, monkeypatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(OSError, match="No locks available") as error:
        screen(checkpoint=tmp_path / "kept")
    assert error.value.filename == str(tmp_path / "kept")


@pytest.mark.parametrize("limit", [0, 100, 1500])
def test_a_full_disk_names_the_checkpoint_and_keeps_it(whole, limit: int) -> None:
    pytest.importorskip("resource")
    path, data, result = whole
    path.unlink()
    program = """
import resource, signal, sys, numpy as np, fastpid
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
X = np.random.default_rng(0).integers(0, 3, (300, 12))
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    fastpid.screen(X, (X[:, 0] + X[:, 1]) % 3, batch_size=7, threads=1, checkpoint=sys.argv[1])
except OSError as error:
    print(error.filename)
"""
    command = [sys.executable, "-c", program, str(path), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(path)
    # What was written stands, and no warning comes of going on from it.
    assert path.read_bytes() == data[:limit]
    assert screen(checkpoint=path) == result
    assert path.read_bytes() == data


def test_a_folder_that_is_missing_names_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "no" / "kept"
    with pytest.raises(FileNotFoundError, match="checkpoint: No such file") as error:
        screen(checkpoint=path)
    assert error.value.filename == str(path)
