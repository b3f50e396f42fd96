"""A step of a loss of three sources or more, from the solves of the sets that it is made of."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fastpid._many import ManyDecomposition, decompose_many
from fastpid._many._coverage import Subset
from fastpid._solve.options import SolveOptions
from fastpid._solve.unions import report, solve_unions
from fastpid.torch._loss.objective import SetWeights
from fastpid.torch._loss.solver import State, Step

Floats = NDArray[np.float64]
#: A log posterior is not taken below this, as in the kernel (kFloor).
_FLOOR = -50.0


class ManyStepper:
    """The options of a loss of three sources or more, and its steps.

    The gradient is that of csrc/core/gradient.hpp: with h(z) = -log p(z), I(all; Z) has by the cell
    (x_1, ..., x_M, z) the derivative log p(z | x_1, ..., x_M) + h(z), I(X_i; Z) has log p(z | x_i)
    + h(z), and the union information of a set the sum of its potentials lam_i[x_i, z], and h(z).
    """

    def __init__(self, weights: SetWeights, decay: float, options: SolveOptions) -> None:
        self._joint = weights.joint
        self._sets = weights.sets
        self._decay = decay
        self._options = options

    def step(self, own: Floats, state: State, differentiate: bool) -> Step:
        """Make a step with the sums of a batch's table (n_1, ..., n_M, nz)."""
        sums = own
        if state.numbers.size:
            sums = own + self._decay * state.numbers.reshape(own.shape)
        p = sums / sums.sum()
        value, gradient = self._solve(p, differentiate)
        by_own = gradient
        if differentiate:
            # By sums that are divided by their sum, of which what is along themselves changes
            # nothing.
            mass = own.sum()
            by_own = (gradient - (gradient * own).sum() / mass) / mass
        return Step(value, State(own.shape, sums.ravel()), by_own)

    def decomposition(self, state: State) -> ManyDecomposition:
        """Return the decomposition of the table of a step, all its sets or those that count."""
        sums = state.numbers.reshape(state.shape)
        options = self._options
        return decompose_many(
            sums / sums.sum(),
            subsets="all" if len(state.shape) <= 5 else [*self._sets],
            tol=options.tol * options.scale,
            unit=options.result_unit,
            threads=options.threads or None,
            on_failure="ignore",
        )

    def _solve(self, p: Floats, differentiate: bool) -> tuple[float, Floats]:
        """Return the objective in the unit, and its gradient by the cells, or nothing."""
        count, scale = p.ndim - 1, self._options.scale
        marginals = [
            np.ascontiguousarray(p.sum(axis=tuple(k for k in range(count) if k != i)))
            for i in range(count)
        ]
        p_z = marginals[0].sum(axis=0)
        seen = p_z > 0.0
        h = -np.log(p_z, out=np.zeros_like(p_z), where=seen)
        by_source = [np.zeros_like(a) for a in marginals]
        gradient, value = np.zeros_like(p), 0.0
        if self._joint:
            gradient = self._joint * _information(p, h)
            value = float((p * gradient).sum())
        for subset, weight in self._sets.items():
            if len(subset) == 1:
                (i,) = subset
                by = weight * _information(marginals[i], h)
                value += float((marginals[i] * by).sum())
                by_source[i] += by
        for group in self._groups(p.shape):
            found = solve_unions(
                [
                    np.stack([marginals[subset[k]] for subset in group])
                    for k in range(len(group[0]))
                ],
                self._options,
                (),
            )
            if found.status.any():
                report(
                    *(found.status, (found.upper - found.lower) * scale, self._options),
                    functools.partial(_describe, group),
                    lambda: self.decomposition(State(p.shape, p.ravel())),
                    ("fastpid", "torch"),
                )
            for row, subset in enumerate(group):
                weight = self._sets[subset]
                value += weight * 0.5 * float(found.lower[row] + found.upper[row])
                for k, i in enumerate(subset):
                    by_source[i] += weight * (found.potentials[k][row] + h / len(subset))
        if not differentiate:
            return value * scale, p[:0]
        for i, by in enumerate(by_source):
            gradient += np.where(seen, by, 0.0).reshape(
                *(n if k == i else 1 for k, n in enumerate(p.shape[:-1])), -1
            )
        return value * scale, np.where(seen, gradient, 0.0) * scale

    def _groups(self, shape: Sequence[int]) -> list[list[Subset]]:
        """Return the sets of two sources or more, those of the same sizes together."""
        groups: dict[tuple[int, ...], list[Subset]] = {}
        for subset in self._sets:
            if len(subset) > 1:
                groups.setdefault(tuple(shape[i] for i in subset), []).append(subset)
        return list(groups.values())


def _describe(group: list[Subset], place: int) -> str:
    return f"sources {group[place]}"


def _information(p: Floats, h: Floats) -> Floats:
    """Return log p(z | symbol) + h(z), zero where a symbol has no mass."""
    symbols = p.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(p) - np.log(symbols)
    return np.where(symbols > 0.0, np.maximum(logs, _FLOOR) + h, 0.0)
