"""Results survive pickle, processes and joblib, and compare equal after it."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import pickle

import numpy as np
import pytest

import fastpid
from fastpid import gates

BATCH = gates.random_dense((3, 3, 3), rng=0)[None] * np.ones((4, 1, 1, 1))
ROWS = np.random.default_rng(1).dirichlet([1.0, 1.0, 1.0], 200)
X, Y, Z = np.random.default_rng(0).integers(0, 3, (3, 200))


def results() -> dict[str, object]:
    quick = {"n_bootstrap": 20, "n_permutations": 19, "rng": 0}
    return {
        "table": fastpid.decompose(gates.and_()),
        "batch": fastpid.decompose(BATCH),
        "estimate": fastpid.estimate(X, Y, Z, **quick),
        "course": fastpid.estimate_over(np.stack([X, Y], axis=1), Y, Z, **quick),
        "differences": fastpid.estimate_differences(X, Y, Z, X > 0, **quick),
        "screen": fastpid.screen(np.column_stack([X, Y, X + Y]), Z),
        "pointwise": fastpid.pointwise(BATCH),
        "samples": fastpid.pointwise_posteriors(ROWS, ROWS[::-1], X, posteriors_xy=ROWS),
        "counts": fastpid.joint.from_samples(X, Y, Z),
    }


@pytest.mark.parametrize("name", results())
def test_a_round_trip_changes_nothing(name: str) -> None:
    result = results()[name]
    again = pickle.loads(pickle.dumps(result))
    assert again == result
    assert again is not result
    assert repr(again) == repr(result)
    with pytest.raises(TypeError, match="unhashable"):
        hash(result)
    others = [other for key, other in results().items() if key != name]
    assert result not in others
    assert result != name


def test_the_solution_comes_along() -> None:
    d = pickle.loads(pickle.dumps(fastpid.decompose(BATCH)))
    np.testing.assert_allclose(d.coupling().sum(-2), BATCH.sum(-2), atol=1e-15)
    assert d != fastpid.decompose(BATCH, unit="nats")
    assert d == fastpid.decompose(BATCH.copy())


def test_nan_equals_nan() -> None:
    broken = np.stack([gates.xor(), np.full((2, 2, 2), np.nan)])
    with pytest.warns(fastpid.ConvergenceWarning):
        one = fastpid.decompose(broken)
    assert one == pickle.loads(pickle.dumps(one))


def fail(_: int) -> object:
    return fastpid.decompose(BATCH, method="newton", max_iter=1, on_failure="raise")


def test_an_error_keeps_its_result() -> None:
    with pytest.raises(fastpid.ConvergenceError) as here:
        fail(0)
    again = pickle.loads(pickle.dumps(here.value))
    assert str(again) == str(here.value)
    assert again.result == here.value.result
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        future = pool.submit(
            fastpid.decompose, BATCH, method="newton", max_iter=1, on_failure="raise"
        )
        with pytest.raises(fastpid.ConvergenceError) as there:
            future.result()
    assert there.value.result == here.value.result


def test_joblib_brings_errors_and_results_back() -> None:
    joblib = pytest.importorskip("joblib")
    run = joblib.Parallel(n_jobs=2)
    results = run(joblib.delayed(fastpid.decompose)(p) for p in BATCH)
    assert results == [fastpid.decompose(p) for p in BATCH]
    task = joblib.delayed(fastpid.decompose)
    with pytest.raises(fastpid.ConvergenceError) as error:
        run([task(BATCH, method="newton", max_iter=1, on_failure="raise")])
    assert error.value.result.shape == (4,)


def test_an_interrupted_screen_pickles() -> None:
    screen = results()["screen"]
    again = pickle.loads(pickle.dumps(fastpid.screening.ScreenInterrupted(screen)))
    assert again.result == screen


def test_tensors_pickle_and_compare() -> None:
    torch = pytest.importorskip("torch")
    d = fastpid.decompose(torch.from_numpy(BATCH))
    again = pickle.loads(pickle.dumps(d))
    assert again == d
    assert d != fastpid.decompose(BATCH)
    assert d.numpy() == fastpid.decompose(BATCH)
