"""A step of a loss of two sources: the average of tables, its solution, and the gradient by it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import MASS_TOLERANCE
from fastpid._solve import kernel
from fastpid._solve.options import SolveOptions
from fastpid._solve.solve import Solved
from fastpid._solve.tables import GivenTables
from fastpid._solve.threads import count_threads
from fastpid.result import Decomposition
from fastpid.torch._loss.objective import Weights

Floats = NDArray[np.float64]
Shape = tuple[int, ...]
NONE = np.empty(0)
#: A start pays where the square of the move, the sum of the differences of cells, is no more than
#: this share of the tolerance in nats: what the solution of one table leaves open of another is of
#: second order in how far they are apart. From runs over averages of 0.9 to 0.995 at tolerances of
#: 1e-4 to 3e-3 bit: beyond it the certificate fails, and mirror descent is as quick from the proxy.
_PAYS = 0.5
#: Below so many cells there is one thread, whatever is asked for.
_ONE_THREAD = 8192


class State(NamedTuple):
    """What one step leaves for the next: the shape of the tables, and the numbers.

    Of two sources these are what the kernel calls a LossState, see :func:`parts_of`; of more, the
    sums of the tables so far.
    """

    shape: Shape
    numbers: Floats


FIRST = State((), NONE)
#: The parts of a state of two sources that the next step begins with.
KEPT = ("sums", "lam", "mu", "s", "codes")


class Step(NamedTuple):
    """What a step gives: the loss, the next state, the gradient by the sums of its own table."""

    value: float
    state: State
    by_own: Floats


def parts_of(state: State) -> dict[str, Floats]:
    """Return the parts of a state of two sources by name, as views (csrc/cpu/loss_step.hpp)."""
    shapes = _shapes(state.shape)
    ends = np.cumsum([math.prod(shape) for shape in shapes.values()]).tolist()
    parts = zip(shapes.items(), [0, *ends[:-1]], ends, strict=True)
    return {name: state.numbers[start:end].reshape(shape) for (name, shape), start, end in parts}


def pack(parts: dict[str, Floats]) -> State | None:
    """Return the state of the parts in KEPT, or of the sums of more than two sources alone.

    None where they do not fit. What the last step found besides is left at zero.
    """
    shape = parts["sums"].shape
    if len(shape) < 3 or 0 in shape or (len(shape) == 3) != (len(parts) > 1):
        return None
    if len(shape) > 3:
        return State(shape, parts["sums"].ravel())
    wanted = _shapes(shape)
    if any(part.shape != wanted[name] for name, part in parts.items()):
        return None
    flat = [parts.get(name, np.zeros(size)).ravel() for name, size in wanted.items()]
    return State(shape, np.concatenate(flat))


def _shapes(shape: Shape) -> dict[str, Shape]:
    nx, ny, nz = shape
    return {
        "sums": (nx, ny, nz),
        "lam": (nx, nz),
        "mu": (ny, nz),
        "s": (nx, ny),
        "p_xz": (nx, nz),
        "p_yz": (ny, nz),
        "terms": (5,),
        "codes": (3,),
    }


class PairStepper:
    """The options of a loss of two sources, and its steps."""

    def __init__(self, weights: Weights, decay: float, options: SolveOptions) -> None:
        self._options = options
        self._arguments = (decay, math.sqrt(_PAYS * options.tol), np.array(weights) * options.scale)

    def arguments(self, before: Floats, shape: Shape, differentiate: bool) -> tuple[Any, ...]:
        """Return what the kernel is told of a step, but for its table."""
        options, cells = self._options, math.prod(shape)
        threads = 1 if cells < _ONE_THREAD else count_threads(options.threads, cells)
        return (before, *self._arguments, differentiate, options.tol, threads, MASS_TOLERANCE)

    def step(self, own: Floats, state: State, differentiate: bool) -> Step:
        """Make a step with the sums of a batch's table (nx, ny, nz).

        Whatever the state, the answer is certified to the tolerance.
        """
        value, status, numbers, by_own = kernel.loss_step(
            own, *self.arguments(state.numbers, own.shape, differentiate)
        )
        found = State(own.shape, numbers)
        if status != 0:
            self.report(found)
        return Step(value, found, by_own)

    def report(self, state: State) -> None:
        """Warn of, or raise about, what did not converge."""
        sums = parts_of(state)["sums"]
        found = self._solved(state)
        found.check(GivenTables((sums / sums.sum())[None]))
        found.report("fastpid", "torch")

    def decomposition(self, state: State) -> Decomposition[float]:
        """Return what a step has found."""
        return self._solved(state).result()

    def _solved(self, state: State) -> Solved:
        parts = parts_of(state)
        terms, codes = parts["terms"][:, None], parts["codes"].astype(np.int32)[:, None]
        rest = (parts[name][None] for name in ("p_xz", "p_yz", "lam", "mu"))
        return Solved((), self._options, terms, codes, *rest)
