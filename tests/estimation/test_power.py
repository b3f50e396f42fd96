"""power() and stability(): known truths, the law of its table, bad input."""

from __future__ import annotations

import dataclasses
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpid
from fastpid.estimation._power import synergistic_table

FAST = {"n_replicates": 30, "n_permutations": 39, "rng": 0, "progress": False}


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(*(st.integers(2, 6),) * 3),
    share=st.floats(0.0, 1.0),
)
def test_the_table_has_the_synergy_asked_for_and_nothing_else(
    shape: tuple[int, int, int], share: float
) -> None:
    synergy = share * math.log(min(shape))
    p = synergistic_table(shape, synergy)
    assert p.shape == shape
    d = fastpid.decompose(p, unit="nats")
    assert d.synergy == pytest.approx(synergy, abs=2e-5)
    assert max(d.mi_x, d.mi_y) == pytest.approx(0.0, abs=1e-12)
    for axis in range(3):
        others = tuple(i for i in range(3) if i != axis)
        assert (p.sum(axis=others) > 0).all()


def test_power_rises_with_samples_and_with_the_effect() -> None:
    sizes = [20, 60, 180, 540]
    weak = fastpid.power((3, 3, 3), synergy=0.05, n_samples=sizes, **FAST)
    strong = fastpid.power((3, 3, 3), synergy=0.4, n_samples=sizes, **FAST)
    assert weak.truth == pytest.approx(0.05, abs=1e-4)
    assert weak.power[-1] > 0.8 > weak.power[0]
    assert strong.needed is not None
    assert weak.needed is not None
    assert strong.needed < weak.needed
    assert (weak.power_intervals[:, 0] <= weak.power).all()
    assert (weak.power <= weak.power_intervals[:, 1]).all()
    assert weak.insufficient[0] > 0.5
    assert weak.insufficient[-1] == 0.0
    assert abs(weak.bias[-1]) < 3 * weak.spread[-1] / math.sqrt(30)


def test_needed_is_interpolated_and_holds_from_there_on() -> None:
    found = fastpid.power((2, 2, 2), synergy=0.3, n_samples=[10, 30, 90], **FAST)
    power = np.array([0.2, 0.9, 0.7, 0.9, 1.0])
    sizes = np.array([10, 20, 40, 80, 160])

    def with_power(power: np.ndarray) -> fastpid.Power:
        fives = dict.fromkeys(("bias", "spread", "insufficient"), np.zeros(5))
        changes = {**fives, "power_intervals": np.zeros((5, 2)), "n_samples": sizes}
        return dataclasses.replace(found, power=power, **changes)

    assert with_power(power).needed == math.ceil(math.sqrt(40 * 80))
    assert with_power(power * 0.5).needed is None
    assert "none of these" in repr(with_power(power * 0.5))
    assert with_power(np.ones(5)).needed == 10


def test_power_for_a_distribution_of_ones_own() -> None:
    found = fastpid.power(
        0.5 * fastpid.gates.and_() + 0.5 / 8, atom="redundancy", n_samples=[50, 2000], **FAST
    )
    assert found.atom == "redundancy"
    assert found.power[0] < found.power[1]
    again = fastpid.power(
        0.5 * fastpid.gates.and_() + 0.5 / 8, atom="redundancy", n_samples=[50, 2000], **FAST
    )
    assert found == again
    assert pickle.loads(pickle.dumps(found)) == found


def test_the_test_of_the_power_has_its_level() -> None:
    """Of an atom that is next to nothing, power is the type I error."""
    found = fastpid.power((2, 2, 2), synergy=2e-6, n_samples=[300], **{**FAST, "n_replicates": 200})
    assert found.power[0] <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 200)


def test_units() -> None:
    bits = fastpid.power((2, 2, 2), synergy=0.5, n_samples=[40], **FAST)
    nats = fastpid.power((2, 2, 2), synergy=0.5 * math.log(2), n_samples=[40], unit="nats", **FAST)
    assert nats.truth == pytest.approx(bits.truth * math.log(2))
    assert (nats.power == bits.power).all()


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (((2, 2, 2),), {}, "wants synergy="),
        (((2, 2),), {"synergy": 0.1}, "three numbers of symbols"),
        (((2, 2, 1),), {"synergy": 0.1}, "2 or more each"),
        (((2, 3, 4),), {"synergy": 1.2}, "a synergy of 1 bit"),
        ((np.full((2, 2, 2), 0.125),), {"synergy": 0.1}, "a table has what it has"),
        ((np.full((2, 2, 2), 0.125),), {}, "there is no synergy in this distribution"),
        ((np.full((2, 2, 2), 1.0),), {}, "sum to 8"),
        (((2, 2, 2),), {"synergy": 0.1, "n_samples": []}, "n_samples is empty"),
        (((2, 2, 2),), {"synergy": 0.1, "n_samples": [0]}, "n_samples must be"),
        (((2, 2, 2),), {"synergy": 0.1, "n_permutations": 9}, "take 19 or more"),
        (((2, 2, 2),), {"synergy": 0.1, "atom": "mi_x"}, "atom must be one of"),
    ],
)
def test_bad_arguments(
    arguments: tuple[object, ...], options: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        fastpid.power(*arguments, progress=False, **options)


def product(n: int = 600) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, n))
    return x, y, x * y + 0.5 * rng.normal(size=n)


QUICK = {"n_bootstrap": 20, "n_permutations": 19, "rng": 0, "progress": False}


def test_stability_has_the_estimates_of_each_number_of_bins() -> None:
    s = fastpid.stability(*product(), bins=(2, 4, 12), **QUICK)
    assert s.bins == (2, 4, 12)
    assert s.sufficient == (True, True, False)
    assert s.estimates[1] == fastpid.estimate(*product(), bins=4, **QUICK)
    values = [e.synergy for e in s.estimates[:2]]
    assert s.spread["synergy"] == pytest.approx(abs(values[1] - values[0]))
    assert "12" in repr(s)
    assert repr(s).count("too few samples") == 1
    assert pickle.loads(pickle.dumps(s)) == s


def test_stability_over_clusters_and_columns_of_a_frame() -> None:
    pytest.importorskip("sklearn")
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(400, 3)), columns=["a", "b", "c"])
    frame["t"] = (frame.a * frame.c > 0).astype(int)
    s = fastpid.stability(["a", "b"], "c", "t", data=frame, bins=[3, 5], **QUICK)
    assert [e.table.shape for e in s.estimates] == [(3, 3, 2), (5, 5, 2)]
    assert list(s.to_frame().index) == [3, 5]
    assert s.to_frame()["is_sufficient"].all()


def test_stability_says_which_number_of_bins_failed() -> None:
    x, y, z = product()
    with pytest.raises(ValueError, match="with bins=40: "):
        fastpid.stability(x[:30], y[:30], z[:30], bins=[3, 40], **QUICK)
    with pytest.raises(ValueError, match="bins is empty"):
        fastpid.stability(x, y, z, bins=[])
    with pytest.raises(ValueError, match="bins must be 2 or more"):
        fastpid.stability(x, y, z, bins=[1])
