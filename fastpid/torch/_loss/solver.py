"""A step of a loss: the average of tables, its solution, and the gradient of an objective by it."""

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
from fastpid.torch._loss.objective import Weights

Floats = NDArray[np.float64]
_NONE = np.empty((0, 0, 0))
#: A start pays where the square of the move, the sum of the differences of cells, is no more than
#: this share of the tolerance in nats: what the solution of one table leaves open of another is of
#: second order in how far they are apart. From runs over averages of 0.9 to 0.995 at tolerances of
#: 1e-4 to 3e-3 bit: beyond it the certificate fails, and mirror descent is as quick from the proxy.
_PAYS = 0.5
#: Below so many cells there is one thread, whatever is asked for.
_ONE_THREAD = 8192


class State(NamedTuple):
    """What one step leaves for the next: the sums of the tables so far, and their solution.

    The sums are (nx, ny, nz), the potentials (1, nx, nz) and (1, ny, nz), s is (1, nx, ny).
    """

    sums: Floats
    lam: Floats
    mu: Floats
    s: Floats

    def fits(self) -> bool:
        """Whether the parts are those of one table."""
        if self.sums.ndim != 3:
            return False
        nx, ny, nz = self.sums.shape
        wanted = (1, nx, nz), (1, ny, nz), (1, nx, ny)
        return (self.lam.shape, self.mu.shape, self.s.shape) == wanted


FIRST = State(_NONE, _NONE, _NONE, _NONE)


class Step(NamedTuple):
    """What a step gives: the loss, the gradient by the sums of its own table, the next state."""

    value: float
    by_own: Floats
    state: State
    solved: LazySolved


class LazySolved:
    """What the kernel returned, made into a Solved when somebody asks."""

    def __init__(self, options: SolveOptions, rows: tuple[Any, ...]) -> None:
        self._options = options
        self._rows = rows

    def get(self) -> Solved:
        """Return it."""
        return Solved((), self._options, *self._rows)


class Stepper:
    """The options of a loss, and its steps."""

    def __init__(self, weights: Weights, decay: float, options: SolveOptions) -> None:
        self._weights = np.array(weights) * options.scale
        self._decay = decay
        self._options = options
        self._pays = math.sqrt(_PAYS * options.tol)

    def step(self, own: Floats, state: State, differentiate: bool) -> Step:
        """Make a step with the sums of a batch's table (nx, ny, nz).

        Whatever the state, the answer is certified to the tolerance.
        """
        options = self._options
        threads = 1 if own.size < _ONE_THREAD else count_threads(options.threads, own.size)
        value, status, sums, by_own, s, rows = kernel.loss_step(
            own, state.sums, self._decay, state.lam, state.mu, state.s, self._pays,
            self._weights, differentiate, options.tol, threads, MASS_TOLERANCE,
        )  # fmt: skip
        solved = LazySolved(options, rows)
        if status != 0:
            found = solved.get()
            found.check(GivenTables((sums / sums.sum())[None]))
            found.report("fastpid", "torch")
        return Step(value, by_own, State(sums, rows[4], rows[5], s), solved)
