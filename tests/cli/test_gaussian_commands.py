"""fastpid gaussian and fastpid gaussian-screen."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastpid
import fastpid.gaussian
from fastpid.cli import main

NAMES = ["a", "b", "c", "d,e", "u", "v"]
RNG = np.random.default_rng(0)
DATA = RNG.normal(size=(200, 6))
DATA[:, 4:] = 0.5 * DATA[:, 4:] + DATA[:, :2] + DATA[:, 1:3]
ROLES = ["--x", "a,b", "--y", "d,e", "--y", "c", "--z", "u,v"]
QUICK = ["--n-bootstrap", "40", "--n-permutations", "39", "--rng", "3"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path, DATA.tolist())


def write(folder: Path, rows: list[list[Any]]) -> Path:
    path = folder / "data.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([NAMES, *rows])
    return path


def answer(capsys: pytest.CaptureFixture[str], *args: Any) -> Any:
    assert main([*map(str, args), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_decomposition_is_that_of_python(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answer(capsys, "gaussian", data, *ROLES)
    cov = np.cov(DATA, rowvar=False)
    d = fastpid.gaussian.decompose(cov, ([0, 1], [3, 2], [4, 5]))
    assert found["command"] == "gaussian"
    assert found["columns"] == {"x": ["a", "b"], "y": ["d,e", "c"], "z": ["u", "v"]}
    assert found["n_samples"] == 200
    assert found["result"]["converged"] is True
    assert found["result"]["synergy"] == pytest.approx(d.synergy, abs=3e-9)
    nats = answer(capsys, "gaussian", data, *ROLES, "--unit", "nats")
    assert nats["result"]["mi_xy"] == pytest.approx(d.mi_xy * np.log(2.0))
    ranks = answer(capsys, "gaussian", data, *ROLES, "--copula")
    assert ranks["copula"] is True
    assert ranks["result"]["synergy"] != found["result"]["synergy"]


@pytest.mark.parametrize("copula", [False, True])
def test_the_estimate_is_that_of_python(
    data: Path, capsys: pytest.CaptureFixture[str], copula: bool
) -> None:
    options = ["--copula"] if copula else []
    found = answer(capsys, "gaussian", data, *ROLES, "--estimate", *QUICK, *options)["result"]
    e = fastpid.gaussian.estimate(
        DATA[:, :2],
        DATA[:, [3, 2]],
        DATA[:, 4:],
        n_bootstrap=40,
        n_permutations=39,
        rng=3,
        copula=copula,
    )
    assert found["columns"] == [["a", "b"], ["d,e", "c"], ["u", "v"]]
    for key in ("corrected", "p_values"):
        assert found[key] == pytest.approx(e.to_dict()[key], abs=1e-9)
    assert main(["gaussian", str(data), *ROLES, "--estimate", *QUICK]) == 0
    text = capsys.readouterr().out
    assert "Gaussian estimate from 200 samples, 2 + 2 + 2 columns" in text
    assert "95% interval" in text


def test_the_atoms_are_drawn(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for name, more in (("plain.png", []), ("estimate.png", ["--estimate", *QUICK])):
        out = tmp_path / name
        assert main(["gaussian", str(data), *ROLES, *more, "--plot", str(out)]) == 0
        assert out.read_bytes().startswith(b"\x89PNG")


def test_the_screen_is_that_of_python(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["gaussian-screen", data, "--z", "u,v", "--exclude", "d,e", "--fdr", "0.05"]
    found = answer(capsys, *arguments, "--test", "f", "--adjust", "holm")["result"]
    python = fastpid.gaussian.screen(DATA[:, :3], DATA[:, 4:], names=NAMES[:3], test="f")
    best = python.significant(0.05, "synergy", "holm").top(20)
    assert found["n_pairs"] == 3
    assert found["n_significant"] == len(best) > 0
    assert [(row["x"], row["y"]) for row in found["top"]] == [
        (NAMES[r["x"]], NAMES[r["y"]]) for r in best.records
    ]
    assert found["top"][0]["synergy"] == pytest.approx(best.records[0]["synergy"], abs=3e-9)
    assert found["top"][0]["samples_per_column"] == 50.0
    assert "coverage" not in found["top"][0]
    channels = ["--channel", "one=a,b", "--channel", "two=d,e", "--channel", "three=c"]
    grouped = answer(capsys, "gaussian-screen", data, "--z", "u", "--z", "v", *channels)
    rows = grouped["result"]["top"]
    assert {(row["x"], row["y"]) for row in rows} == {
        *(("one", "two"), ("one", "three"), ("two", "three"))
    }
    assert {row["target"] for row in rows} == {"u, v"}


def test_the_screen_prints_and_writes(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pd = pytest.importorskip("pandas")
    out, kept = tmp_path / "pairs.csv", tmp_path / "pairs.screen"
    arguments = ["gaussian-screen", str(data), "--z", "u,v", "--test", "f", "--out", str(out)]
    assert main([*arguments, "--checkpoint", str(kept)]) == 0
    text = capsys.readouterr().out
    assert "6 pairs, in bits, by synergy" in text
    assert "fastpid gaussian --estimate corrects them" in text
    frame = pd.read_csv(out)
    assert len(frame) == 6
    assert {"samples_per_column", "adjusted_p_synergy"} <= set(frame)
    assert main([*arguments, "--checkpoint", str(kept)]) == 2  # --out is there already
    assert "--force" in capsys.readouterr().err


def test_rows_that_miss_values_are_dropped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = DATA.tolist()
    rows[7][0] = "NA"
    path = write(tmp_path, rows)
    assert main(["gaussian", str(path), *ROLES]) == 2
    assert "--missing drop" in capsys.readouterr().err
    assert main(["gaussian", str(path), *ROLES, "--missing", "drop", "--json"]) == 0
    said = capsys.readouterr()
    assert "1 rows miss a value and were dropped" in said.err
    assert json.loads(said.out)["n_samples"] == 199
    assert main(["gaussian-screen", str(path), "--z", "u", "--missing", "drop", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_dropped"] == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["gaussian", "--x", "a", "--y", "b", "--z", "w"], "a column 'w'"),
        (
            ["gaussian", "--x", "a", "--y", "b", "--z", "u", "--ci", "pivot"],
            "--ci needs --estimate",
        ),
        (["gaussian", "--x", "a", "--y", "b"], "required: --z"),
        (["gaussian", "--x", "a", "--y", "a,b", "--z", "a"], "determines.*infinite"),
        (["gaussian-screen", "--z", "u", "--channel", "a,b"], "--channel must read NAME="),
        (["gaussian-screen", "--z", "u", "--channel", "s=a", "--exclude", "b"], "leave out"),
        (["gaussian-screen", "--z", "u", "--test", "g"], "invalid choice: 'g'"),
        (["gaussian-screen", "--z", "u", "--n-permutations", "200"], "--test permutation"),
        (["gaussian-screen", "--z", "u", "--test", "f", "--n-permutations", "200"], "f permutes"),
        (["gaussian-screen", "--z", "u", "--by", "coverage"], "by must be one of"),
    ],
)
def test_bad_input_is_one_line(
    data: Path, capsys: pytest.CaptureFixture[str], args: list[str], words: str
) -> None:
    assert main([args[0], str(data), *args[1:]]) == 2
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    assert re.search(words, said), said


def test_text_is_no_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [[f"s{i % 3}", *row[1:]] for i, row in enumerate(DATA.tolist())]
    assert main(["gaussian", str(write(tmp_path, rows)), *ROLES]) == 2
    assert "column a is string, and must be numbers" in capsys.readouterr().err
    counts = [[i % 3, *row[1:]] for i, row in enumerate(DATA.tolist())]
    assert main(["gaussian", str(write(tmp_path, counts)), *ROLES]) == 0
    assert "3 different integers" in capsys.readouterr().err
