"""Every table that an estimate needs solved: resamples, their parts, shuffled ones."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.random import seed_sequence
from fastpid._solve.options import SolveOptions
from fastpid.estimation._bias import (
    AMPLIFICATION,
    DIVISIONS,
    EXTRAPOLATED,
    SHUFFLED,
    by_field,
    chao_shen,
    correct_resamples,
    jackknife,
    left_in_shuffles,
    mean_of_parts,
    miller_madow,
    quadratic_extrapolation,
    root_extrapolation,
    solves_per_resample,
)
from fastpid.estimation._intervals import (
    JUDGED_BY_ERRORS,
    Errors,
    error_p_value,
)
from fastpid.estimation._problem import PAIRS, Problem, Solver, named
from fastpid.estimation._resampling import Samples, Tables, solve_all, standard_error
from fastpid.estimation._wanted import Wanted

Vectors = NDArray[np.float64]

#: The number of shuffled targets that say what bias is left.
_SHUFFLES = 100
#: The tolerance of resamples as a share of their standard error.
_SHARE_OF_ERROR = 0.01


class ResampledTables:
    """Every table that an estimate needs solved.

    Vectors are those of `problem`, in nats: (n_fields, width), and (n, n_fields, width) of n draws.
    """

    def __init__(
        self,
        samples: Samples,
        options: SolveOptions,
        wanted: Wanted,
        rng: Any,
        n_shuffles: int = _SHUFFLES,
        problem: Problem = PAIRS,
    ) -> None:
        self.problem = problem
        self.samples = samples
        self.options = options._replace(on_failure="ignore")
        self.resample_options = options_of_resamples(samples, options, wanted)
        self.wanted = wanted
        self.n_shuffles = n_shuffles
        self.solved_to_tol = True
        self.advance: Callable[[int], object] = lambda count: None
        self.largest_gap = 0.0
        # A stream of its own for each purpose: what one option draws does not depend on another.
        seed = seed_sequence(rng)
        self.seed = {"entropy": seed.entropy, "spawn_key": seed.spawn_key}
        self.streams = seed.spawn(4)
        self.shuffles = wanted.hypotheses.shuffles
        self.null_streams = seed.spawn(len(self.shuffles))

    def solve(self, tables: Tables, solver: Solver | None = None) -> Vectors:
        """Return the vectors of tables, (k, width), as closely as those of resamples need be."""
        solver = self.problem if solver is None else solver
        vectors, gap = solve_all(tables, self.resample_options, self.advance, solver)
        self.note(gap, self.resample_options)
        return vectors

    def note(self, gap: float, options: SolveOptions) -> None:
        """Take the largest gap of some solves, which were to reach the tolerance of `options`."""
        self.largest_gap = max(self.largest_gap, gap)
        self.solved_to_tol = self.solved_to_tol and gap <= options.tol

    @property
    def total(self) -> int:
        """How many tables will be solved."""
        wanted = self.wanted
        total = len(wanted.kinds) * wanted.n_permutations
        per_resample = solves_per_resample(wanted.bias)
        if wanted.needs_errors:
            total += wanted.n_bootstrap * per_resample
        if wanted.needs_errors or wanted.bias in SHUFFLED:
            total += self.n_shuffles * per_resample
        if wanted.needs_errors or wanted.bias in EXTRAPOLATED:
            total += DIVISIONS * 2
        if wanted.bias in EXTRAPOLATED:
            total += DIVISIONS * 4
        if wanted.bias == "jackknife":
            total += len(self.samples.leave_one_out()[1])
        return total * self.samples.n_fields

    def under_null(self, what: str, plug_in: Vectors | None = None) -> Vectors:
        """Return the vectors under a null hypothesis.

        With the vector of the samples, `plug_in` (1, width), what is not moved is taken from it.
        """
        stream = self.null_streams[list(self.shuffles).index(what)]
        role, given = self.shuffles[what]
        some = self.samples.surrogates(self.wanted.n_permutations, stream, role, given)
        solver: Solver = self.problem
        if plug_in is not None:
            solver = self.problem.where_moved(role, plug_in[0])
        vectors = [
            self.solve(iter([each.tables]), solver)
            if each.scale is None
            else self._solve_array(each.tables) * each.scale
            for each in some
        ]
        return by_field(vectors, self.samples.n_fields)

    def corrected(self, plug_in: Vectors) -> Vectors:
        """Return the plug-in vector with its bias corrected."""
        corrected = self._corrected(plug_in)
        return corrected - self.left if self.wanted.bias in SHUFFLED else corrected

    def _corrected(self, plug_in: Vectors) -> Vectors:
        bias = self.wanted.bias
        tables = self.samples.mass.reshape(-1, *self.samples.shape)
        if bias == "miller_madow":
            return miller_madow(plug_in, self.samples.occupancy(tables), self.samples.n_effective)
        if bias == "chao_shen":
            return np.stack([chao_shen(v, t) for v, t in zip(plug_in, tables, strict=True)])
        if bias in EXTRAPOLATED:
            return quadratic_extrapolation(plug_in, self.halves, self.quarters)
        if bias == "jackknife":
            corrected, gap = jackknife(
                plug_in, self.samples, self.options, self.advance, self.problem
            )
            self.note(gap, self.options)
            return corrected
        return plug_in

    @functools.cached_property
    def halves(self) -> Vectors:
        """The average vector of halves of the samples."""
        return self._mean_of_parts(2, self.streams[1])

    @functools.cached_property
    def quarters(self) -> Vectors:
        """The average vector of quarters of the samples."""
        return self._mean_of_parts(4, self.streams[2])

    def _mean_of_parts(self, parts: int, seed: np.random.SeedSequence) -> Vectors:
        options = self.resample_options
        mean, gap = mean_of_parts(self.samples, parts, seed, options, self.advance, self.problem)
        self.note(gap, options)
        return mean

    @functools.cached_property
    def left(self) -> Vectors:
        """What the correction leaves of shuffled targets."""
        return left_in_shuffles(
            *(self.wanted.bias, self.samples, self.n_shuffles, self.streams[3]),
            self._solve_array,
        )

    def resampled(self) -> Vectors:
        """Return the corrected vectors of resamples."""
        resamples = self.samples.bootstrap(self.wanted.n_bootstrap, self.streams[0])
        vectors = [
            correct_resamples(self.wanted.bias, parts, self.samples, self._solve_array)
            for parts in resamples
        ]
        corrected = by_field(vectors, self.samples.n_fields)
        return corrected - self.left if self.wanted.bias in SHUFFLED else corrected

    def errors(self, plug_in: Vectors, corrected: Vectors) -> Errors:
        """Return what is known of the errors of the corrected vector, in the unit asked for."""
        scale = self.options.scale
        left = np.zeros_like(corrected) if self.wanted.bias in SHUFFLED else self.left
        kink = root_extrapolation(plug_in, self.halves) - corrected
        drawn = self.resampled() - plug_in
        return Errors(*(self.problem.named(each, scale) for each in (drawn, left, kink)))

    def _solve_array(self, tables: NDArray[np.float64]) -> Vectors:
        return self.solve(iter([tables]))


def options_of_resamples(samples: Samples, options: SolveOptions, wanted: Wanted) -> SolveOptions:
    """Return the options with a tolerance that does for resamples, unless one was asked for."""
    options = options._replace(on_failure="ignore")
    if wanted.same_tol:
        return options
    tol = _SHARE_OF_ERROR / AMPLIFICATION * standard_error(samples)
    return options._replace(tol=max(tol, options.tol))


def p_values_of_errors(
    samples: Samples, options: SolveOptions, n_bootstrap: int, rng: Any
) -> dict[str, float]:
    """Return how likely errors as large as the atoms that their errors judge are.

    As :func:`estimate` has it under the conditional null hypothesis, with ``bias="miller_madow"``.
    """
    wanted = Wanted("miller_madow", "none", 0.95, n_bootstrap, 0, "conditional", False)
    tables = ResampledTables(samples, options, wanted, rng)
    plug_in = tables.solve(iter([samples.mass.reshape(1, *samples.shape)]))
    corrected = tables.corrected(plug_in)
    errors = tables.errors(plug_in, corrected).of_field(0)
    values = named(corrected[0], options.scale)
    return {
        atom: error_p_value(atom, float(values[atom]), errors)
        for atom in JUDGED_BY_ERRORS[wanted.null]
    }
