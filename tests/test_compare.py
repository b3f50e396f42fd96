"""compare(): identities, order, brute force, another package."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest

import fastpid
from fastpid import gates, information
from fastpid._base.compare import same

ATOMS = ("redundancy", "unique_x", "unique_y", "synergy")
MEASURES = ("broja", "i_min", "mmi")
RNG = np.random.default_rng(0)


def hostile() -> list[np.ndarray]:
    """Tables with empty cells, rows and target symbols, and with tiny entries."""
    rng = np.random.default_rng(1)
    tables = [gates.random_spiky((4, 3, 5), 0.05, rng=i) for i in range(20)]
    tables += [gates.random_function((3, 4, 3), rng=i) for i in range(10)]
    for power in (20, 150):
        p = rng.random((3, 3, 3)) ** power
        tables.append(p / p.sum())
    empty = rng.random((4, 4, 4))
    empty[1], empty[:, 2], empty[:, :, 3] = 0.0, 0.0, 0.0
    tables.append(empty / empty.sum())
    sure = np.zeros((2, 3, 4))
    sure[1, 2, 3] = 1.0
    return [*tables, sure]


def i_min_by_hand(p: np.ndarray) -> float:
    """I_min in bits from the definition: sums over outcomes, in Python's numbers."""
    nx, ny, nz = p.shape
    total = 0.0
    for z in range(nz):
        p_z = math.fsum(p[:, :, z].ravel())
        if p_z == 0.0:
            continue
        says = []
        for axis, n in ((0, nx), (1, ny)):
            slices = [p.take(i, axis=axis) for i in range(n)]
            terms = []
            for s in slices:
                p_s, p_sz = math.fsum(s.ravel()), math.fsum(s[:, z])
                if p_sz > 0.0:
                    terms.append(p_sz / p_z * (math.log2(1.0 / p_z) - math.log2(p_s / p_sz)))
            says.append(math.fsum(terms))
        total += p_z * min(says)
    return total


@pytest.mark.parametrize(
    ("table", "redundancy"),
    [
        # (broja, i_min, mmi)
        (gates.xor(), (0.0, 0.0, 0.0)),
        (gates.rdn(), (1.0, 1.0, 1.0)),
        (gates.copy(), (0.0, 1.0, 1.0)),
        (gates.unq(), (0.0, 1.0, 1.0)),
        (gates.and_(), (0.311278, 0.311278, 0.311278)),
        (gates.or_(), (0.311278, 0.311278, 0.311278)),
    ],
)
def test_known_values(table: np.ndarray, redundancy: tuple[float, ...]) -> None:
    found = fastpid.compare(table)
    for measure, value in zip(MEASURES, redundancy, strict=True):
        assert found.atoms(measure).redundancy == pytest.approx(value, abs=1e-6)
    assert found.broja == fastpid.decompose(table)


def test_williams_and_beers_example() -> None:
    """Their figure 4: I_min finds redundancy where the sources never say the same outcome."""
    p = np.zeros((3, 3, 3))
    p[0, 0, 0] = p[0, 1, 1] = p[1, 0, 2] = 1.0 / 3.0
    found = fastpid.compare(p)
    assert found.i_min.redundancy == pytest.approx(i_min_by_hand(p), abs=1e-12)
    assert found.i_min.redundancy == pytest.approx(math.log2(3) - 1.0, abs=1e-12)
    assert found.i_min.unique_x == pytest.approx(1.0 / 3.0, abs=1e-12)
    assert found.i_min.synergy == pytest.approx(1.0 / 3.0, abs=1e-12)


TABLES = [*hostile(), *(gates.random_dense((3, 2, 4), rng=i) for i in range(10))]


@pytest.mark.parametrize("p", TABLES, ids=range(len(TABLES)))
def test_identities_and_order(p: np.ndarray) -> None:
    found = fastpid.compare(p, tol=1e-9, on_failure="raise")
    d = found.broja
    assert found.i_min.redundancy == pytest.approx(i_min_by_hand(p), abs=1e-10)
    mi_x = information.mutual_information(p.sum(axis=1))
    mi_y = information.mutual_information(p.sum(axis=0))
    mi_xy = information.mutual_information(p.reshape(-1, p.shape[2]))
    assert found.mmi.redundancy == pytest.approx(min(mi_x, mi_y), abs=1e-10)
    for measure in MEASURES:
        atoms = found.atoms(measure)
        assert min(atoms) >= 0.0
        assert atoms.redundancy + atoms.unique_x == pytest.approx(mi_x, abs=1e-10)
        assert atoms.redundancy + atoms.unique_y == pytest.approx(mi_y, abs=1e-10)
        assert sum(atoms) == pytest.approx(mi_xy, abs=1e-10)
    assert d.redundancy <= found.i_min.redundancy + 0.5 * d.gap + 1e-10
    assert found.i_min.redundancy <= found.mmi.redundancy + 1e-10


def test_dit_says_the_same() -> None:
    dit = pytest.importorskip("dit")
    from dit.pid import PID_MMI, PID_WB

    for seed in range(6):
        p = gates.random_spiky((2, 3, 3), 0.4, rng=seed)
        p /= p.sum()
        outcomes = list(itertools.product(*map(range, p.shape)))
        d = dit.Distribution([tuple(map(str, o)) for o in outcomes], [p[o] for o in outcomes])
        found = fastpid.compare(p)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for measure, pid in (("i_min", PID_WB), ("mmi", PID_MMI)):
                theirs = pid(d, [[0], [1]], [2])
                ours = found.atoms(measure)
                nodes = (((0,), (1,)), ((0,),), ((1,),), ((0, 1),))
                for value, node in zip(ours, nodes, strict=True):
                    assert value == pytest.approx(float(theirs.get_pi(node)), abs=1e-6)


def test_batches_are_their_tables() -> None:
    p = RNG.dirichlet(np.ones(24), (2, 3)).reshape(2, 3, 2, 3, 4)
    found = fastpid.compare(p, unit="nats")
    assert found.shape == (2, 3)
    assert len(found) == 2
    for i, row in enumerate(found):
        for j, one in enumerate(row):
            alone = fastpid.compare(p[i, j], unit="nats")
            assert one.i_min == pytest.approx(alone.i_min, abs=1e-14)
            assert one.mmi == pytest.approx(alone.mmi, abs=1e-14)
            assert type(one.i_min.redundancy) is float
    assert same(found[:, 1].i_min.redundancy, found.i_min.redundancy[:, 1])
    assert found == fastpid.compare(p, unit="nats", threads=2)
    assert found != fastpid.compare(p)
    bits = fastpid.compare(p)
    np.testing.assert_allclose(bits.i_min.synergy * math.log(2.0), found.i_min.synergy, atol=1e-12)
    one = fastpid.compare(gates.xor())
    assert bool(one)
    for call in (lambda: len(one), lambda: one[0], lambda: iter(one)):
        with pytest.raises(TypeError, match="one table"):
            call()


def test_counts_are_normalised_if_asked_for() -> None:
    counts = RNG.integers(0, 20, (5, 3, 3, 3))
    found = fastpid.compare(counts, normalize=True)
    p = counts / counts.sum(axis=(1, 2, 3), keepdims=True)
    for measure in MEASURES:
        np.testing.assert_allclose(
            found.atoms(measure), fastpid.compare(p).atoms(measure), atol=1e-9
        )
    with pytest.raises(ValueError, match="sums to"):
        fastpid.compare(counts)
    huge = fastpid.compare(1e200 * counts, normalize=True)
    np.testing.assert_allclose(huge.i_min, found.i_min, atol=1e-12)


def test_sums_that_single_precision_misses() -> None:
    p = RNG.dirichlet(np.ones(27)).reshape(3, 3, 3)
    off = p * (1.0 + 9e-7)
    found = fastpid.compare(off)
    d = found.broja
    assert found.i_min.redundancy + found.i_min.unique_x == pytest.approx(d.mi_x, abs=1e-13)
    assert sum(found.i_min) == pytest.approx(d.mi_xy, abs=1e-13)
    np.testing.assert_allclose(found.i_min, fastpid.compare(p).i_min, rtol=2e-6)


def test_invalid_tables_are_nan_by_every_measure() -> None:
    p = np.stack([gates.xor(), gates.xor() - 0.1, gates.xor(), gates.xor()])
    p[2, 0, 0, 0] = np.nan
    with pytest.warns(fastpid.ConvergenceWarning, match="2 of 4 tables are invalid"):
        found = fastpid.compare(p)
    for measure in MEASURES:
        synergy = found.atoms(measure).synergy
        np.testing.assert_array_equal(np.isnan(synergy), [False, True, True, False])
        assert synergy[0] == pytest.approx(1.0)
    assert "nan" not in repr(found)
    with pytest.raises(ValueError, match="negative"):
        fastpid.compare(p[1])
    with pytest.raises(ValueError, match="invalid"):
        fastpid.compare(p, on_failure="raise")


def test_failures_are_reported() -> None:
    p = gates.random_dense((4, 4, 4), rng=0)
    with pytest.warns(fastpid.ConvergenceWarning):
        found = fastpid.compare(p, method="newton", max_iter=1)
    assert not found.broja.converged
    with pytest.raises(fastpid.ConvergenceError):
        fastpid.compare(p, method="newton", max_iter=1, on_failure="raise")


def test_tensors_are_refused() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"compare\(\) takes arrays.*numpy\(\)"):
        fastpid.compare(torch.as_tensor(gates.xor()))


def test_bad_input_is_refused() -> None:
    for p, error in ((np.ones((2, 2)), ValueError), ({"a": [1]}, TypeError)):
        with pytest.raises(error):
            fastpid.compare(p)
    with pytest.raises(ValueError, match="unit must be one of"):
        fastpid.compare(gates.xor(), unit="bans")
    with pytest.raises(ValueError, match="measure must be one of broja, i_min, mmi"):
        fastpid.compare(gates.xor()).atoms("wb")


def test_forms() -> None:
    pytest.importorskip("pandas")
    one = fastpid.compare(gates.and_())
    frame = one.to_frame()
    assert frame.index.get_level_values("measure").tolist() == list(MEASURES)
    assert frame["redundancy"].tolist() == [one.atoms(m).redundancy for m in MEASURES]
    p = RNG.dirichlet(np.ones(8), (2, 3)).reshape(2, 3, 2, 2, 2)
    found = fastpid.compare(p)
    frame = found.to_frame()
    assert len(frame) == 18
    assert frame.loc[(1, 2, "i_min"), "synergy"] == found.i_min.synergy[1, 2]
    held = found.to_dict()
    assert held["mmi"]["unique_x"] == found.mmi.unique_x.tolist()
    assert held["broja"] == found.broja.to_dict()
    assert held["unit"] == "bits"
    assert "i_min" in repr(one)
    assert "0.311278" in repr(one)
    assert "(2, 3)" in repr(found)
    assert repr(one) in one._repr_html_()


def test_specific_information() -> None:
    p = RNG.dirichlet(np.ones(12), 5).reshape(5, 3, 4)
    p[0, :, 1] = 0.0
    p /= p.sum(axis=(1, 2), keepdims=True)
    found = information.specific_information(p)
    assert found.shape == (5, 4)
    assert found[0, 1] == 0.0
    assert (found >= 0.0).all()
    mean = np.sum(p.sum(axis=1) * found, axis=1)
    np.testing.assert_allclose(mean, information.mutual_information(p), atol=1e-12)
    nats = information.specific_information(p, "nats")
    np.testing.assert_allclose(nats, found * math.log(2.0), atol=1e-14)
    tiny = np.array([[1e-310, 0.0], [0.0, 1.0]])
    assert np.isfinite(information.specific_information(tiny)).all()
    for bad in (p[0, 0], -p, p * np.nan):
        with pytest.raises(ValueError, match="p_ab must"):
            information.specific_information(bad)
