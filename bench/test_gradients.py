"""What gradients cost, and against differentiating the same problem in other ways."""

from __future__ import annotations

import functools
import statistics
import time
from typing import Any

import numpy as np
import pytest
from measure import interleave
from results import GradientTiming, Results

import fastpid
from fastpid._solve import kernel

torch = pytest.importorskip("torch", reason="torch is an extra: pip install fastpid[torch]")
torch.set_num_threads(1)
# cvxpylayers and torch warn of one another.
pytestmark = pytest.mark.filterwarnings("ignore")


def tables(count: int, shape: tuple[int, int, int]) -> Any:
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.dirichlet(np.ones(np.prod(shape)), count).reshape(count, *shape))


def compare(
    benchmark: Any, results: Results, name: str, against: str, call: Any, reference: Any
) -> None:
    timed, held = interleave(call, reference, 1.0)
    benchmark.group = "gradients"
    benchmark.extra_info.update(seconds=timed, reference=against, reference_seconds=held)
    benchmark.pedantic(call, rounds=3)
    results.gradients.append(GradientTiming(name, "fastpid", timed, against, held, 0.0))


def test_backward_of_a_batch(benchmark: Any, results: Results) -> None:
    p = tables(64, (10, 10, 10)).requires_grad_()
    held = p.detach()

    def both() -> Any:
        return torch.autograd.grad(fastpid.decompose(p).synergy.sum(), p)

    assert both()[0].isfinite().all()
    name = "64 tables 10x10x10, forward and backward"
    compare(benchmark, results, name, "forward", both, lambda: fastpid.decompose(held))


@pytest.mark.parametrize(("shape", "count"), [((5, 5, 5, 5), 16), ((10, 10, 10, 10), 1)], ids=str)
@pytest.mark.parametrize("door", ["union_information", "decompose_many"])
def test_backward_of_several_sources(
    door: str, shape: tuple[int, ...], count: int, benchmark: Any, results: Results
) -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(np.prod(shape)), count).reshape(count, *shape)
    held = torch.from_numpy(p)
    live = held.clone().requires_grad_()

    def value(p: Any) -> Any:
        if door == "decompose_many":
            d = fastpid.decompose_many(p, n_sources=3, threads=1)
            return (d.synergy - d.redundancy).sum() + d.unique.sum()
        each = [p.sum(axes) for axes in ((2, 3), (1, 3), (1, 2))]
        return fastpid.union_information(each, threads=1).value.sum()

    def both() -> Any:
        return torch.autograd.grad(value(live), live)

    assert both()[0].isfinite().all()
    name = f"{door}, {count} of {'x'.join(map(str, shape))}, forward and backward"
    compare(benchmark, results, name, "forward", both, lambda: value(held))


@pytest.mark.parametrize("grad", [False, True])
def test_overhead_of_a_call(grad: bool, benchmark: Any, results: Results) -> None:
    p = tables(1, (6, 6, 6))[0].requires_grad_(grad)
    array = p.detach().numpy()[None]
    tol = 1e-9 * np.log(2.0)

    def solve() -> Any:
        return kernel.solve_tables(array, 0, tol, 0, 1, False, 1e-6, True)

    name = "6x6x6, one call" + (" that will be differentiated" if grad else "")
    compare(benchmark, results, name, "kernel alone", lambda: fastpid.decompose(p), solve)


#: Steps that are timed, at the beginning of a training and again after so many more.
TIMED, BETWEEN = 50, 250


@functools.cache
def _fresh_batches() -> list[tuple[Any, Any, Any]]:
    """Batches of 256: two views of 28 x 14 pixels each, normal about the means of 10 classes."""
    generator = torch.Generator().manual_seed(0)
    means = 0.11 * torch.randn(2, 10, 392, generator=generator)
    batches = []
    for _ in range(100):
        z = torch.randint(0, 10, (256,), generator=generator)
        x, y = (of_class[z] + torch.randn(256, 392, generator=generator) for of_class in means)
        batches.append((x, y, z))
    return batches


class _Training:
    """Two encoders that learn, a fresh batch every step, with a term beside their loss or not."""

    def __init__(self, term: Any = None) -> None:
        torch.manual_seed(0)
        self._encoders = [
            torch.nn.Sequential(
                torch.nn.Linear(392, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10)
            )
            for _ in range(2)
        ]
        self._optimizer = torch.optim.Adam([p for e in self._encoders for p in e.parameters()])
        self._term = term
        self._steps = 0

    def step(self) -> None:
        batches = _fresh_batches()
        x, y, z = batches[self._steps % len(batches)]
        self._steps += 1
        of_x, of_y = (encoder(v) for encoder, v in zip(self._encoders, (x, y), strict=True))
        loss = torch.nn.functional.cross_entropy(of_x + of_y, z)
        if self._term is not None:
            loss = loss + self._term(of_x, of_y, z)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()


@pytest.mark.parametrize(("name", "decay"), [("averaged", 0.9), ("the batch's own", 0.0)])
def test_training_step(name: str, decay: float, benchmark: Any, results: Results) -> None:
    """A term at 1e-3 bit, in turns with the same training without it."""
    term = fastpid.torch.PIDLoss({"synergy": -0.1}, num_classes=10, decay=decay)
    trainings = (_Training(term), _Training())
    _Training().step()

    def time_steps() -> tuple[float, ...]:
        taken: tuple[list[float], list[float]] = ([], [])
        for _ in range(TIMED):
            for training, times in zip(trainings, taken, strict=True):
                start = time.perf_counter()
                training.step()
                times.append(time.perf_counter() - start)
        return tuple(statistics.median(times) for times in taken)

    benchmark.group = "gradients"
    for when in ("first steps", "later"):
        timed, held = time_steps()
        title = f"training step with a PID term, table {name}, {when}"
        results.gradients.append(GradientTiming(title, "fastpid", timed, "without it", held, 0.0))
        for _ in range(BETWEEN):
            for training in trainings:
                training.step()
    benchmark.extra_info.update(seconds=timed, reference="without it", reference_seconds=held)
    benchmark.pedantic(trainings[0].step, rounds=3)


@functools.cache
def _cvxpy_layer(nx: int, ny: int, nz: int) -> Any:
    """Build the convex programme, in cells of the full table, as a differentiable layer."""
    cp = pytest.importorskip("cvxpy")
    layers = pytest.importorskip(
        "cvxpylayers.torch", reason="the comparator: pip install cvxpylayers"
    )
    q, a, b = cp.Variable((nx * ny, nz)), cp.Parameter((nx, nz)), cp.Parameter((ny, nz))
    to_x = np.kron(np.eye(nx), np.ones((1, ny)))
    to_y = np.kron(np.ones((1, nx)), np.eye(ny))
    pairs = cp.reshape(cp.sum(q, axis=1), (nx * ny, 1), order="C") @ np.ones((1, nz))
    problem = cp.Problem(cp.Minimize(cp.sum(cp.rel_entr(q, pairs))), [to_x @ q == a, to_y @ q == b])
    return layers.CvxpyLayer(problem, parameters=[a, b], variables=[q])


def _entropy_of_target(p: Any) -> Any:
    z = p.sum((0, 1))
    return -(z * z.log()).sum()


def by_cvxpylayers(p: Any) -> Any:
    layer = _cvxpy_layer(*p.shape)
    (q,) = layer(p.sum(1), p.sum(0), solver_args={"solve_method": "Clarabel"})
    q = q.clamp_min(1e-300)
    return (q * (q / q.sum(1, keepdim=True)).log()).sum() + _entropy_of_target(p)


def by_unrolling(p: Any, steps: int = 400) -> Any:
    """Mirror descent with one Sinkhorn sweep a step (Banerjee et al. 2018), left to autograd."""
    a, b = p.sum(1), p.sum(0)
    s = a.sum(1, keepdim=True) * b.sum(1)
    v = b / b.sum(1, keepdim=True) / b.sum(0)
    for _ in range(steps):
        u = a / (s @ v)
        v = b / (s.T @ u)
        t = u @ v.T
        s = s * t
    q = (s / t)[:, :, None] * u[:, None] * v[None]
    return (q * (q / q.sum(-1, keepdim=True)).log()).sum() + _entropy_of_target(p)


@pytest.mark.parametrize("shape", [(3, 3, 3), (6, 6, 6)])
@pytest.mark.parametrize("other", [by_cvxpylayers, by_unrolling])
def test_other_ways_to_a_gradient(
    other: Any, shape: tuple[int, int, int], benchmark: Any, results: Results
) -> None:
    rng = np.random.default_rng(0)
    p = torch.from_numpy(rng.dirichlet(np.full(np.prod(shape), 3.0)).reshape(shape))
    p.requires_grad_()

    def gradient(value: Any) -> Any:
        (grad,) = torch.autograd.grad(value, p)
        return grad - grad.mean()  # along the simplex

    def ours(tol: float = 1e-9) -> Any:
        d = fastpid.decompose(p, unit="nats", tol=tol, on_failure="ignore")
        return gradient(d.union_information)

    def theirs() -> Any:
        return gradient(other(p))

    exact = ours(1e-13)
    error, their_error = (
        (g - exact).norm().item() / exact.norm().item() for g in (ours(), theirs())
    )
    assert error <= their_error < 0.1
    taken, their_time = interleave(ours, theirs, 1.0)
    benchmark.group = "gradients"
    benchmark.extra_info.update(error=error, their_error=their_error, their_seconds=their_time)
    benchmark.pedantic(ours, rounds=3)
    name = f"gradient, {'x'.join(map(str, shape))}"
    way = {"by_cvxpylayers": "cvxpylayers, Clarabel", "by_unrolling": "unrolled, 400 steps"}
    for solver, seconds, off in (
        ("fastpid", taken, error),
        (way[other.__name__], their_time, their_error),
    ):
        timing = GradientTiming(name, solver, seconds, "fastpid", taken, off)
        if timing not in results.gradients:
            results.gradients.append(timing)
