"""The calls of BROJA_2PID and of MAXENT3D_PID: dicts in, dicts out."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import fastpid
from fastpid import gates
from fastpid.compat import broja_2pid, maxent3d

BITS = (0, 1)
AND = {(x & y, x, y): 0.25 for x, y in product(BITS, repeat=2)}
#: The gates of BROJA_2PID's own tests, and their atoms SI, UIY, UIZ, CI (Makkeh, Theis and Vicente
#: 2018, table 2).
PUBLISHED: dict[str, tuple[dict[Any, float], tuple[float, ...]]] = {
    "and": (AND, (0.311278124459, 0.0, 0.0, 0.5)),
    "xor": ({(x ^ y, x, y): 0.25 for x, y in product(BITS, repeat=2)}, (0, 0, 0, 1)),
    "rdn": ({(x, x, x): 0.5 for x in BITS}, (1, 0, 0, 0)),
    "unq": ({((x, y), x, y): 0.25 for x, y in product(BITS, repeat=2)}, (0, 1, 1, 0)),
    "rdnxor": (
        {((x ^ y, r), (x, r), (y, r)): 0.125 for x, y, r in product(BITS, repeat=3)},
        (1, 0, 0, 1),
    ),
    "rdnunqxor": (
        {
            ((x ^ y, u, v, r), (x, u, r), (y, v, r)): 1 / 32
            for x, y, u, v, r in product(BITS, repeat=5)
        },
        (1, 1, 1, 1),
    ),
    "xorand": (
        {((x ^ y, x & y), x, y): 0.25 for x, y in product(BITS, repeat=2)},
        (0.5, 0.0, 0.0, 1.0),
    ),
}


@pytest.mark.parametrize("gate", PUBLISHED)
def test_published_values_of_broja_2pid(gate: str) -> None:
    pdf, wanted = PUBLISHED[gate]
    found = broja_2pid.pid(pdf)
    assert list(found) == ["SI", "UIY", "UIZ", "CI", "Num_err", "Solver"]
    np.testing.assert_allclose([found[k] for k in ("SI", "UIY", "UIZ", "CI")], wanted, atol=1e-8)
    assert len(found["Num_err"]) == 3
    assert max(found["Num_err"]) < 1e-9
    # A zero among the probabilities, its symbols new or known, is no matter.
    dirty = {**pdf, (("new",), ("new",), ("new",)): 0.0}
    assert broja_2pid.pid(dirty)["CI"] == pytest.approx(found["CI"], abs=1e-12)


def test_the_target_is_the_first_symbol() -> None:
    p = gates.random_dense((3, 4, 2), rng=1)
    pdf = {(z, x, y): p[x, y, z] for x, y, z in np.ndindex(p.shape)}
    found = broja_2pid.pid(pdf, keep_solver_object=True, max_iters=100)
    d = fastpid.decompose(p)
    assert found["UIY"] == pytest.approx(d.unique_x, abs=1e-9)
    assert found["UIZ"] == pytest.approx(d.unique_y, abs=1e-9)
    assert found["Solver Object"].unique_x == found["UIY"]
    assert found["Num_err"][2] == pytest.approx(found["Solver Object"].gap * np.log(2))


@pytest.mark.parametrize(("call", "size"), [(broja_2pid.pid, 3), (maxent3d.pid, 4)])
def test_bad_dicts_are_refused(call: Any, size: int, capsys: pytest.CaptureFixture[str]) -> None:
    key = (0,) * size
    for pdf, error, words in (
        ([1.0], TypeError, "must be a dict.*got list"),
        ({key[1:]: 1.0}, ValueError, f"a tuple of {size} symbols"),
        ({"0" * size: 1.0}, ValueError, f"a tuple of {size} symbols"),
        ({key: 0.5}, ValueError, "sum to 0.5, not to 1"),
        ({}, ValueError, "sum to 0"),
        ({key: 1.5, (1,) * size: -0.5}, ValueError, "finite and not negative"),
        ({key: float("nan")}, ValueError, "finite and not negative"),
        ({key: "1"}, TypeError, "must be a number"),
    ):
        with pytest.raises(error, match=words):
            call(pdf)
    with pytest.raises(ValueError, match="cone_solver must be one of ECOS"):
        call({key: 1.0}, cone_solver="SCS")
    with pytest.raises(TypeError, match="unexpected option 'tolerance'"):
        call({key: 1.0}, tolerance=1e-3)
    assert capsys.readouterr().out == ""
    call({key: 1.0}, output=1)
    assert "synergy" in capsys.readouterr().out


def test_three_sources_of_maxent3d() -> None:
    """Gates whose atoms follow from what is known or not, in the form of its own tests."""
    triples = list(product(BITS, repeat=3))
    pairs = list(product(BITS, repeat=2))
    cases: list[tuple[dict[Any, float], dict[str, float]]] = [
        ({(x ^ y ^ z, x, y, z): 0.125 for x, y, z in triples}, {"CI": 1}),
        ({(x ^ y, x, y, x): 0.25 for x, y in pairs}, {"CI": 1}),
        ({(x ^ y, x, y, x ^ y): 0.25 for x, y in pairs}, {"UIZ": 1}),
        ({(x & y, x, y, x): 0.25 for x, y in pairs}, {"CI": 0.5, "SI": 0.311278124459}),
        ({((x, y, z), x, y, z): 0.125 for x, y, z in triples}, {"UIX": 1, "UIY": 1, "UIZ": 1}),
        ({(x, x, x, y): 0.25 for x, y in pairs}, {"UIXY": 1}),
        ({(x, x, y, x): 0.25 for x, y in pairs}, {"UIXZ": 1}),
        ({(x, y, x, x): 0.25 for x, y in pairs}, {"UIYZ": 1}),
        ({(x, x, x, x): 0.5 for x in BITS}, {"SI": 1}),
    ]
    keys = ("CI", "UIX", "UIY", "UIZ", "UIXY", "UIXZ", "UIYZ", "SI")
    for pdf, wanted in cases:
        found = maxent3d.pid(pdf, parallel="on")
        values = [found[key] for key in keys]
        np.testing.assert_allclose(values, [wanted.get(key, 0) for key in keys], atol=1e-8)
        for problem in ("I", "12", "13", "23"):
            assert max(found[f"Num_err_{problem}"]) < 1e-9


def test_three_sources_are_those_of_cvxpy() -> None:
    pytest.importorskip("cvxpy")
    p = gates.random_dense((2, 6, 3), rng=5).reshape(2, 3, 2, 3)  # x, y, z, target
    pdf = {(t, x, y, z): p[x, y, z, t] for x, y, z, t in np.ndindex(p.shape)}
    found = maxent3d.pid(pdf, keep_solver_object=True)
    marginals = [p.sum(axis=(1, 2)), p.sum(axis=(0, 2)), p.sum(axis=(0, 1))]
    union = fastpid.reference.cvx_union_information
    everything = union(marginals)
    mi = fastpid.information.mutual_information(p.reshape(-1, 3))
    assert found["CI"] == pytest.approx(mi - everything, abs=1e-6)
    assert found["UIX"] == pytest.approx(everything - union(marginals[1:]), abs=1e-6)
    assert found["UIXY"] == pytest.approx(
        union(marginals[::2])
        + union(marginals[1:])
        - everything
        - fastpid.information.mutual_information(marginals[2]),
        abs=1e-6,
    )
    assert found["Solver Object"].n_sources == 3
    with pytest.raises(ValueError, match="parallel must be one of off, on"):
        maxent3d.pid(pdf, parallel="yes")
