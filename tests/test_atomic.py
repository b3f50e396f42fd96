"""Files are written whole or not at all."""

from __future__ import annotations

import os
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
