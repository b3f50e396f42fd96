"""Batches are their members, bit for bit, for any number of threads."""

from __future__ import annotations

import pickle
import signal
import threading
import time

import numpy as np
import pytest
from gaussian_families import FAMILIES, Floats, covariance

import fastpid
import fastpid.gaussian

FIELDS = ("lower", "upper", "mi_x", "mi_y", "mi_xy", "iterations", "status", "method")


def batch(sizes: tuple[int, int, int], repeats: int) -> Floats:
    rng = np.random.default_rng(20)
    return np.stack(
        [
            covariance(f, sizes, rng)
            for _ in range(repeats)
            for f in FAMILIES
            if not f.startswith("ill")
        ]
    )


def bits(d: fastpid.Decomposition) -> bytes:
    values = (*(getattr(d, field) for field in FIELDS), d.coupling(), *d.potentials)
    return b"".join(np.ascontiguousarray(value).tobytes() for value in values)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 2, 2), (3, 5, 4), (7, 2, 3)])
def test_a_batch_is_its_members(sizes: tuple[int, int, int]) -> None:
    cov = batch(sizes, 2)
    together = fastpid.gaussian.decompose(cov, sizes)
    coupling, (w, q) = together.coupling(), together.potentials
    for i, one in enumerate(cov):
        alone = fastpid.gaussian.decompose(one, sizes)
        assert together[i] == alone
        assert np.array_equal(coupling[i], alone.coupling())
        assert np.array_equal(w[i], alone.potentials[0])
        assert np.array_equal(q[i], alone.potentials[1])
        assert np.array_equal(together[i].coupling(), coupling[i])


def test_batches_do_not_depend_on_threads() -> None:
    cov = batch((4, 4, 4), 20)
    one = bits(fastpid.gaussian.decompose(cov, (4, 4, 4), threads=1))
    for threads in (2, 3, 8):
        assert bits(fastpid.gaussian.decompose(cov, (4, 4, 4), threads=threads)) == one


def test_shapes_follow_the_batch() -> None:
    cov = batch((2, 3, 4), 1).reshape(2, 5, 9, 9)
    d = fastpid.gaussian.decompose(cov, (2, 3, 4))
    assert d.shape == d.redundancy.shape == (2, 5)
    assert d.coupling().shape == (2, 5, 2, 3)
    assert [part.shape for part in d.potentials] == [(2, 5, 4, 5), (2, 5, 4, 4)]
    assert d[1].coupling().shape == (5, 2, 3)
    assert len(list(d)) == 2


def test_columns_choose_and_order() -> None:
    cov = batch((3, 3, 3), 1)[0]
    chosen = ([4, 0], (7,), np.array([2, 8]).tolist())
    rows = [4, 0, 7, 2, 8]
    one = fastpid.gaussian.decompose(cov, chosen)
    assert one == fastpid.gaussian.decompose(cov[np.ix_(rows, rows)], (2, 1, 2))


def test_results_pickle_and_keep_their_kind() -> None:
    d = fastpid.gaussian.decompose(batch((2, 2, 2), 1), (2, 2, 2))
    again = pickle.loads(pickle.dumps(d))
    assert again == d
    assert type(again) is type(d[0]) is fastpid.gaussian.GaussianDecomposition
    assert bits(again) == bits(d)


def test_integers_and_single_precision_are_computed_in_double() -> None:
    whole = np.array([[4, 1, 1, 0], [1, 4, 0, 1], [1, 0, 2, 0], [0, 1, 0, 2]])
    double = fastpid.gaussian.decompose(whole.astype(float), (1, 1, 2))
    for other in (whole, whole.astype(np.float32), whole.tolist()):
        assert fastpid.gaussian.decompose(other, (1, 1, 2)) == double


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals to threads")
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_ends_a_batch(threads: int) -> None:
    rng = np.random.default_rng(21)
    samples = rng.normal(size=(1, 60, 90))
    cov = np.repeat(samples @ samples.transpose(0, 2, 1), 400, axis=0)
    main, sent = threading.get_ident(), []

    def interrupt() -> None:
        sent.append(time.perf_counter())
        signal.pthread_kill(main, signal.SIGINT)

    timer = threading.Timer(0.3, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        fastpid.gaussian.decompose(cov, (20, 20, 20), threads=threads)
    assert time.perf_counter() - sent[0] < 1.5
    timer.join()
