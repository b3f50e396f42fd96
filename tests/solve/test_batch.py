"""Batches: equal to their tables one by one, whatever the shape and the number of threads."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Literal

import numpy as np
import pytest
from families import FAMILIES, table

import fastpid

FIELDS = ("redundancy", "unique_x", "unique_y", "synergy", "lower", "upper", "iterations", "status")


def batch_of(shape: tuple[int, int, int], repeats: int = 3) -> np.ndarray:
    return np.stack([table(f, shape, seed) for f in FAMILIES for seed in range(repeats)])


@pytest.mark.parametrize("shape", [(2, 2, 2), (3, 4, 3), (1, 3, 4), (5, 4, 8)], ids=str)
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_batch_equals_singles_bitwise(shape: tuple[int, int, int], threads: int) -> None:
    batch = np.concatenate([batch_of(shape)] * 20)  # enough for the threads to be used
    d = fastpid.decompose(batch, threads=threads)
    for i in range(len(batch) // 20):
        single = fastpid.decompose(batch[i])
        for name in FIELDS:
            assert getattr(d, name)[i] == getattr(single, name)
    for name in FIELDS:
        folded = getattr(d, name).reshape(20, -1)
        assert (folded == folded[0]).all()


@pytest.mark.parametrize(
    "shape", [(5, 1, 4), (1, 6, 3), (7, 8, 6), (8, 8, 8), (12, 12, 12)], ids=str
)
@pytest.mark.parametrize(
    ("method", "tol"),
    [("auto", 1e-9), ("auto", 1e-5), ("auto", 1e-3), ("newton", 1e-9), ("gradient", 1e-4)],
)
def test_the_bits_do_not_depend_on_the_company(
    shape: tuple[int, int, int], method: Literal["auto", "newton", "gradient"], tol: float
) -> None:
    """Alone, in twos, in threes and in full registers, with zeros and without."""
    families = ["dense", "spiky 0.3", "empirical 500", "function 1e-6", "copies 1e-9", "wide 9"]
    batch = np.stack([table(f, shape, seed) for f in families for seed in range(3)])
    whole = fastpid.decompose(batch, threads=1, method=method, tol=tol, on_failure="ignore")
    for size in (1, 2, 3):
        for at in range(0, len(batch), size):
            part = fastpid.decompose(
                batch[at : at + size], threads=1, method=method, tol=tol, on_failure="ignore"
            )
            for name in FIELDS:
                assert np.array_equal(getattr(part, name), getattr(whole, name)[at : at + size])


def test_leading_axes_are_kept() -> None:
    batch = batch_of((3, 3, 3), repeats=4).reshape(4, len(FAMILIES), 3, 3, 3)
    d = fastpid.decompose(batch)
    assert d.shape == (4, len(FAMILIES))
    for name in (*FIELDS, "mi_x", "mi_y", "mi_xy", "gap", "method", "converged"):
        assert getattr(d, name).shape == d.shape
    lam, mu = d.potentials
    assert lam.shape == (*d.shape, 3, 3)
    assert mu.shape == (*d.shape, 3, 3)
    assert d.coupling().shape == batch.shape
    np.testing.assert_array_equal(d.coupling()[2, 3], fastpid.decompose(batch[2, 3]).coupling())


def test_each_table_has_its_own_method_and_iterations() -> None:
    p = np.zeros((3, 3, 3, 3))
    p[0, :2, :2, :2] = fastpid.gates.and_()
    p[1] = table("dense", (3, 3, 3), 0)
    p[2] = np.full((3, 3, 3), 1 / 27)
    d = fastpid.decompose(p)
    assert d.method.tolist() == ["exact", "newton", "exact"]
    assert d.iterations[0] == 0
    assert d.iterations[1] > 0


def test_the_gil_is_released() -> None:
    p = table("dense", (30, 30, 10), 0)
    ticks = 0
    stop = threading.Event()

    def count() -> None:
        nonlocal ticks
        while not stop.wait(0.001):
            ticks += 1

    counter = threading.Thread(target=count)
    counter.start()
    for _ in range(5):
        fastpid.decompose(p)
    stop.set()
    counter.join()
    assert ticks >= 5


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_interrupts_a_long_batch(threads: int) -> None:
    p = np.broadcast_to(table("dense", (12, 12, 12), 0), (4000, 12, 12, 12))
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    # The signal has to reach the process while the kernel runs: os.kill from another thread.
    timer.function = lambda: os.kill(os.getpid(), signal.SIGINT)  # type: ignore[assignment]
    timer.args = []
    started = time.monotonic()
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            fastpid.decompose(p, threads=threads)
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, previous)
    assert time.monotonic() - started < 3.0  # the whole batch takes many times that


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_ctrl_c_interrupts_one_large_table() -> None:
    p = table("dense", (80, 80, 20), 0)
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            fastpid.decompose(p)
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, previous)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_works_after_fork() -> None:
    p = batch_of((3, 3, 3))
    expected = fastpid.decompose(p, threads=2).union_information
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # no assert here: the answer goes through the pipe
        try:
            os.write(write, fastpid.decompose(p, threads=2).union_information.tobytes())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        got = np.frombuffer(pipe.read())
    os.waitpid(child, 0)
    np.testing.assert_array_equal(got, expected)
