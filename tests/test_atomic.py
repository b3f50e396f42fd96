"""Files are written whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fastpid._base.atomic import write_beside


def test_a_file_is_replaced_when_all_went_well(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with write_beside(path) as beside:
        assert beside.suffix == ".txt"
        beside.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    with write_beside(path) as beside:
        beside.write_text("newer")
    assert path.read_text() == "newer"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail() -> None:
        with write_beside(path) as beside:
            beside.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_errors_name_the_file_that_was_meant(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error, write_beside(tmp_path / "no" / "a.txt"):
        pass
    assert error.value.filename == str(tmp_path / "no" / "a.txt")
    with pytest.raises(OSError, match="full") as full, write_beside(tmp_path / "b.txt"):
        raise OSError(28, "full")
    assert full.value.filename == str(tmp_path / "b.txt")


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_modes_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o640)
    with write_beside(path) as beside:
        beside.write_text("new")
    assert path.stat().st_mode & 0o777 == 0o640
    plain = tmp_path / "plain.txt"
    plain.touch()
    with write_beside(tmp_path / "b.txt") as beside:
        beside.write_text("new")
    assert (tmp_path / "b.txt").stat().st_mode == plain.stat().st_mode


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_what_is_private_is_so_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o600)
    with write_beside(path) as beside:
        assert beside.stat().st_mode & 0o777 == 0o600


def test_the_umask_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # It is of the whole process: files of other threads would be open to all for a moment.
    monkeypatch.delattr(os, "umask")
    with write_beside(tmp_path / "a.txt") as beside:
        beside.write_text("new")


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege")
def test_a_link_goes_on_pointing_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    file, link = tmp_path / "folder" / "a.txt", tmp_path / "link.txt"
    file.write_text("old")
    link.symlink_to(file)
    with write_beside(link) as beside:
        beside.write_text("new")
    assert link.is_symlink()
    assert file.read_text() == "new"


def test_a_long_name_is_none_too_long(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 250 + ".txt")
    with write_beside(path) as beside:
        beside.write_text("new")
    assert path.read_text() == "new"


def test_errors_of_any_signature_name_the_file(tmp_path: Path) -> None:
    class StrangeError(OSError):
        def __init__(self) -> None:
            super().__init__("half of it is gone")

    with (
        pytest.raises(OSError, match="half of it is gone") as error,
        write_beside(tmp_path / "a.txt"),
    ):
        raise StrangeError
    assert error.value.filename == str(tmp_path / "a.txt")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    program = """
import resource, signal, sys
from fastpid._base.atomic import write_beside
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with write_beside(sys.argv[1]) as beside:
        beside.write_bytes(bytes(100_000))
except OSError as error:
    print(error.filename)
"""
    path = tmp_path / "a.txt"
    path.write_text("old")
    command = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]
