"""The class of dit, beside dit itself."""

from __future__ import annotations

import numpy as np
import pytest

import fastpid
from fastpid import gates
from fastpid.compat.dit import PID_BROJA

dit = pytest.importorskip("dit")

TABLES = {
    "and": gates.and_(),
    "xor": gates.xor(),
    "unique": gates.unq(),
    "copy": gates.copy(),
    "2x2x2": gates.random_dense((2, 2, 2), rng=0),
    "3x2x2": gates.random_dense((3, 2, 2), rng=1),
}


def distribution(p: np.ndarray) -> dit.Distribution:
    cells = [tuple(map(int, cell)) for cell in np.argwhere(p > 0)]
    return dit.Distribution(cells, [float(p[cell]) for cell in cells])


@pytest.mark.parametrize("name", TABLES)
def test_atoms_are_those_of_dit(name: str) -> None:
    """By its alternating minimisation; where that has not converged it says so, and is no judge."""
    from dit.algorithms.broja_method import broja_solve_bivariate

    d = distribution(TABLES[name])
    ours = PID_BROJA(d)
    sources = [tuple(rv) for rv in d.rvs[:-1]]
    found, meta = broja_solve_bivariate(d, sources, tuple(d.rvs[-1]), method="admui")
    assert meta["method"] == "admui"
    if not meta.get("converged", True):
        pytest.skip("dit has not converged")
    for source in sources:
        assert ours[(source,)] == pytest.approx(float(found[source]), abs=1e-4)
    theirs = dit.pid.PID_BROJA(d, pis={(source,): float(found[source]) for source in sources})
    for node in theirs._lattice:
        assert ours.get_red(node) == pytest.approx(theirs.get_red(node), abs=1e-4)
        assert ours.get_pi(node) == pytest.approx(theirs.get_pi(node), abs=1e-4)
    assert set(ours) == set(theirs._lattice)


def test_nodes_names_and_joint_sources() -> None:
    d = dit.Distribution(["0000", "0111", "1011", "1100"], [0.25] * 4)
    d.set_rv_names("ABCD")
    joint = PID_BROJA(d, [["A", "B"], ["C"]], ["D"], maxiter=10, method="admui", rng=0)
    assert joint[(("A", "B"),)] == pytest.approx(0.0)
    assert joint[(("C",), ("A", "B"))] == pytest.approx(1.0)
    assert joint.get_red((("A", "B", "C"),)) == pytest.approx(1.0)
    assert joint == PID_BROJA(d, [("A", "B"), "C"], "D")
    assert joint == dit.pid.PID_BROJA(d, [["A", "B"], ["C"]], ["D"])
    turned = PID_BROJA(d, [["A"], ["C"]], ["B"])
    assert turned[(("A", "C"),)] == pytest.approx(1.0)
    assert turned != joint
    assert turned.complete
    assert turned.consistent
    assert turned.nonnegative
    assert turned.decomposition.gap <= 1e-9
    text = str(turned)
    assert text == repr(turned)
    assert "{A}{C}" in text
    assert turned.name == "I_broja"
    with pytest.raises(KeyError, match="there is no node"):
        turned.get_pi((("B",),))


def test_logarithmic_probabilities_and_bad_variables() -> None:
    d = dit.Distribution(["000", "011", "101", "110"], [0.25] * 4)
    logarithmic = d.copy(base=2)
    assert PID_BROJA(logarithmic)[((0, 1),)] == pytest.approx(1.0)
    wide = dit.Distribution(["0000", "1111"], [0.5] * 2)
    with pytest.raises(ValueError, match=r"sources must be two; got 3.*decompose_many"):
        PID_BROJA(wide)
    d.set_rv_names("ABC")
    with pytest.raises(ValueError, match="there is no variable 'E'"):
        PID_BROJA(d, ["A", "E"], "C")
    assert fastpid.decompose(fastpid.joint.from_dit(d)).synergy == pytest.approx(1.0)
