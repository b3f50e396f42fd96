"""``fastpid decompose`` and ``estimate`` with --sources."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import fastpid
from fastpid.cli import main
from fastpid.joint import from_file

N = 300
NAMES = ("a", "b", "c, d")


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    rng = np.random.default_rng(0)
    a, b, c = rng.integers(0, 2, (3, N))
    z = (a & b) ^ (rng.random(N) < 0.1)
    rows = [f"{i},{j},{k},{t}" for i, j, k, t in zip(a, b, c, z.astype(int), strict=True)]
    file = tmp_path_factory.mktemp("many") / "data.csv"
    file.write_text("\n".join(['a,b,"c, d",t', *rows]) + "\n")
    return file


def call(path: Path, command: str, *options: str) -> int:
    return main([command, str(path), "--sources", "a,b", "--sources", "c, d", "--z", "t", *options])


QUICK = ("--n-bootstrap", "30", "--n-permutations", "39", "--rng", "1")


def test_decompose_is_decompose_many(path, capsys) -> None:
    assert call(path, "decompose", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    table = from_file(path, sources=NAMES, z="t")
    d = fastpid.decompose_many(table)
    assert answer["result"] == json.loads(json.dumps(d.to_dict()))
    assert answer["result"]["coverage"]["0,2"] == d.coverage[0, 2]
    assert answer["result"]["union_information"]["0,1,2"]["lower"] == d.bounds()[0]
    assert list(answer["columns"]) == ["x0", "x1", "x2", "z"]
    assert answer["columns"]["x2"]["name"] == "c, d"
    assert answer["shape"] == [2, 2, 2, 2]
    assert call(path, "decompose") == 0
    lines = capsys.readouterr().out.splitlines()
    shown = {}
    for line in lines:
        if line.startswith(("unique", "shared", "synergy")):
            words, *values = re.split(r" {2,}", line)
            shown[words] = values
    assert float(shown["synergy"][0]) == pytest.approx(d.synergy, abs=1e-6)
    for i, name in enumerate(NAMES):
        assert float(shown[f"unique to {name}"][0]) == pytest.approx(d.unique[i], abs=1e-6)
    assert float(shown["shared by a, b, c, d"][0]) == pytest.approx(d.redundancy, abs=1e-6)


def test_leave_one_out_of_four(path, capsys) -> None:
    options = ("--sources", "a", "--subsets", "leave_one_out")
    assert call(path, "decompose", *options) == 0
    said = capsys.readouterr()
    d = fastpid.decompose_many(from_file(path, sources=[*NAMES, "a"], z="t"))
    assert "shared by" not in said.out
    (line,) = (line for line in said.out.splitlines() if line.startswith("unique to b"))
    value, low, high = map(float, line.split()[3:])
    assert low <= value <= high
    assert value == pytest.approx(d.unique[1], abs=1e-6)
    assert "--sources and --sources are the same column, 'a'" in said.err


def test_estimate_is_estimate_many(path, capsys) -> None:
    assert call(path, "estimate", "--json", *QUICK) == 0
    result = json.loads(capsys.readouterr().out)["result"]
    data = np.genfromtxt(path, delimiter=",", skip_header=1, dtype=int)
    e = fastpid.estimate_many(
        list(data.T[:3]),
        data[:, 3],
        names=[*NAMES, "t"],
        n_bootstrap=30,
        n_permutations=39,
        rng=1,
    )
    assert result["values"] == e.values
    assert result["p_values"] == e.p_values
    assert result["intervals"] == {name: list(ends) for name, ends in e.intervals.items()}
    assert call(path, "estimate", *QUICK) == 0
    out = capsys.readouterr().out
    assert "about t" in out
    for label in ("unique to c, d", "shared by a, b", "I(all;t)"):
        assert f"\n{label} " in out
    (line,) = (line for line in out.splitlines() if line.startswith("synergy"))
    assert float(line.split()[2]) == pytest.approx(e.synergy, abs=1e-4)


def test_estimate_draws_them(path, tmp_path) -> None:
    pytest.importorskip("matplotlib")
    target = tmp_path / "atoms.svg"
    assert call(path, "estimate", "--plot", str(target), *QUICK) == 0
    assert target.read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--z", "t"), "name the sources: --x and --y, or --sources"),
        (("--z", "t", "--x", "a"), "name the sources: --x and --y, or --sources"),
        (
            ("--z", "t", "--x", "a", "--sources", "a,b"),
            "in the place of --x and --y; leave out --x",
        ),
        (("--z", "t", "--sources", "a"), "sources holds 1 source"),
        (("--z", "t", "--sources", "a,q"), "a column 'q'"),
        (("--z", "t", "--x", "a", "--y", "b", "--subsets", "all"), "--subsets is for --sources"),
    ],
)
def test_what_is_refused(path, capsys, options, text) -> None:
    for command in ("decompose", "estimate"):
        assert main([command, str(path), *options]) == 2
        assert text in capsys.readouterr().err
    assert main(["estimate", str(path), "--sources", "a,b", "--z", "t", "--bias", "chao_shen"]) == 2
    assert "--bias chao_shen counts the cells of two sources" in capsys.readouterr().err
