"""The same data give the same table, labels and errors through every door."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import re
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastpid
from fastpid.cli import main
from fastpid.joint import JointAccumulator, from_file, from_samples

pd = pytest.importorskip("pandas", reason="an extra: pip install fastpid[estimate]")
pa = pytest.importorskip("pyarrow")
polars = pytest.importorskip("polars")
import pyarrow.feather  # noqa: E402
import pyarrow.parquet  # noqa: E402

WORDS = [
    *("word", "01234", "1234", "12345678901234567890", "Na", "a,b", 'say "x"', "two\nlines"),
    *("ü", " blank", "x;y", "1e5", "True", "-", "$a$"),
]
FOLDER = Path(tempfile.mkdtemp())


def columns_of(n: int):
    integers = st.lists(st.integers(-3, 3), min_size=n, max_size=n)
    wide = st.lists(st.integers(-(10**9), 10**9), min_size=n, max_size=n)
    eighths = st.lists(st.integers(-9, 9).map(lambda i: i / 8), min_size=n, max_size=n)
    # One cell that is no number tells text from numbers in a file without types.
    text = st.lists(st.sampled_from(WORDS), min_size=n, max_size=n).map(lambda c: ["word", *c[1:]])
    return st.tuples(st.sampled_from("iwft"), st.one_of(integers, wide, eighths, text)).map(
        lambda pair: pair[1]
    )


@st.composite
def data_sets(draw):
    n = draw(st.integers(1, 30))
    columns = {role: draw(columns_of(n)) for role in "xyz"}
    if draw(st.booleans()):
        role = draw(st.sampled_from("xyz"))
        gone = draw(st.lists(st.integers(0, n - 1), max_size=3))
        first = 0 if isinstance(columns[role][0], str) else -1  # the cell that tells its type
        columns[role] = [
            None if i in gone and i != first else value for i, value in enumerate(columns[role])
        ]
    bins = draw(
        st.one_of(
            st.none(),
            st.integers(2, 5),
            st.dictionaries(st.sampled_from("xyz"), st.integers(2, 4), min_size=1),
        )
    )
    return columns, bins, draw(st.sampled_from(["raise", "drop", "category"]))


def attempt(call):
    """Return a table, or the error in words; rows and lines are compared elsewhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return call()
        except (ValueError, TypeError) as error:
            return type(error).__name__, re.sub(r" ?\((row|line)s? [^)]*\)", "", str(error))


def of_kind(values):
    present = [value for value in values if value is not None]
    return type(present[0]) if present else float


def array_of(values):
    kind = of_kind(values)
    if kind is float:
        return np.array([np.nan if v is None else v for v in values], dtype=float)
    if None not in values:
        return np.array(values)
    return np.array(values, dtype=object)


def nullable(values):
    names = {int: "Int64", float: "Float64", str: "string"}
    return pd.array(values, dtype=names[of_kind(values)])


def arrow_type(values):
    return {int: pa.int64(), float: pa.float64(), str: pa.string()}[of_kind(values)]


def frames(columns):
    yield "pandas", pd.DataFrame({k: array_of(v) for k, v in columns.items()})
    yield "nullable", pd.DataFrame({k: nullable(v) for k, v in columns.items()})
    table = pa.table({k: pa.array(v, arrow_type(v)) for k, v in columns.items()})
    yield "pyarrow", table
    yield "arrow in pandas", table.to_pandas(types_mapper=pd.ArrowDtype)
    yield "polars", polars.from_arrow(table)
    yield "mapping", columns


def write_files(columns):
    table = pa.table({k: pa.array(v, arrow_type(v)) for k, v in columns.items()})
    text = pd.DataFrame({k: nullable(v) for k, v in columns.items()}).to_csv(index=False)
    (FOLDER / "d.csv").write_bytes(text.encode())
    (FOLDER / "d.csv.gz").write_bytes(gzip.compress(text.encode(), 1))
    (FOLDER / "d.txt").write_bytes(text.encode("utf-16"))
    pyarrow.parquet.write_table(table, FOLDER / "d.parquet", row_group_size=11)
    pyarrow.feather.write_feather(table, FOLDER / "d.feather", chunksize=5)
    return [FOLDER / f"d.{end}" for end in ("csv", "csv.gz", "txt", "parquet", "feather")]


def run(command, path, bins, missing, *options):
    arguments = [command, str(path), "--json", "--missing", missing, *options]
    if bins is not None:
        given = [f"{k}={v}" for k, v in bins.items()] if isinstance(bins, dict) else [str(bins)]
        arguments += ["--bins", ",".join(given)]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(arguments)
    return status, json.loads(out.getvalue()) if status == 0 else None


def check_commands(path, wanted, bins, missing):
    roles = ("--x", "x", "--y", "y", "--z", "z")
    counted = isinstance(wanted, fastpid.joint.JointTable)
    useful = counted and all(np.count_nonzero(wanted.counts_along(i)) > 1 for i in range(3))
    useful &= counted and min(wanted.shape) > 1
    status, answer = run("decompose", path, bins, missing, *roles)
    assert (status == 0) == useful
    quick = ("--bias", "none", "--ci", "none", "--n-permutations", "0")
    estimated, estimate = run("estimate", path, bins, missing, *roles, *quick)
    # A column of one symbol a sample is decomposed, but nothing can be estimated from it.
    distinct = counted and any(
        np.count_nonzero(wanted.counts_along(i)) == wanted.n_samples > 2 for i in range(3)
    )
    assert (estimated == 0) == (useful and not distinct)
    screened, screen = run("screen", path, bins, missing, "--z", "z", "--sources", "x,y")
    if useful:
        for i, role in enumerate("xyz"):
            for found in (answer, answer if distinct else estimate):
                labels = found["columns"][role]["labels"]
                assert labels == json.loads(json.dumps(wanted.labels[i]))
                assert found["columns"][role]["counts"] == wanted.counts_along(i).tolist()
        d = fastpid.decompose(wanted)
        assert answer["result"]["synergy"] == pytest.approx(d.synergy, abs=1e-8)
        assert screened == 0
        assert screen["result"]["top"][0]["synergy"] == pytest.approx(d.synergy, abs=2e-6)


def check_pieces(columns, wanted, bins):
    """Count pieces of 7 rows, where the rules need no look at all of them."""
    if bins is not None or any(None in values for values in columns.values()):
        return
    pieces = JointAccumulator()

    def count():
        for start in range(0, len(columns["x"]), 7):
            part = [array_of(values[start : start + 7]) for values in columns.values()]
            # A piece of text is text, whatever its first cell.
            pieces.partial_fit(*part)
        return pieces.table()

    assert attempt(count) == wanted


@settings(
    max_examples=1000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data_sets())
def test_all_doors_give_the_same(data) -> None:
    columns, bins, missing = data
    arrays = [array_of(values) for values in columns.values()]
    options = {"bins": bins, "missing": missing}
    wanted = attempt(lambda: from_samples(*arrays, **options))
    lists = attempt(lambda: from_samples(*columns.values(), **options))
    assert lists == wanted
    for name, frame in frames(columns):
        found = attempt(lambda: from_samples("x", "y", "z", data=frame, **options))  # noqa: B023
        assert found == wanted, name
    for path in write_files(columns):
        for rows in (7, 10_000):
            found = attempt(lambda: from_file(path, "x", "y", "z", chunk_rows=rows, **options))  # noqa: B023
            assert found == wanted, path.name
    check_pieces(columns, wanted, bins)
    check_commands(FOLDER / "d.csv", wanted, bins, missing)
    check_commands(FOLDER / "d.parquet", wanted, bins, missing)
