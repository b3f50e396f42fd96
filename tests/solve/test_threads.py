"""Threads and lanes: how many there are, and who shares them, changes no bit of any answer."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from families import FAMILIES, table
from numpy.typing import NDArray

import fastpid
from fastpid import gates

FIELDS = ("union_information", "lower", "upper", "mi_x", "mi_y", "mi_xy", "iterations", "status")


def bits(d: fastpid.Decomposition) -> bytes:
    return b"".join(np.ascontiguousarray(getattr(d, field)).tobytes() for field in FIELDS)


def mixed_batch(shape: tuple[int, int, int], repeats: int) -> NDArray[np.float64]:
    """Tables of every family one after the other: lanes get company of all kinds."""
    return np.stack([table(f, shape, seed) for seed in range(repeats) for f in FAMILIES])


@pytest.mark.parametrize("shape", [(3, 3, 3), (4, 3, 4), (5, 5, 5), (4, 4, 9)])
def test_a_table_gets_the_same_bits_in_any_lane(shape: tuple[int, int, int]) -> None:
    batch = mixed_batch(shape, 2)
    together = fastpid.decompose(batch, threads=1)
    shifted = fastpid.decompose(np.concatenate([batch[3:], batch[:3]]), threads=1)
    for i, p in enumerate(batch):
        alone = fastpid.decompose(p)
        for field in ("lower", "upper", "iterations"):
            assert getattr(together, field)[i] == getattr(alone, field)
            assert getattr(shifted, field)[i - 3] == getattr(alone, field)


def test_potentials_do_not_depend_on_the_lane() -> None:
    batch = mixed_batch((4, 3, 3), 2)
    lam, mu = fastpid.decompose(batch, threads=1).potentials
    for i, p in enumerate(batch):
        own_lam, own_mu = fastpid.decompose(p).potentials
        assert np.array_equal(lam[i], own_lam)
        assert np.array_equal(mu[i], own_mu)


@pytest.mark.parametrize("shape", [(3, 3, 3), (9, 8, 7)])
def test_batches_do_not_depend_on_threads(shape: tuple[int, int, int]) -> None:
    batch = mixed_batch(shape, 60)
    one = bits(fastpid.decompose(batch, threads=1))
    for threads in (2, 3, 8):
        assert bits(fastpid.decompose(batch, threads=threads)) == one


LARGE: dict[str, tuple[Any, dict[str, Any]]] = {
    "newton": (gates.random_dense((40, 40, 11), rng=0), {"method": "newton"}),
    "gradient": (gates.random_soft((70, 60, 50), 500, rng=0), {"method": "gradient", "tol": 1e-3}),
    "single precision": (gates.random_soft((110, 100, 100), 500, rng=0), {"tol": 1e-2}),
    "auto": (gates.random_empirical((60, 50, 12), 900, rng=0), {}),
    "binary": (gates.random_dense((120, 90, 2), rng=0), {}),
}


@pytest.mark.parametrize("name", LARGE)
def test_one_large_table_does_not_depend_on_threads(name: str) -> None:
    p, options = LARGE[name]
    one = fastpid.decompose(p, threads=1, **options)
    assert one.gap <= options.get("tol", 1e-9)
    for threads in (2, 3, 5):
        assert bits(fastpid.decompose(p, threads=threads, **options)) == bits(one)
    # In a batch the tables are shared out, not the work within them.
    pair = fastpid.decompose(np.stack([p, p]), threads=2, **options)
    assert list(pair.lower) == [one.lower, one.lower]
    assert list(pair.upper) == [one.upper, one.upper]


def test_several_callers_share_the_pool() -> None:
    batch = mixed_batch((3, 4, 3), 40)
    expected = bits(fastpid.decompose(batch, threads=1))
    found: list[bytes] = []

    def call() -> None:
        found.extend(bits(fastpid.decompose(batch, threads=3)) for _ in range(5))

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=60)
    assert found == [expected] * 20


# What many threads do at once, each a result that compares by its bits.
CALLS: tuple[Callable[[], Any], ...] = (
    lambda: bits(fastpid.decompose(mixed_batch((3, 4, 3), 4), threads=2)),
    lambda: fastpid.decompose(mixed_batch((2, 3, 2), 2), threads=1).potentials[0].tobytes(),
    lambda: fastpid.decompose(gates.random_dense((12, 12, 6), rng=0)).coupling().tobytes(),
    lambda: fastpid.decompose(gates.random_dense((90, 70, 2), rng=0), threads=2).lower,
    lambda: fastpid.decompose(gates.random_soft((20, 20, 12), 99, rng=0), tol=1e-3).upper,
    lambda: str(fastpid.decompose_many(gates.parity(3))),
    lambda: fastpid.pointwise(gates.random_dense((4, 4, 3), rng=0)).synergy.tobytes(),
    lambda: fastpid.gaussian.decompose(np.eye(5) + 0.3, (2, 2, 1)).lower,
    lambda: str(fastpid.estimate(COLUMNS[0], COLUMNS[1], COLUMNS[2], n_bootstrap=20, rng=1)),
    lambda: fastpid.screen(COLUMNS.T, COLUMNS[0], threads=2).records.tobytes(),
)
COLUMNS = np.random.default_rng(0).integers(0, 3, (4, 300))


def test_many_threads_at_once_change_nothing() -> None:
    expected = [call() for call in CALLS]
    begin = threading.Barrier(8)

    def work(first: int) -> list[bool]:
        begin.wait(timeout=60)
        turns = [(first + k) % len(CALLS) for k in range(len(CALLS))]
        return [bool(CALLS[turn]() == expected[turn]) for turn in turns]

    with ThreadPoolExecutor(begin.parties) as pool:
        assert all(all(same) for same in pool.map(work, range(begin.parties)))


IMPORTS_AT_ONCE = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
begin = threading.Barrier(8)
def work(k):
    begin.wait(timeout=60)
    import fastpid
    return fastpid.decompose(fastpid.gates.random_dense((5, 5, 3), rng=k)).gap <= 1e-9
with ThreadPoolExecutor(8) as pool:
    assert all(pool.map(work, range(8)))
print(getattr(sys, "_is_gil_enabled", lambda: True)())
"""


def test_threads_import_at_once_and_free_threading_stays_on() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORTS_AT_ONCE],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    # A module that had not said so would have switched the GIL on, with a warning.
    free = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    assert done.stdout.strip() == str(not free)


COUNT_THREADS = """
import os, sys
import numpy as np
import fastpid
before = len(os.listdir("/proc/self/task"))
rng = np.random.default_rng(0)
fastpid.decompose(rng.dirichlet(np.ones(27), 5000).reshape(-1, 3, 3, 3), **eval(sys.argv[1]))
print(len(os.listdir("/proc/self/task")) - before)
"""


def threads_started(arguments: str, **environment: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", COUNT_THREADS, arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="no /proc")


@needs_proc
def test_how_many_threads_are_started() -> None:
    assert threads_started("{'threads': 1}") == 0
    assert threads_started("{'threads': 4}") == 3
    assert threads_started("{}", FASTPID_NUM_THREADS="3") == 2
    assert threads_started("{'threads': 2}", FASTPID_NUM_THREADS="5") == 1


@needs_proc
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity masks")
def test_the_affinity_mask_is_respected() -> None:
    program = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n" + COUNT_THREADS
    environment = {k: v for k, v in os.environ.items() if k != "FASTPID_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", program, "{}"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_has_threads_of_its_own() -> None:
    program = """
import os, sys
import numpy as np
import fastpid
rng = np.random.default_rng(0)
p = rng.dirichlet(np.ones(27), 5000).reshape(-1, 3, 3, 3)
here = fastpid.decompose(p, threads=3).lower  # starts the pool that the child will not have
for _ in range(5):
    child = os.fork()
    if child == 0:
        same = np.array_equal(fastpid.decompose(p, threads=3).lower, here)
        started = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 3
        os._exit(0 if same and started == 3 else 1)
    assert os.waitpid(child, 0)[1] == 0
assert np.array_equal(fastpid.decompose(p, threads=3).lower, here)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
