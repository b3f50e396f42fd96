"""What commands write destroys nothing, and is written whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fastpid.cli import main

pd = pytest.importorskip("pandas", reason="an extra: pip install fastpid[estimate]")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.integers(0, 3, (100, 4)), columns=list("abcz"))
    frame.to_csv(tmp_path / "data.csv", index=False)
    return tmp_path / "data.csv"


def screen(data: Path, *options: object) -> int:
    return main(["screen", str(data), "--z", "z", *map(str, options)])


def test_the_input_is_never_an_output(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = data.read_bytes()
    link = data.with_name("link.csv")
    link.symlink_to(data)
    for path in (data, link, f"{data.parent}/./data.csv"):
        assert screen(data, "--out", path, "--force") == 2
        assert "is the input; name another file" in capsys.readouterr().err
    assert screen(data, "--checkpoint", data) == 2
    assert "--checkpoint" in capsys.readouterr().err
    assert data.read_bytes() == before


def test_an_existing_file_is_kept_unless_forced(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = data.with_name("pairs.csv")
    out.write_text("something else")
    assert screen(data, "--out", out) == 2
    assert "exists; name another file, or pass --force" in capsys.readouterr().err
    assert out.read_text() == "something else"
    assert screen(data, "--out", out, "--force") == 0
    assert len(pd.read_csv(out)) == 3
    kept = data.with_name("kept.csv")
    assert screen(data, "--checkpoint", kept, "--out", kept, "--force") == 2
    assert "is the checkpoint" in capsys.readouterr().err
    assert screen(data, "--out", data.with_name("no") / "pairs.csv") == 2
    assert "there is no folder" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files by setrlimit")
def test_a_full_disk_leaves_the_old_file(data: Path) -> None:
    out = data.with_name("pairs.csv")
    out.write_text("the old one")
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "import pandas; from fastpid.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        f"sys.exit(main(['screen', {str(data)!r}, '--z', 'z', '--out', {str(out)!r}, '--force']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2
    assert f"cannot write {str(out)!r}" in done.stderr
    assert out.read_text() == "the old one"
    assert sorted(os.listdir(data.parent)) == ["data.csv", "pairs.csv"]


def test_errors_of_the_checkpoint_name_it(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert screen(data, "--checkpoint", data.with_name("no") / "kept") == 2
    assert f"cannot use '{data.with_name('no') / 'kept'}'" in capsys.readouterr().err
