"""The public names, their signatures, and what answers who calls the wrong one."""

from __future__ import annotations

import inspect
import math
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

import fastpid
from fastpid import gates
from fastpid._base.quantities import METHODS, Codes, Terms
from fastpid._solve import kernel
from fastpid.result import STATUSES

RNG = np.random.default_rng(0)
X, Y, W = RNG.integers(0, 2, (3, 400))
Z = X ^ Y


def test_the_names_are_those_documented() -> None:
    assert set(fastpid.__all__) == {
        *("decompose", "decompose_marginals", "decompose_posteriors", "screen"),
        *("pointwise", "pointwise_posteriors", "union_posteriors"),
        *("estimate", "estimate_table", "estimate_predictions"),
        *("estimate_over", "estimate_differences", "TimeCourse", "Differences"),
        *("power", "stability", "compare", "PIDSelector"),
        *("decompose_many", "union_information", "ManyDecomposition", "UnionInformation"),
        *("estimate_many", "ManyEstimate"),
        *("Comparison", "Decomposition", "Estimate", "Network", "Power", "Screen", "Stability"),
        *("PointwiseDecomposition", "ManyPointwiseDecomposition", "PointwiseSamples"),
        *("pointwise_many", "Status"),
        *("ConvergenceError", "ConvergenceWarning", "UndersampledWarning"),
        *("compat", "controller", "gates", "gaussian", "information", "joint", "models", "plot"),
        *("reference", "screening", "torch"),
    }
    assert set(fastpid.__all__) <= set(dir(fastpid))
    pytest.importorskip("sklearn")
    pytest.importorskip("torch")
    pytest.importorskip("matplotlib")
    for name in fastpid.__all__:
        assert getattr(fastpid, name) is not None
    assert fastpid.__version__


def parameters(function: object) -> list[str]:
    return list(inspect.signature(function).parameters)  # type: ignore[arg-type]


def test_the_arguments_stand_in_one_order() -> None:
    solver = ["method", "tol", "max_iter", "unit", "threads"]
    places = {
        fastpid.decompose: [*solver, "normalize", "on_failure"],
        fastpid.decompose_marginals: [*solver, "normalize", "on_failure"],
        fastpid.compare: [*solver, "normalize", "on_failure"],
        fastpid.decompose_posteriors: [*solver, "rng", "on_failure"],
        fastpid.pointwise: [*solver, "normalize", "on_failure"],
        fastpid.pointwise_many: [*solver, "normalize", "on_failure"],
        fastpid.decompose_many: [*solver, "normalize", "on_failure"],
        fastpid.union_information: [*solver, "normalize", "on_failure"],
        fastpid.gaussian.decompose: [*solver[1:], "on_failure"],
        fastpid.gaussian.estimate: [*solver[1:], "rng", "on_failure", "progress"],
        fastpid.gaussian.estimate_over: [*solver[1:], "rng", "on_failure", "progress"],
        fastpid.gaussian.screen: [*solver[1:], "n_jobs", "rng", "on_failure", "progress"],
        fastpid.estimate: [*solver, "rng", "on_failure", "progress"],
        fastpid.estimate_many: [*solver, "rng", "on_failure", "progress"],
        fastpid.estimate_table: [*solver, "rng", "on_failure", "progress"],
        fastpid.estimate_predictions: [*solver, "rng", "on_failure", "progress"],
        fastpid.estimate_over: [*solver, "rng", "on_failure", "progress"],
        fastpid.estimate_differences: [*solver, "rng", "on_failure", "progress"],
        fastpid.screen: [*solver, "n_jobs", "rng", "on_failure", "progress"],
        fastpid.screening.network: [*solver, "n_jobs", "rng", "on_failure", "progress"],
        fastpid.screening.screen_triples: [*solver, "n_jobs", "rng", "on_failure", "progress"],
    }
    for function, wanted in places.items():
        assert [name for name in parameters(function) if name in wanted] == wanted
    pytest.importorskip("torch")
    assert set(fastpid.torch.__all__) == {
        *("PIDLoss", "pid_loss", "decompose", "decompose_many", "decompose_marginals"),
        *("from_predictions", "union_information"),
    }
    assert parameters(fastpid.torch.decompose)[1:] == parameters(fastpid.decompose)[2:]
    for name in ("decompose_marginals", "decompose_many", "union_information"):
        assert parameters(getattr(fastpid.torch, name)) == parameters(getattr(fastpid, name))
    many = parameters(fastpid.decompose_many)
    assert parameters(fastpid.pointwise_many) == many
    numpys = parameters(fastpid.joint.from_predictions)
    assert parameters(fastpid.torch.from_predictions) == [*numpys, "validate"]


def test_python_and_the_kernel_number_alike() -> None:
    layout = kernel.layout()
    assert tuple(layout["terms"]) == Terms._fields[:-1]
    assert tuple(layout["codes"]) == Codes._fields
    assert tuple(layout["methods"]) == METHODS
    assert tuple(layout["statuses"]) == tuple(status.value for status in STATUSES)


# Calls that mean something else: the answer names the right one, which works -----------------


def test_samples_for_decompose() -> None:
    with pytest.raises(TypeError, match=r"fastpid\.estimate\(x, y, z\)"):
        fastpid.decompose(X, Y, Z)  # type: ignore[call-overload]
    assert fastpid.decompose(fastpid.joint.from_samples(X, Y, Z)).synergy > 0.9


def test_a_frame_for_decompose() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": X, "b": Y, "t": Z})
    for data in (frame, {"a": X, "b": Y, "t": Z}):
        with pytest.raises(TypeError, match=r"from_samples\(x, y, z, data=p\).*'a', 'b', 't'"):
            fastpid.decompose(data)
    table = fastpid.joint.from_samples("a", "b", "t", data=frame)
    assert fastpid.decompose(table).synergy > 0.9


def test_outcomes_for_decompose() -> None:
    pmf = {(x, y, x ^ y): 0.25 for x in (0, 1) for y in (0, 1)}
    for outcomes in (pmf, {"".join(map(str, key)): mass for key, mass in pmf.items()}):
        with pytest.raises(TypeError, match=r"fastpid\.joint\.from_dict\(p\)"):
            fastpid.decompose(outcomes)
        assert fastpid.decompose(fastpid.joint.from_dict(outcomes)).synergy == 1.0


def test_a_dit_distribution_for_decompose() -> None:
    dit = pytest.importorskip("dit")
    d = dit.Distribution(["000", "011", "101", "110"], [0.25] * 4)
    with pytest.raises(TypeError, match=r"fastpid\.joint\.from_dit\(p\)"):
        fastpid.decompose(d)
    assert fastpid.decompose(fastpid.joint.from_dit(d)).synergy == 1.0


def test_a_table_of_three_sources_for_decompose() -> None:
    p = RNG.dirichlet(np.ones(24)).reshape(2, 2, 3, 2)
    with pytest.raises(ValueError, match=r"decompose_many\(p\).*p\.sum\(axis=0\).*p\.reshape"):
        fastpid.decompose(p)
    assert fastpid.decompose_many(p, n_sources=3).synergy >= 0.0
    pair = fastpid.decompose(p.sum(axis=0))
    rest = fastpid.decompose(p.reshape(p.shape[0], -1, p.shape[-1]))
    assert pair.mi_xy < rest.mi_xy
    # A batch is one, and what is no such table is told of its sums.
    assert fastpid.decompose(p / p.sum(axis=(1, 2, 3), keepdims=True)).shape == (2,)
    with pytest.raises(ValueError, match="sums to") as error:
        fastpid.decompose(3 * p)
    assert "three sources" not in str(error.value)


def test_three_sources_for_estimate() -> None:
    with pytest.raises(TypeError, match=r"fastpid\.estimate_many.*np\.unique") as error:
        fastpid.estimate(X, Y, W, Z)
    names = {"np": np, "fastpid": fastpid, "x": X, "y": Y, "w": W, "z": Z}
    for call in ("fastpid.estimate_many([x, y, w], z)", str(error.value).split(": ")[-1]):
        assert call in str(error.value)
        eval(f"{call[:-1]}, n_bootstrap=20, n_permutations=19)", names)


def test_names_without_data_for_estimate() -> None:
    with pytest.raises(TypeError, match=r"x is the string 'a'.*data="):
        fastpid.estimate("a", "b", "t")
    data = {"a": X, "b": Y, "t": Z}
    quick = {"n_bootstrap": 20, "n_permutations": 19}
    assert fastpid.estimate("a", "b", "t", data=data, **quick).synergy > 0.9


def test_probabilities_for_estimate() -> None:
    p_x, p_y = RNG.dirichlet(np.ones(2), (2, 400))
    with pytest.raises(ValueError, match=r"fastpid\.joint\.from_predictions\(x, y, z\)"):
        fastpid.estimate(p_x, p_y, Z)
    assert fastpid.decompose(fastpid.joint.from_predictions(p_x, p_y, Z)).converged


def test_counts_for_estimate_table() -> None:
    options = {"n_bootstrap": 20, "n_permutations": 20, "rng": 0}
    wanted = fastpid.estimate_table(fastpid.joint.from_samples(X, Y, Z), **options)
    counts = np.zeros((2, 2, 2), dtype=int)
    np.add.at(counts, (X, Y, Z), 1)
    outcomes = Counter(zip(X.tolist(), Y.tolist(), Z.tolist(), strict=True))
    forms = [counts, counts.tolist(), counts.astype(float), outcomes, dict(outcomes)]
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"x": X, "y": Y, "z": Z})
    forms += [
        frame.value_counts(["x", "y", "z"]),
        pd.crosstab([frame.x, frame.y], frame.z),
        frame.groupby(["x", "y", "z"]).size(),
    ]
    for form in forms:
        assert fastpid.estimate_table(form, **options) == wanted
    with pytest.raises(ValueError, match=r"counts sum to 1.*fastpid\.decompose"):
        fastpid.estimate_table(gates.xor())
    with pytest.raises(ValueError, match="samples themselves"):
        fastpid.estimate_table(frame)
    with pytest.raises(ValueError, match="whole numbers"):
        fastpid.estimate_table(counts + 0.5)
    with pytest.raises(ValueError, match="finite and not negative"):
        fastpid.estimate_table(counts - 500)
    with pytest.raises(ValueError, match="all zero"):
        fastpid.estimate_table(0 * counts)
    with pytest.raises(ValueError, match=r"shape \(nx, ny, nz\)"):
        fastpid.estimate_table(counts[0])


# One word each -------------------------------------------------------------------------------


def test_rng_is_whatever_numpy_takes() -> None:
    call = dict(n_bootstrap=20, n_permutations=20)
    wanted = fastpid.estimate(X, Y, Z, rng=7, **call)
    assert fastpid.estimate(X, Y, Z, rng=np.random.SeedSequence(7), **call) == wanted
    sequence = np.random.SeedSequence(7)
    fastpid.estimate(X, Y, Z, rng=sequence, **call)
    assert fastpid.estimate(X, Y, Z, rng=sequence, **call) == wanted  # it is not used up
    generator = np.random.default_rng(7)
    one, two = (fastpid.estimate(X, Y, Z, rng=generator, **call) for _ in range(2))
    assert one != two  # a generator is
    assert fastpid.estimate(X, Y, Z, rng=np.random.default_rng(7), **call) == one
    bits = np.random.PCG64(7)
    assert fastpid.estimate(X, Y, Z, rng=bits, **call) == one
    for bad, error in (("now", TypeError), (True, TypeError), (-1, ValueError), (1.5, TypeError)):
        with pytest.raises(error, match="rng must be"):
            fastpid.estimate(X, Y, Z, rng=bad, **call)
    # Seeds of other calls are of the same kinds.
    for rng in (3, np.random.SeedSequence(3), np.random.default_rng(3)):
        assert gates.random_dense((2, 2, 2), rng=rng).shape == (2, 2, 2)


def test_failures_raise_where_tables_are_solved() -> None:
    x, y, z = np.random.default_rng(0).integers(0, 4, (3, 300))
    loose = {"method": "proxy", "n_bootstrap": 20, "n_permutations": 19, "rng": 0}
    with pytest.raises(fastpid.ConvergenceError) as error:
        fastpid.estimate(x, y, z, on_failure="raise", **loose)
    assert error.value.result == fastpid.estimate(x, y, z, on_failure="ignore", **loose)
    with pytest.warns(fastpid.ConvergenceWarning):
        fastpid.estimate(x, y, z, **loose)
    columns = np.column_stack([x, y, (x + y) % 3])
    few = {"method": "newton", "max_iter": 1}
    with pytest.raises(fastpid.ConvergenceError) as error:
        fastpid.screen(columns, z, on_failure="raise", **few)
    assert error.value.result == fastpid.screen(columns, z, on_failure="ignore", **few)
    with pytest.warns(fastpid.ConvergenceWarning):
        list(fastpid.screen(columns, z, return_as="generator", **few))


def test_one_tolerance_for_rows() -> None:
    """What the one refuses, the other does too, in the same precision."""
    torch = pytest.importorskip("torch")
    labels = np.arange(4) % 2
    for dtype in (np.float64, np.float32, np.float16):
        for off in (4e-6, 2e-5, 1e-3, 0.05):
            rows = np.full((4, 2), 0.5).astype(dtype)
            rows[0, 0] += dtype(off)
            verdicts = []
            for call, convert in (
                (fastpid.joint.from_predictions, np.asarray),
                (fastpid.torch.from_predictions, torch.as_tensor),
            ):
                try:
                    call(convert(rows), convert(rows), convert(labels))
                    verdicts.append(True)
                except ValueError:
                    verdicts.append(False)
            assert verdicts[0] == verdicts[1], (dtype, off)
    p = fastpid.joint.from_predictions(*[[[0.500004, 0.5]]] * 2, [0])
    assert p.sum() == pytest.approx(1.0, abs=1e-15)


def test_options_are_words_with_underscores() -> None:
    from fastpid.controller._controller import CRITERIA
    from fastpid.estimation._bias import BIASES
    from fastpid.estimation._intervals import INTERVALS, NULLS
    from fastpid.joint._bins import STRATEGIES

    words = (*BIASES, *INTERVALS, *NULLS, *STRATEGIES, *CRITERIA, *METHODS)
    words += tuple(status.value for status in fastpid.Status)
    for word in words:
        assert word == word.lower()
        assert word.replace("_", "").isalnum()


def test_help_of_a_name_is_quick() -> None:
    """Only numpy is imported until something else is named."""
    program = "import sys, fastpid; print(len([m for m in sys.modules if m.startswith('fastpid')]))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 25
    assert math.isfinite(fastpid.decompose(gates.xor()).gap)
