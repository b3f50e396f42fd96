"""Any number of sources: one rule for all doors, and of two sources the same as from_samples()."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import fastpid
from fastpid.joint import JointTable, from_file, from_samples, from_sources

RNG = np.random.default_rng(0)
N = 400
A = RNG.normal(size=N)
B = RNG.integers(0, 3, N)
C = np.array(["low", "high"])[RNG.integers(0, 2, N)]
D = RNG.normal(size=N)
T = (A > 0).astype(int) + B
DATA = {"a": A, "b": B, "c": C, "d": D, "t": T}


def test_counts_are_those_of_a_counter() -> None:
    table = from_sources([B, C, B % 2], T)
    assert table.shape == (3, 2, 2, 4)
    expected = Counter(zip(B.tolist(), C.tolist(), (B % 2).tolist(), T.tolist(), strict=True))
    for cell in np.ndindex(*table.shape):
        symbols = tuple(labels[i] for labels, i in zip(table.labels, cell, strict=True))
        assert table.counts[cell] == expected[symbols]
    assert table.p.sum() == pytest.approx(1.0, abs=1e-15)
    assert table.names == table.roles == ("x0", "x1", "x2", "z")


def test_two_sources_are_those_of_from_samples() -> None:
    options = {"bins": {"x": 3}, "weights": RNG.uniform(size=N), "missing": "drop"}
    a = np.where(RNG.uniform(size=N) < 0.1, np.nan, A)
    assert from_sources([a, B], T, **options) == from_samples(a, B, T, **options)
    assert from_sources(["a", "c"], "t", data=DATA, bins=3) == from_samples(
        "a", "c", "t", data=DATA, bins=3
    )


def write(path: Path, data: dict[str, np.ndarray]) -> Path:
    rows = [",".join(data), *(",".join(map(str, row)) for row in zip(*data.values(), strict=True))]
    path.write_text("\n".join(rows) + "\n")
    return path


def doors(data: dict[str, np.ndarray], path: Path, **options) -> list[JointTable]:
    names = [name for name in data if name != "t"]
    tables = [
        from_sources(names, "t", data=data, **options),
        from_sources({name: data[name] for name in names}, data["t"], names=list(data), **options),
        from_sources([data[name] for name in names], data["t"], names=list(data), **options),
        from_file(write(path, data), sources=names, z="t", **options),
    ]
    try:
        import pandas as pd
    except ImportError:
        return tables
    frame = pd.DataFrame(data)
    return [*tables, from_sources(frame[names], frame["t"], **options)]


@pytest.mark.parametrize(
    "options",
    [
        {"bins": 4},
        {"bins": {"x0": 3, "d": [-9.0, 0.0, 9.0]}, "strategy": "uniform"},
        {"bins": [3, None, None, 2, None]},
    ],
    ids=["a number", "by role and name", "by place"],
)
def test_all_doors_give_the_same(tmp_path: Path, options) -> None:
    first, *others = doors(DATA, tmp_path / "data.csv", **options)
    assert first.shape[1:3] == (3, 2)
    for other in others:
        assert other == first
    # Columns by themselves are cut as they are together.
    pair = from_samples("a", "d", "t", data=DATA, bins={"a": 4, "d": 4})
    if options == {"bins": 4}:
        assert (first.counts.sum(axis=(1, 2)) == pair.counts).all()


@pytest.mark.parametrize("missing", ["drop", "category"])
def test_missing_values_are_treated_alike(tmp_path: Path, missing: str) -> None:
    data = {**DATA, "a": np.where(RNG.uniform(size=N) < 0.1, np.nan, A)}
    first, *others = doors(data, tmp_path / "data.csv", bins=3, missing=missing)
    assert all(other == first for other in others)
    gone = int(np.isnan(data["a"]).sum())
    assert first.n_dropped == (gone if missing == "drop" else 0)
    assert first.shape[0] == (3 if missing == "drop" else 4)
    with pytest.raises(ValueError, match=rf"missing values in {gone} of {N} rows: x0 \('a'\)"):
        from_sources(["a", "b", "c"], "t", data=data, bins=3)


def test_masks_are_missing_values() -> None:
    masked = np.ma.masked_array(B, mask=np.arange(N) < 7)
    assert from_sources([masked, C, B], T, missing="drop").n_dropped == 7


def test_a_source_of_several_columns(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    both = np.stack([A, D], axis=1)
    options = {"bins": {"x2": 4}, "rng": 1}
    table = from_sources([B, C, both], T, names=["b", "c", "a, d", "t"], **options)
    assert table.shape == (3, 2, 4, 4)
    assert table == from_sources(["b", "c", ["a", "d"]], "t", data=DATA, **options)
    path = write(tmp_path / "data.csv", DATA)
    assert table == from_file(path, sources=["b", "c", ["a", "d"]], z="t", **options)


def test_it_stands_where_an_array_does() -> None:
    table = from_sources([B, C, B % 2], T)
    assert fastpid.decompose_many(table) == fastpid.decompose_many(table.p)
    lines = repr(table).splitlines()
    assert lines[
        0
    ] == f"JointTable 3 x 2 x 2 x 4 from {N} samples, {(table.counts > 0).sum()} of " + (
        "48 cells occupied"
    )
    assert [line.split()[0] for line in lines[1:]] == ["x0", "x1", "x2", "z"]
    assert table.sampling.shape == (3, 2, 2, 4)
    assert table.counts_along(3).sum() == N


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sources holds 1 source; pass two or more"):
        from_sources([B], T)
    with pytest.raises(
        TypeError, match=r"ndarray of shape \(400, 2\); if every.*list\(sources.T\)"
    ):
        from_sources(np.stack([B, B], axis=1), T)
    with pytest.raises(TypeError, match=r"sources must be a list.*got str"):
        from_sources("abc", "t", data=DATA)
    with pytest.raises(TypeError, match=r"x1 is the string 'b'.*data="):
        from_sources([B, "b", C], T)
    with pytest.raises(ValueError, match="x2 names a column 'q'"):
        from_sources(["a", "b", "q"], "t", data=DATA)
    with pytest.raises(ValueError, match="names must be 4 strings, the target's last; got 3"):
        from_sources([B, C, B], T, names=["a", "b", "c"])
    with pytest.raises(ValueError, match="needs 4, one for each of x0, x1, x2 and z"):
        from_sources([A, B, C], T, bins=[2, 2])
    with pytest.raises(ValueError, match='keys are names of columns, or "x0", "x1", "x2" and'):
        from_sources([A, B, C], T, bins={"x": 2})
    with pytest.raises(ValueError, match="differ in length: x0 has 400, x1 has 399"):
        from_sources([B, C[:-1], B], T)
    many = RNG.integers(0, 8, (10, N))
    with pytest.raises(ValueError, match=r"more than the 268435456 supported.*take fewer sources"):
        from_sources(list(many), T)
    with pytest.raises(ValueError, match="40 sources has more than 32 axes"):
        from_sources([np.zeros(N, dtype=int)] * 40, T)
    path = write(tmp_path / "data.csv", DATA)
    for call in ({"sources": ["a", "b"]}, {"x": "a", "z": "t"}, {}):
        with pytest.raises(TypeError, match="name the columns: from_file"):
            from_file(path, **call)
    with pytest.raises(TypeError, match="x and y, or sources, not both"):
        from_file(path, "a", "b", "t", sources=["a", "b"])
