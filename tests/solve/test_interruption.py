"""Ctrl-C, daemon threads at exit, and interpreters that the kernel does not know."""

from __future__ import annotations

import importlib
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import fastpid
from fastpid import gates
from fastpid._solve import kernel


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals to threads")
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_is_noticed_within_a_factorisation(threads: int) -> None:
    # A Newton step of order 6000 takes seconds; the signal comes in the first one.
    p = gates.random_dense((150, 150, 40), rng=0)
    main, sent = threading.get_ident(), []

    def interrupt() -> None:
        sent.append(time.perf_counter())
        signal.pthread_kill(main, signal.SIGINT)

    timer = threading.Timer(1.5, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        fastpid.decompose(p, method="newton", threads=threads)
    waited = time.perf_counter() - sent[0]
    timer.join()
    # Half a second on a machine that does nothing else.
    assert waited < 2.0
    assert fastpid.decompose(gates.xor()).synergy == 1.0
    small = gates.random_dense((40, 40, 11), rng=0)
    assert fastpid.decompose(small, method="newton", threads=threads).gap <= 1e-9


# A daemon thread is within a call of the kernel when the main thread is through.
DAEMON = """
import sys, threading, time
import numpy as np
import fastpid
from fastpid._solve import kernel

call, threads = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(0)
if call == "batch":
    p = rng.dirichlet(np.ones(60), 20000).reshape(-1, 5, 4, 3)
    work = lambda: fastpid.decompose(p, threads=threads)
elif call == "large":
    p = fastpid.gates.random_dense((60, 60, 40), rng=0)
    work = lambda: fastpid.decompose(p, method="newton", threads=threads)
else:
    cell = rng.integers(0, 27, 100_000).astype(np.int32)
    seeds = rng.integers(0, 2**32, (4000, 4), dtype=np.uint32)
    strata = np.array([0, cell.size], np.int64)
    codes = rng.integers(0, 3, (2, 100_000)).astype(np.uint16)
    pairs = np.tile(np.array([[0, 1]], np.int32), (20_000, 1))
    if call == "permute":
        work = lambda: kernel.permute(cell, cell * 0, strata, None, 27, seeds, threads)
    else:
        work = lambda: kernel.count_pairs(codes, codes[0], None, pairs, 3, 3, 3, threads)
def forever():
    while True:
        work()
threading.Thread(target=forever, daemon=True).start()
time.sleep(0.3)
"""


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize("call", ["batch", "large", "permute", "count_pairs"])
def test_python_exits_beside_a_daemon_thread_in_the_kernel(call: str, threads: str) -> None:
    done = run(DAEMON, call, threads)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_sub_interpreter_is_refused_at_once() -> None:
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            importlib.import_module(name)
        except ImportError:
            continue
        break
    else:
        pytest.skip("this Python has no sub-interpreters to try")
    program = f"""
import {name} as interpreters
try:
    interpreters.run_string(interpreters.create(), '''
try:
    import fastpid
except ImportError as error:
    print("refused:", error)
''')
except RuntimeError as error:
    print(error)
"""
    done = run(program)
    assert "refused: fastpid runs in the main interpreter alone" in done.stdout, done


@pytest.mark.parametrize("shape", [(0, 2, 2), (2, 0, 2), (2, 2, 0)])
def test_the_bindings_refuse_empty_axes(shape: tuple[int, int, int]) -> None:
    nx, ny, nz = shape
    p = np.zeros((1, *shape))
    xz, yz = np.zeros((1, nx, nz)), np.zeros((1, ny, nz))
    codes, pairs = np.zeros((2, 0), np.uint16), np.zeros((0, 2), np.int32)
    calls = [
        lambda: kernel.solve_tables(p, 0, 1e-9, 0, 1, False, 1e-6, False),
        lambda: kernel.solve_marginals(xz, yz, 0, 1e-9, 0, 1, False),
        lambda: kernel.gradient(p, xz, yz, xz, yz, np.zeros((1, 4)), False, 1),
        lambda: kernel.count_pairs(codes, codes[0], None, pairs, nx, ny, nz, 1),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="an axis is empty"):
            call()


def test_the_bindings_refuse_no_threads() -> None:
    with pytest.raises(ValueError, match="no threads"):
        kernel.solve_tables(np.full((1, 2, 2, 2), 0.125), 0, 1e-9, 0, 0, False, 1e-6, False)
