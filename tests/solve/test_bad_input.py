"""Every kind of bad input gets an error that names the argument, the finding and the remedy."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
from families import table

import fastpid
from fastpid import ConvergenceError, ConvergenceWarning, Status

GOOD = table("dense", (3, 3, 3), 0)


def changed(index: tuple[int, ...], value: float) -> np.ndarray:
    p = GOOD.copy()
    p[index] = value
    return p


VALUES = [
    (np.full((2, 2), 0.25), r"p must have at least 3 axes .* got shape \(2, 2\)"),
    (0.5, r"p must have at least 3 axes .* got shape \(\)"),
    (np.zeros((2, 0, 2)), r"empty axis: axis 1 of shape \(2, 0, 2\) .*symbol"),
    (np.zeros((0, 2, 2, 2)), r"empty axis: axis 0 of shape \(0, 2, 2, 2\) .*batch is empty"),
    (changed((1, 2, 0), -1e-3), r"p\[1, 2, 0\] = -0.001 is negative .*nothing is clipped"),
    (changed((0, 1, 2), np.nan), r"p\[0, 1, 2\] is NaN .*missing"),
    (changed((0, 1, 2), np.inf), r"p\[0, 1, 2\] is inf; probabilities must be finite"),
    (changed((0, 1, 2), -np.inf), r"p\[0, 1, 2\] is -inf"),
    (GOOD * 1.1, r"p sums to 1.1, not to 1 .*normalize=True"),
    (GOOD * (1 + 2e-6), r"p sums to 1.000002, not to 1"),
    (np.arange(8).reshape(2, 2, 2), r"p sums to 28, not to 1 .*counts"),
    (np.zeros((2, 2, 2)), r"p is zero everywhere; pass a table with some mass"),
    ([[[0.5, 0.5]], [[0.0]]], r"p is ragged"),
]

TYPES = [
    (GOOD + 0j, r"p must be real; got complex dtype complex128"),
    (np.ones((2, 2, 2), dtype=bool), r"got dtype bool; .*normalize=True"),
    (np.full((2, 2, 2), None), r"p must be a real-valued array; got dtype object"),
    ("table", r"p must be a real-valued array; got dtype <U5 from str"),
    (None, r"p must be a real-valued array; got dtype object from NoneType"),
    ({"p": 1}, r"p must be a real-valued array; got dtype object from dict"),
    (np.full((2, 2, 2), "2026-01-01", dtype="datetime64[D]"), r"got dtype datetime64\[D\]"),
]


@pytest.mark.parametrize(("p", "text"), VALUES)
def test_bad_values(p: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        fastpid.decompose(p)


@pytest.mark.parametrize(("p", "text"), TYPES)
def test_bad_types(p: object, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        fastpid.decompose(p)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"method": "Newton"}, ValueError, "method must be one of auto, .*'Newton'"),
        ({"method": 3}, TypeError, "method must be a string"),
        ({"unit": "bit"}, ValueError, "unit must be one of bits, nats; got 'bit'"),
        ({"unit": None}, TypeError, "unit must be a string"),
        ({"tol": 0.0}, ValueError, "tol must be positive"),
        ({"tol": -1e-9}, ValueError, "tol must be positive"),
        ({"tol": np.nan}, ValueError, "tol must be positive"),
        ({"tol": np.inf}, ValueError, "tol must be positive and finite"),
        ({"tol": "1e-9"}, TypeError, "tol must be a positive number; got str"),
        ({"tol": True}, TypeError, "tol must be a positive number; got bool"),
        ({"max_iter": 0}, ValueError, "max_iter must be between 1"),
        ({"max_iter": 2.5}, TypeError, "max_iter must be a positive integer or None; got float"),
        ({"max_iter": True}, TypeError, "max_iter .*bool"),
        ({"threads": 0}, ValueError, "threads must be between 1"),
        ({"threads": "2"}, TypeError, "threads must be a positive integer or None; got str"),
        ({"normalize": 1}, TypeError, "normalize must be True or False; got 1"),
        ({"on_failure": "stop"}, ValueError, "on_failure must be one of warn, raise, ignore"),
        ({"method": "exact"}, ValueError, r'method="exact" .*p has 3 target symbols'),
    ],
)
def test_bad_options(options: dict, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        fastpid.decompose(GOOD, **options)


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (GOOD * 1e300, None),
        (GOOD * 1e-200, None),
        (np.full((2, 2, 2), 1e308), "sums to inf; scale it down"),
        (GOOD * 1e-290, "too small or too large to divide by"),
        (np.zeros((2, 2, 2)), "zero everywhere"),
        (changed((0, 0, 0), -1.0), "negative"),
    ],
)
def test_normalize(p: np.ndarray, text: str | None) -> None:
    if text is None:
        if not 1e-250 <= p.sum() <= 1e250:
            with pytest.raises(ValueError, match="too small or too large"):
                fastpid.decompose(p, normalize=True)
            return
        got = fastpid.decompose(p, normalize=True)
        assert got.union_information == pytest.approx(
            fastpid.decompose(GOOD).union_information, abs=1e-9
        )
        return
    with pytest.raises(ValueError, match=text):
        fastpid.decompose(p, normalize=True)


def test_threads_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = np.broadcast_to(GOOD, (1000, 3, 3, 3))
    monkeypatch.setenv("FASTPID_NUM_THREADS", "two")
    with pytest.raises(ValueError, match="FASTPID_NUM_THREADS must be a positive integer"):
        fastpid.decompose(batch)
    monkeypatch.setenv("FASTPID_NUM_THREADS", "2")
    assert fastpid.decompose(batch).converged.all()


def test_one_bad_table_loses_no_other() -> None:
    batch = np.stack([table("dense", (3, 3, 3), seed) for seed in range(6)]).reshape(2, 3, 3, 3, 3)
    batch[1, 0, 2, 2, 1] = np.nan
    with pytest.warns(ConvergenceWarning, match=r"p\[1, 0, 2, 2, 1\] is NaN .*1 of 6 tables"):
        d = fastpid.decompose(batch)
    assert d.status[1, 0] == Status.INVALID
    assert np.isnan(d.redundancy[1, 0])
    assert np.isnan(d.coupling()[1, 0]).all()
    for index in np.ndindex(2, 3):
        if index != (1, 0):
            single = fastpid.decompose(batch[index])
            assert d.union_information[index] == single.union_information
            assert d.converged[index]
    with pytest.raises(ValueError, match=r"p\[1, 0, 2, 2, 1\] is NaN"):
        fastpid.decompose(batch, on_failure="raise")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fastpid.decompose(batch, on_failure="ignore").status[1, 0] == Status.INVALID


def test_unconverged_tables_are_reported_by_index_and_keep_their_bounds() -> None:
    batch = np.stack([fastpid.gates.xor(), table("dense", (2, 2, 2), 0)])
    batch = np.concatenate([batch, batch * 0], axis=3) + 1e-3 * table("dense", (2, 2, 4), 1)
    batch /= batch.sum(axis=(1, 2, 3), keepdims=True)
    with pytest.warns(ConvergenceWarning, match=r"table \[\d\].*raise max_iter.*gap .* bits"):
        d = fastpid.decompose(batch, method="newton", max_iter=2)
    assert (d.status == Status.MAX_ITERATIONS).any()
    truth = fastpid.decompose(batch)
    assert (d.lower <= truth.upper + 1e-12).all()
    assert (d.upper >= truth.lower - 1e-12).all()
    with pytest.raises(ConvergenceError, match="max_iter") as caught:
        fastpid.decompose(batch, method="newton", max_iter=2, on_failure="raise")
    np.testing.assert_array_equal(caught.value.result.upper, d.upper)


def test_checks_do_not_depend_on_asserts() -> None:
    """Run one check of every layer under python -O, which strips asserts."""
    program = """
import numpy as np, fastpid
for p, kind in [(np.full((2, 2, 2), 0.2), ValueError), (np.ones((2, 2)), ValueError),
                (np.full((2, 2, 2), np.nan), ValueError), (np.ones((2, 2, 2), bool), TypeError)]:
    for call in (fastpid.decompose, fastpid.reference.cvx_pid):
        try:
            call(p)
        except kind:
            continue
        raise SystemExit(f"{call.__name__} took {p!r}")
"""
    done = subprocess.run(
        [sys.executable, "-O", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
