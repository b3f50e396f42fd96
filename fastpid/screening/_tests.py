"""Tests of pairs: in closed form for all of them, by resampling for those that may be something."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice, check_count
from fastpid._base.extras import import_extra
from fastpid._base.quantities import Terms
from fastpid._base.random import seed_sequence
from fastpid._solve.options import SolveOptions
from fastpid.estimation._intervals import (
    JUDGED_BY_ERRORS,
    NULL_OF,
    OF_PAIRS,
    SHUFFLES,
    Hypotheses,
)
from fastpid.estimation._resampled import p_values_of_errors
from fastpid.estimation._resampling import Resampler, axes_of, solve_all

NULLS = NULL_OF["conditional"]
#: A p-value above this does not depend on who finds it: nothing more is drawn.
DISMISSED = 0.2
#: What is drawn before it is asked whether more is wanted; also the fewest to fit a tail to.
FIRST_LOOK = 100
#: With fewer draws at least as large as the observed value, a fitted tail says how rare it is.
_LEAST_LARGER = 10
#: Resamples behind an error.
N_BOOTSTRAP = 100
#: W. G. Cochran's rule (Biometrics 10, 1954): one sample at least is expected in every cell, and
#: five in most of them.
_LEAST_EXPECTED, _MOST_EXPECTED, _MOST = 1.0, 5.0, 0.8


@dataclasses.dataclass(frozen=True)
class TestPlan:
    """Which tests are made, and what they draw from."""

    kind: str
    n_permutations: int
    entropy: Any
    spawn_key: tuple[int, ...]

    @classmethod
    def of(
        cls, test: Any, n_permutations: Any, weighted: bool, rng: Any, closed: str = "g"
    ) -> TestPlan:
        """Check what was asked for; `closed` is what tests in closed form are called."""
        kind = check_choice("test", test, ("none", closed, "permutation"))
        count = check_count("n_permutations", n_permutations, 0)
        if kind == "permutation" and count < FIRST_LOOK:
            raise ValueError(
                f"n_permutations={count} say too little of how rare a value is; take {FIRST_LOOK} "
                "or more"
            )
        if kind == "g" and weighted:
            raise ValueError(
                'test="g" counts samples, which weights leave without meaning; use '
                'test="permutation"'
            )
        if kind == "none":
            return NO_TESTS
        import_extra("scipy.special", f"test={kind!r}")
        seed = seed_sequence(rng)
        return cls(kind, count, seed.entropy, tuple(seed.spawn_key))

    def seed(self, pair: int) -> np.random.SeedSequence:
        """Return the seed of a pair, by its number in the screen."""
        return np.random.SeedSequence(self.entropy, spawn_key=(*self.spawn_key, pair))

    def described(self) -> dict[str, Any]:
        """Return what a checkpoint has to have in common."""
        entropy = self.entropy
        return {
            "test": self.kind,
            "n_permutations": self.n_permutations if self.kind == "permutation" else 0,
            "entropy": entropy if entropy is None or isinstance(entropy, int) else list(entropy),
            "spawn_key": list(self.spawn_key),
        }


NO_TESTS = TestPlan("none", 0, None, ())


def g_tests(
    counts: NDArray[np.float64], hypotheses: Hypotheses = OF_PAIRS
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Test what each atom needs under the conditional null hypothesis, in closed form.

    2 N times the (conditional) mutual information in nats is G, of a chi-square law if there is
    none (S. S. Wilks 1938); degrees of freedom are counted over what is occupied in every stratum.

    Parameters
    ----------
    counts : ndarray (n, n_1, ..., n_M, nz)
    hypotheses : Hypotheses
        Of M sources.

    Returns
    -------
    p_values : ndarray (n, atoms)
        By atom, in their order; of several null hypotheses the largest p-value (an
        intersection-union test, R. L. Berger 1982).
    valid : ndarray of bool (n, atoms)
        Whether enough samples are expected in the cells.
    """
    null_of = hypotheses.null_of["conditional"]
    p_values = np.zeros((len(counts), len(null_of)))
    valid = np.ones(p_values.shape, dtype=bool)
    found = {}
    for column, nulls in enumerate(null_of.values()):
        for null in nulls:
            if null not in found:
                found[null] = _g_test(_in_strata(counts, *hypotheses.shuffles[null]))
            p, fine = found[null]
            p_values[:, column] = np.maximum(p_values[:, column], p)
            valid[:, column] &= fine
    return p_values, valid


def _in_strata(counts: NDArray[np.float64], role: str, given: str) -> NDArray[np.float64]:
    """Return tables (n, strata, what is moved, nz) of tables of all sources."""
    n_axes = counts.ndim - 1
    moved, strata = (axes_of(roles, n_axes) for roles in (role, given))
    order = [*strata, *moved, n_axes - 1]
    left = tuple(1 + axis for axis in range(n_axes) if axis not in order)
    there = sorted(order)
    turned = counts.sum(axis=left).transpose(0, *(1 + there.index(axis) for axis in order))
    n_strata = math.prod(counts.shape[1 + axis] for axis in strata)
    tables: NDArray[np.float64] = turned.reshape(len(counts), n_strata, -1, counts.shape[-1])
    return tables


def _g_test(tables: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Test the independence of the last two axes in all strata (n, strata, a, b) together."""
    rows, columns = tables.sum(axis=3), tables.sum(axis=2)
    strata = rows.sum(axis=2)

    def sum_of_logs(of: NDArray[np.float64]) -> Any:
        logs = np.log(np.where(of > 0.0, of, 1.0))
        return (of * logs).reshape(len(of), -1).sum(axis=1)

    g = 2.0 * (sum_of_logs(tables) - sum_of_logs(rows) - sum_of_logs(columns) + sum_of_logs(strata))
    free = (np.count_nonzero(rows, axis=2) - 1.0) * (np.count_nonzero(columns, axis=2) - 1.0)
    df = np.maximum(free, 0.0).sum(axis=1)
    size = np.where(strata > 0.0, strata, 1.0)[..., None, None]
    expected = rows[..., :, None] * columns[..., None, :] / size
    # What a stratum of no degrees of freedom holds adds nothing to G.
    counted = (expected > 0.0) & (free > 0.0)[..., None, None]
    n_counted = counted.sum(axis=(1, 2, 3))
    least = np.where(counted, expected, np.inf).min(axis=(1, 2, 3))
    large = (counted & (expected >= _MOST_EXPECTED)).sum(axis=(1, 2, 3))
    fine = (n_counted == 0) | ((least >= _LEAST_EXPECTED) & (large >= _MOST * n_counted))
    # A rounding error below zero is none; without degrees of freedom nothing can be refuted.
    tail = import_extra("scipy.special", "test").chdtrc(np.maximum(df, 1.0), np.maximum(g, 0.0))
    return np.where(df > 0.0, tail, 1.0), fine


def tail_p_value(observed: float, null: NDArray[np.float64], gap: float, least: float) -> float:
    """Return how rare a value at least as large as `observed` is among `null`.

    The share of them that are, counting the observed one, unless they are fewer than ten: then the
    tail of the gamma distribution of their mean and variance (A. M. Winkler et al., NeuroImage 141,
    2016), but neither above that share nor below `least`.
    """
    larger = int(np.count_nonzero(null >= observed - gap))
    share = (1 + larger) / (1 + null.size)
    if larger >= _LEAST_LARGER:
        return share
    mean, variance = float(null.mean()), float(null.var(ddof=1))
    if mean <= 0.0 or variance <= 0.0:
        return min(share, least) if least > 0.0 else share
    special = import_extra("scipy.special", "test")
    fitted = float(special.gammaincc(mean**2 / variance, observed * mean / variance))
    return min(share, max(fitted, least))


class Draws(Protocol):
    """What can be drawn of one pair."""

    def under_null(
        self, null: str, count: int, seed: np.random.SeedSequence
    ) -> tuple[NDArray[np.float64], float]:
        """Return vectors (count, 4) of Terms under a null hypothesis, and the widest gap, nats."""
        ...

    def p_values_of_errors(self, seed: np.random.SeedSequence) -> dict[str, float]:
        """Return how likely errors as large as the atoms are, of those that errors judge."""
        ...


class TableDraws(NamedTuple):
    """What can be drawn of a pair of columns of symbols."""

    resampler: Resampler
    options: SolveOptions

    def under_null(
        self, null: str, count: int, seed: np.random.SeedSequence
    ) -> tuple[NDArray[np.float64], float]:
        """Return vectors (count, 4) of Terms under a null hypothesis, and the widest gap, nats."""
        tables = self.resampler.shuffle(count, seed, *SHUFFLES[null])
        return solve_all(tables, self.options, lambda done: None)

    def p_values_of_errors(self, seed: np.random.SeedSequence) -> dict[str, float]:
        """Return how likely errors as large as the atoms are, of those that errors judge."""
        return p_values_of_errors(self.resampler, self.options, N_BOOTSTRAP, seed)


class PairTest:
    """Resampling tests of the atoms of one pair."""

    def __init__(self, draws: Draws, plan: TestPlan, seed: np.random.SeedSequence) -> None:
        self._draws = draws
        self._count = plan.n_permutations
        # A stream of its own for each purpose, whatever else is tested.
        *nulls, self._errors = seed.spawn(len(SHUFFLES) + 1)
        self._streams = {n: s.spawn(2) for n, s in zip(SHUFFLES, nulls, strict=True)}
        self._drawn: dict[str, tuple[NDArray[np.float64], float]] = {}

    def p_values(
        self,
        observed: dict[str, float],
        gap: float,
        atoms: list[str],
        least: dict[str, float],
    ) -> dict[str, float]:
        """Return the p-values of some atoms, whose values are in nats.

        `least` has the p-value of the test in closed form where it is valid, and 0 where it is not:
        a fitted tail says no more than that.
        """
        out = {atom: self._first_look(atom, observed[atom], gap) for atom in atoms}
        for atom in [a for a in atoms if out[a] <= DISMISSED]:
            out[atom] = 0.0
            for null in NULLS[atom]:
                draws, widest = self._all(null)
                error = max(gap, widest)
                values = getattr(Terms.of_vector(draws), atom)
                p = tail_p_value(observed[atom], values, error, least[atom])
                out[atom] = max(out[atom], p)
        judged = [a for a in JUDGED_BY_ERRORS["conditional"] if out.get(a, 1.0) <= DISMISSED]
        if judged:
            found = self._draws.p_values_of_errors(self._errors)
            out.update({atom: max(out[atom], found[atom]) for atom in judged})
        return out

    def _first_look(self, atom: str, observed: float, gap: float) -> float:
        p = 0.0
        for null in NULLS[atom]:
            if null not in self._drawn:
                seed = self._streams[null][0]
                self._drawn[null] = self._draws.under_null(null, FIRST_LOOK, seed)
            draws, widest = self._drawn[null]
            values = getattr(Terms.of_vector(draws), atom)
            larger = np.count_nonzero(values >= observed - max(gap, widest))
            p = max(p, (1 + int(larger)) / (1 + FIRST_LOOK))
            if p > DISMISSED:
                break
        return p

    def _all(self, null: str) -> tuple[NDArray[np.float64], float]:
        draws, widest = self._drawn[null]
        missing = self._count - len(draws)
        if missing > 0:
            more, gap = self._draws.under_null(null, missing, self._streams[null][1])
            draws, widest = np.concatenate([draws, more]), max(widest, gap)
            self._drawn[null] = draws, widest
        return draws, widest
