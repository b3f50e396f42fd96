"""estimate_many(): of two sources as estimate(), of more by brute force and identities."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest

import fastpid
from fastpid._solve.options import check_options
from fastpid.estimation._arranged_samples import ArrangedSamples
from fastpid.estimation._arrangement import check_arrangement
from fastpid.estimation._many_problem import ManyProblem, hypotheses_of, name_of_union
from fastpid.estimation._resampling import Resampler
from fastpid.joint import from_sources

RNG = np.random.default_rng(0)
QUICK = {"n_bootstrap": 40, "n_permutations": 39, "rng": 3}
#: What estimate() calls the values of two sources.
OF_TWO = {
    "unique_0": "unique_x",
    "unique_1": "unique_y",
    "redundancy": "redundancy",
    "synergy": "synergy",
    "mi_0": "mi_x",
    "mi_1": "mi_y",
    "union_information": "union_information",
    "mi_joint": "mi_xy",
}


def some_samples(n: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 3, (2, n))
    w = np.where(rng.random(n) < 0.5, x, rng.integers(0, 3, n))
    return x, y, w, (x + y * (rng.random(n) < 0.6)) % 3


# Two sources: estimate() ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bias": "jackknife", "ci": "none"},
        {"bias": "qe_shuffle", "null": "target"},
        {"bias": "none", "weights": RNG.uniform(0.5, 1.0, 240), "unit": "nats"},
        {"groups": np.arange(240) // 10},
        {"groups": np.arange(240) // 10, "permute": "within", "null": "conditional"},
        {"block_length": 6, "bias": "shuffle"},
    ],
    ids=lambda options: ",".join(options) or "default",
)
def test_two_sources_are_estimated_as_by_estimate(options) -> None:
    x, y, _, z = some_samples(240)
    # So that resamples are solved as closely as they are compared.
    options = {**QUICK, "tol": 1e-10, **options}
    one = fastpid.estimate(x, y, z, **options)
    many = fastpid.estimate_many([x, y], z, **options)
    assert many.table == one.table
    assert (many.seed, many.units, many.n_units) == (one.seed, one.units, one.n_units)
    assert set(many.values) == set(OF_TWO)
    for name, its in OF_TWO.items():
        assert many.corrected[name] == pytest.approx(one.corrected[its], abs=1e-8)
        assert many.values[name] == pytest.approx(one.values[its], abs=1e-8)
        if one.intervals:
            assert many.intervals[name] == pytest.approx(one.intervals[its], abs=1e-7)
            assert many.draws[name] == pytest.approx(one.draws[its], abs=1e-7)
        if its in one.p_values:
            assert many.p_values[name] == pytest.approx(one.p_values[its], abs=1e-7)
            assert many.null_means[name] == pytest.approx(one.null_means[its], abs=1e-8)
            assert many.null_of[name] == one.null_of[its]


def test_two_sources_of_many_samples_are_counted_by_cells() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 2, (2, 4000))
    z = x & y
    one = fastpid.estimate(x, y, z, **QUICK)
    many = fastpid.estimate_many([x, y], z, **QUICK)
    for name, its in OF_TWO.items():
        assert many.intervals[name] == pytest.approx(one.intervals[its], abs=1e-7)
    assert many.p_values["synergy"] == one.p_values["synergy"]


# Values --------------------------------------------------------------------------------------


def test_values_are_those_of_decompose_many_and_add_up() -> None:
    *sources, z = some_samples(400)
    e = fastpid.estimate_many(sources, z, **QUICK)
    d = fastpid.decompose_many(from_sources(sources, z))
    assert e.decomposition.coverage == pytest.approx(d.coverage, abs=1e-8)
    plug_in = fastpid.estimate_many(sources, z, bias="none", **QUICK)
    assert plug_in.synergy == pytest.approx(d.synergy, abs=1e-8)
    assert plug_in.unique == pytest.approx(d.unique, abs=1e-8)
    assert plug_in.redundancy == pytest.approx(max(d.redundancy, -1.0), abs=1e-8)
    for subset in d.subsets:
        known = d.union_information(subset)
        assert plug_in.union_information(subset) == pytest.approx(known, abs=1e-8)
    for values in (e.corrected, plug_in.corrected):
        total = sum(values[name] for name in e.p_values)
        assert total == pytest.approx(values["mi_joint"], abs=1e-12)
        for subset in d.subsets:
            atoms = [
                values[atom]
                for other, atom in ManyProblem(3, 3, True).atoms.items()
                if set(other) & set(subset)
            ]
            union = values[name_of_union(subset, 3)]
            assert sum(atoms) == pytest.approx(union, abs=1e-12)


def test_the_jackknife_leaves_out_each_sample() -> None:
    n = 40
    *sources, z = some_samples(n, seed=2)
    options = {"bias": "jackknife", "ci": "none", "n_permutations": 0, "tol": 1e-11}
    with pytest.warns(fastpid.UndersampledWarning):
        e = fastpid.estimate_many(sources, z, **options)
    counts = from_sources(sources, z).counts.astype(float)
    tables = []
    for cell in zip(*sources, z, strict=True):
        tables.append(counts.copy())
        tables[-1][cell] -= 1.0
    found = fastpid.decompose_many(
        np.stack([counts, *tables]), n_sources=3, normalize=True, tol=1e-12
    )
    for name, values in (
        ("synergy", found.synergy),
        ("redundancy", found.redundancy),
        ("unique_1", found.unique[1]),
        ("shared_0_2", found.coverage[0, 2]),
    ):
        wanted = n * values[0] - (n - 1) * values[1:].mean()
        assert e.corrected[name] == pytest.approx(wanted, abs=1e-6)


def test_less_is_solved_without_the_other_subsets() -> None:
    a, b, c, d = sources = np.random.default_rng(5).integers(0, 2, (4, 400))
    sources, z = list(sources), (a & b) | (c ^ d)
    call = {"n_bootstrap": 20, "n_permutations": 19, "rng": 3}
    every = fastpid.estimate_many(sources, z, **call)
    some = fastpid.estimate_many(sources, z, subsets="leave_one_out", **call)
    assert set(some.values) < set(every.values)
    assert set(some.p_values) == {"unique_0", "unique_1", "unique_2", "unique_3", "synergy"}
    for name in some.p_values:
        assert some.corrected[name] == pytest.approx(every.corrected[name], abs=1e-12)
        assert some.p_values[name] == pytest.approx(every.p_values[name], abs=1e-12)
    with pytest.raises(ValueError, match='pass subsets="all"'):
        some.redundancy  # noqa: B018
    with pytest.raises(KeyError, match=r"sources \(0, 2\) was not asked for"):
        some.union_information([2, 0])


def test_what_may_be_negative_is_not_cut() -> None:
    tables = np.random.default_rng(3).dirichlet(np.full(81, 0.3), 200).reshape(200, 3, 3, 3, 3)
    d = fastpid.decompose_many(tables, n_sources=3)
    worst = int(np.argmin(d.redundancy))
    cells = np.random.default_rng(0).choice(81, 4000, p=tables[worst].ravel())
    *sources, z = np.unravel_index(cells, (3, 3, 3, 3))
    e = fastpid.estimate_many(sources, z, n_permutations=39, n_bootstrap=40, rng=0)
    assert e.redundancy == e.corrected["redundancy"] < 0.0
    low, high = e.intervals["redundancy"]
    assert low < d[worst].redundancy < high < 0.0
    binary = fastpid.estimate_many(sources, z > 0, n_permutations=0, n_bootstrap=40, rng=0)
    assert min(binary.values.values()) >= 0.0
    assert min(low for low, _ in binary.intervals.values()) >= 0.0


# Null hypotheses -----------------------------------------------------------------------------


def test_hypotheses_of_two_are_those_of_estimate() -> None:
    from fastpid.estimation._intervals import JUDGED_BY_ERRORS, NULL_OF, SHUFFLES

    found = hypotheses_of(ManyProblem(2, 2, True))
    assert list(found.shuffles.items()) == list(SHUFFLES.items())
    for null, atoms in NULL_OF.items():
        assert {OF_TWO[name]: kinds for name, kinds in found.null_of[null].items()} == atoms
        assert {OF_TWO[name] for name in found.judged[null]} == set(JUDGED_BY_ERRORS[null])


@pytest.mark.parametrize("how", ["samples", "cells", "weights", "groups", "blocks"])
@pytest.mark.parametrize(("moved", "given"), [("x1", "x0"), ("x0,x2", "x1"), ("x2", ""), ("z", "")])
def test_surrogates_keep_what_they_are_to_keep(how: str, moved: str, given: str) -> None:
    rng = np.random.default_rng(4)
    n = 12000 if how == "cells" else 240
    shape = (2, 3, 2, 2)
    codes = tuple(rng.integers(0, size, n) for size in shape)
    codes = (*codes[:3], (codes[0] + codes[1] + (rng.random(n) < 0.2)) % 2)
    weights = rng.integers(1, 4, n).astype(float) if how == "weights" else None
    if how in ("groups", "blocks"):
        groups = np.arange(n) // 20 if how == "groups" else None
        arrangement = check_arrangement(groups, None, 10 if how == "blocks" else None, n)
        samples = ArrangedSamples(shape, 1, arrangement, tuple(c[None] for c in codes))
    else:
        samples = Resampler(shape, 1, codes=codes, weights=weights)
    some = samples.surrogates(60, np.random.SeedSequence(0), moved, given)
    tables = np.concatenate([each.tables for each in some])
    own = samples.mass.reshape(shape)
    roles = ["x0", "x1", "x2", "z"]
    axes = [roles.index(role) for role in moved.split(",")]
    strata = [roles.index(given)] if given else []
    stay = [axis for axis in range(4) if axis not in axes]

    def margin(table: np.ndarray, kept: list[int]) -> np.ndarray:
        return table.sum(axis=tuple(axis for axis in range(-4, 0) if axis + 4 not in kept))

    assert (margin(tables, stay) == margin(own, stay)).all()
    if weights is None:  # which stay with what is not moved
        assert (margin(tables, axes + strata) == margin(own, axes + strata)).all()
    assert len(np.unique(tables.reshape(len(tables), -1), axis=0)) > 10
    # On average what is moved is independent of the rest, given the strata.
    if how in ("samples", "cells"):
        left = np.expand_dims(
            margin(own, sorted(axes + strata)),
            tuple(axis for axis in range(4) if axis not in axes + strata),
        )
        right = np.expand_dims(margin(own, stay), tuple(axes))
        both = np.expand_dims(margin(own, strata), tuple(a for a in range(4) if a not in strata))
        wanted = left * right / both
        off = np.abs(tables.mean(axis=0) - wanted) / np.sqrt(wanted / len(tables))
        assert off.max() < 4.5


def test_parity_is_synergy() -> None:
    a, b, c = np.random.default_rng(0).integers(0, 2, (3, 400))
    e = fastpid.estimate_many([a, b, c], a ^ b ^ c, **QUICK)
    assert e.p_values["synergy"] == 1 / 40
    assert min(p for name, p in e.p_values.items() if name != "synergy") > 0.05
    assert e.intervals["synergy"][0] > 0.9


def test_a_source_that_the_others_determine_together_is_unique() -> None:
    """z = x0 = x1 xor x2: given x1 and x2, x0 says nothing more, and neither says it alone."""
    b, c = np.random.default_rng(1).integers(0, 2, (2, 400))
    e = fastpid.estimate_many([b ^ c, b, c], b ^ c, **QUICK)
    assert e.p_values["unique_0"] == pytest.approx(1 / 40)
    assert e.intervals["unique_0"][0] > 0.9
    assert e.p_values["synergy"] > 0.05


def test_a_copy_through_noise_is_not_unique() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 2, (2, 600))
    noisy = a ^ (rng.random(600) < 0.2)
    e = fastpid.estimate_many([a, noisy, b], a + 2 * b, **QUICK)
    assert e.p_values["unique_1"] > 0.1
    assert e.p_values["unique_2"] == e.p_values["unique_0"] == pytest.approx(1 / 40)
    assert e.p_values["shared_0_1"] == pytest.approx(1 / 40)
    assert e.p_values["redundancy"] > 0.05


# The result ----------------------------------------------------------------------------------


def test_results_pickle_compare_and_are_shown() -> None:
    *sources, z = some_samples(250)
    data = {"a": sources[0], "b": sources[1], "c": sources[2], "t": z}
    e = fastpid.estimate_many(["a", "b", "c"], "t", data=data, threads=1, **QUICK)
    again = fastpid.estimate_many(
        {name: data[name] for name in "abc"}, z, names=list(data), threads=2, **QUICK
    )
    assert e == again == pickle.loads(pickle.dumps(e))
    assert e != fastpid.estimate_many(["a", "b", "c"], "t", data=data, **{**QUICK, "rng": 4})
    text = repr(e)
    assert text.startswith("ManyEstimate from 250 samples, 3 x 3 x 3 x 3 (bits)")
    for line in ("unique to a ", "shared by a, c ", "shared by a, b, c ", "synergy ", "I(all;t)"):
        assert f"\n  {line}" in text
    assert "-0.0000" not in text.replace("[-0.0000", "")
    assert "ManyEstimate" in e._repr_html_()
    plain = e.to_dict()
    assert plain["names"] == ["a", "b", "c", "t"]
    assert plain["decomposition"]["coverage"]["0,2"] == e.decomposition.coverage[0, 2]
    assert plain["values"] == e.values
    pd = pytest.importorskip("pandas")
    frame = e.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.index) == list(e.values)
    assert frame.loc["synergy", "plug_in"] == pytest.approx(e.decomposition.synergy, abs=1e-12)
    assert frame.loc["shared_0_1", "p_value"] == e.p_values["shared_0_1"]
    assert e.coverage == {
        subset: e.values[name] for subset, name in ManyProblem(3, 3, True).atoms.items()
    }


def test_estimates_are_drawn_with_their_intervals() -> None:
    pytest.importorskip("matplotlib").use("Agg")
    *sources, z = some_samples(300)
    e = fastpid.estimate_many(sources, z, n_permutations=0, n_bootstrap=20, rng=0)
    ax = e.plot()
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == pytest.approx([*e.coverage.values(), e.synergy])
    (whiskers,) = (c for c in ax.containers if hasattr(c, "errorbar") and c.errorbar)
    segments = whiskers.errorbar.lines[2][0].get_segments()
    names = [*ManyProblem(3, 3, True).atoms.values(), "synergy"]
    for segment, name in zip(segments, names, strict=True):
        assert segment[:, 1] == pytest.approx(e.intervals[name])
    ax.figure.clear()
    words = [text.get_text() for text in e.plot(kind="venn").texts]
    assert f"I(0, 1, 2; Z) = {e.mi_joint:.3f} bits" in words
    assert f"only together\n{e.synergy:.3f}" in words
    bits = np.random.default_rng(0).integers(0, 2, (5, 300))
    few = fastpid.estimate_many(
        list(bits[:4]), bits[4], subsets="leave_one_out", n_permutations=0, n_bootstrap=20, rng=0
    )
    with pytest.raises(ValueError, match='pass subsets="all"'):
        few.plot()


def test_what_is_refused() -> None:
    *sources, z = some_samples(100)
    for bias in ("miller_madow", "chao_shen"):
        with pytest.raises(ValueError, match=f'bias="{bias}" counts the cells of two sources'):
            fastpid.estimate_many(sources, z, bias=bias)
    with pytest.raises(ValueError, match=r'of 9 sources would be 511 solves.*"leave_one_out"'):
        fastpid.estimate_many([*sources] * 3, z)
    with pytest.raises(ValueError, match="subsets must be one of all, leave_one_out"):
        fastpid.estimate_many(sources, z, subsets="pairs")
    with pytest.raises(ValueError, match="x1 has one symbol in 100 samples"):
        fastpid.estimate_many([sources[0], np.zeros(100, dtype=int), sources[1]], z)
    with pytest.raises(ValueError, match="sources holds 1 source"):
        fastpid.estimate_many(sources[:1], z)
    with pytest.raises(TypeError, match="groups names a column, 'g', of data"):
        fastpid.estimate_many(sources, z, groups="g")
    with pytest.raises(ValueError, match=r"table has 3 sources.*estimate_many"):
        fastpid.estimate_table(from_sources(sources, z))
    with (
        pytest.warns(fastpid.UndersampledWarning, match="3 x 3 x 3 x 3"),
        pytest.raises(fastpid.ConvergenceError) as error,
    ):
        fastpid.estimate_many(sources, z, method="proxy", on_failure="raise", **QUICK)
    assert isinstance(error.value.result, fastpid.ManyEstimate)


def test_atoms_of_a_source_alone_ask_for_every_other() -> None:
    for n in (2, 3, 4):
        problem = ManyProblem(n, 3, True)
        found = hypotheses_of(problem)
        for subset, name in problem.atoms.items():
            pairs = list(itertools.product(subset, set(range(n)) - set(subset)))
            kinds = found.null_of["conditional"][name]
            assert len(set(kinds)) == len(kinds) == (len(pairs) or n)
        assert len(found.null_of["conditional"]["synergy"]) == n
        assert set(itertools.chain(*found.null_of["conditional"].values())) < set(found.shuffles)


@pytest.mark.parametrize("everything", [True, False])
def test_what_is_not_moved_is_not_solved_again(everything: bool) -> None:
    x, y, w, z = some_samples(400)
    v = np.where(np.random.default_rng(6).random(400) < 0.5, z, w)
    codes = (x, y, w, v, z)
    samples = Resampler((3, 3, 3, 3, 3), 1, codes=codes)
    problem = ManyProblem(4, 3, everything)
    options = check_options("auto", 1e-10, None, "nats", 1, True, "ignore")
    observed = problem.solve(samples.mass.reshape(1, *samples.shape), options)[0][0]
    for roles, given in (("x1", "x3"), ("x0,x2,x3", "x1"), ("x2", ""), ("z", "")):
        (tables,) = samples.shuffle(5, np.random.SeedSequence(1), roles, given)
        solver = problem.where_moved(roles, observed)
        assert (solver is problem) == (roles == "z")
        vectors, gaps = solver.solve(tables, options)
        np.testing.assert_allclose(vectors, problem.solve(tables, options)[0], atol=2e-10)
        assert gaps.max() <= 1e-10
        same = (vectors == observed).all(axis=0)
        if roles == "x1":
            still = [k for k, subset in enumerate(problem.subsets) if 1 not in subset]
            assert same[still].all()
