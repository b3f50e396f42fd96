from __future__ import annotations

import json

import numpy as np
import pytest

import fastpid
from fastpid.cli import main

pytest.importorskip("sklearn")


@pytest.fixture
def saved(tmp_path):
    """Write arrays; return the path."""

    def _saved(**arrays) -> str:
        path = tmp_path / "arrays.npz"
        np.savez(path, **arrays)
        return str(path)

    return _saved


def data():
    rng = np.random.default_rng(0)
    z = rng.integers(0, 2, 300)
    x = 3.0 * z[:, None] + rng.normal(size=(300, 2))
    return {"X": x, "Y": rng.normal(size=(300, 2)), "z": z}


FEW = ["--n-bootstrap", "20", "--n-permutations", "19", "--rng", "0", "--threads", "1"]


def test_models(saved, capsys):
    arrays = data()
    path = saved(**arrays)
    assert main(["models", path, "--model", "linear", "--json", *FEW]) == 0
    answer = json.loads(capsys.readouterr().out)
    e = fastpid.models.estimate(
        arrays["X"], arrays["Y"], arrays["z"],
        model="linear", rng=0, n_bootstrap=20, n_permutations=19,
    )  # fmt: skip
    assert answer["result"]["values"] == e.values
    assert answer["result"]["decomposition"]["synergy"] is None
    assert main(["models", path, "--model", "linear", *FEW]) == 0
    assert "unique_x" in capsys.readouterr().out


def test_models_of_many_sources(saved, capsys):
    arrays = data()
    third = arrays["X"] + np.random.default_rng(1).normal(size=(300, 2))
    path = saved(a=arrays["X"], b=arrays["Y"], c=third, z=arrays["z"])
    options = ["--sources", "a,b,c", "--model", "linear", *FEW]
    assert main(["models", path, *options, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["result"]
    e = fastpid.models.estimate_many(
        {"a": arrays["X"], "b": arrays["Y"], "c": third}, arrays["z"],
        model="linear", rng=0, n_bootstrap=20, n_permutations=19,
    )  # fmt: skip
    assert answer["values"] == e.values
    assert answer["names"] == ["a", "b", "c"]
    assert main(["models", path, *options]) == 0
    assert "unique to a" in capsys.readouterr().out
    for wrong, words in (
        (["--sources", "a,b,d"], "has no array 'd'"),
        (["--sources", "a,b,a"], "names an array twice"),
        (["--sources", "a"], "holds 1 source"),
        (["--subsets", "all"], "--subsets is for --sources"),
    ):
        assert main(["models", path, *wrong]) == 2
        assert words in capsys.readouterr().err


def test_posteriors(saved, capsys):
    rng = np.random.default_rng(0)
    z = rng.integers(0, 3, 300)
    x, y = rng.normal(size=(2, 300, 3)) + 2 * np.eye(3)[z]
    rows = {"posteriors_x": x, "posteriors_y": y}
    path = saved(**rows, posteriors_xy=x + y, z=z)
    assert main(["posteriors", path, "--logits", "--json", *FEW]) == 0
    assert json.loads(capsys.readouterr().out)["result"]["values"]["redundancy"] > 0.1
    sums = {name: np.exp(v) / np.exp(v).sum(axis=1, keepdims=True) for name, v in rows.items()}
    assert main(["posteriors", saved(**sums), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert result["synergy"] is None
    assert result["redundancy"] == fastpid.decompose_posteriors(*sums.values(), tol=0.02).redundancy


def test_parquet(tmp_path, saved, capsys):
    """A matrix is a column of lists, or numbered columns; the answer is that of the arrays."""
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    arrays = data()
    path = str(tmp_path / "views.parquet")
    columns = {"X": arrays["X"].tolist(), "z": arrays["z"], "other": [None] * 300}
    columns |= {f"Y_{k}": arrays["Y"][:, k] for k in (1, 0)}
    parquet.write_table(pa.table(columns), path)
    call = ["--model", "linear", "--json", *FEW]
    assert main(["models", path, *call]) == 0
    of_parquet = json.loads(capsys.readouterr().out)["result"]
    assert main(["models", saved(**arrays), *call]) == 0
    assert json.loads(capsys.readouterr().out)["result"] == of_parquet
    ragged = str(tmp_path / "ragged.parquet")
    lists = [row[: 1 + i % 2] for i, row in enumerate(arrays["X"].tolist())]
    for changed, said in [
        ({"X": lists}, "have from 1 to 2 numbers"),
        ({"z": [None, *arrays["z"][1:].tolist()]}, "1 missing values in column 'z'"),
    ]:
        parquet.write_table(pa.table({**columns, **changed}), ragged)
        assert main(["models", ragged, *call]) == 2
        assert said in capsys.readouterr().err
    assert main(["posteriors", path]) == 2
    assert "no array 'posteriors_x'" in capsys.readouterr().err


def test_what_is_refused(saved, capsys, tmp_path):
    arrays = data()
    broken = tmp_path / "broken.npz"
    broken.write_text("nothing")
    cut = tmp_path / "cut.npz"
    with open(saved(**arrays), "rb") as whole:
        cut.write_bytes(whole.read(500))
    cases = [
        (["models", saved(X=arrays["X"], z=arrays["z"])], "no array 'Y'"),
        (["models", str(tmp_path / "none.npz")], "cannot read"),
        (["models", str(broken)], "neither Parquet nor an .npz file"),
        (["models", str(cut)], "neither Parquet nor an .npz file"),
    ]
    for call, said in cases:
        assert main(call) == 2
        assert said in capsys.readouterr().err
    assert main(["posteriors", saved(posteriors_x=arrays["X"], posteriors_y=arrays["Y"])]) == 2
    assert "sum" in capsys.readouterr().err
