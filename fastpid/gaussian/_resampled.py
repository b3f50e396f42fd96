"""Every covariance that an estimate needs solved: resamples, their parts, shuffled ones."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import Terms
from fastpid._base.random import seed_sequence
from fastpid._solve.gaussian.covariances import check_covariances
from fastpid._solve.gaussian.solve import solve_covariances
from fastpid._solve.options import SolveOptions
from fastpid.estimation._bias import DIVISIONS, quadratic_extrapolation, root_extrapolation
from fastpid.estimation._intervals import SHUFFLES, Errors
from fastpid.estimation._problem import named
from fastpid.estimation._wanted import Wanted
from fastpid.gaussian._bias import (
    SIMULATIONS,
    exact,
    simulated_covariances,
    union_by_simulation,
)
from fastpid.gaussian._samples import GaussianSamples, covariances_of
from fastpid.gaussian._shrinkage import shrunk

Vectors = NDArray[np.float64]


class ResampledCovariances:
    """Every covariance that an estimate needs solved, but that of the samples.

    Vectors are those of Terms.vector(), in nats: (..., 4), and (n, ..., 4) of n draws, with the
    leading axes that the samples have.
    """

    def __init__(
        self,
        samples: GaussianSamples,
        plug_in: Vectors,
        options: SolveOptions,
        wanted: Wanted,
        rng: Any,
        shrinkage: str | float = "none",
    ) -> None:
        self.samples = samples
        self.plug_in = plug_in
        self.options = options._replace(on_failure="ignore")
        self.wanted = wanted
        self.shrinkage = shrinkage
        self.advance: Callable[[int], object] = lambda count: None
        self.largest_gap = 0.0  # nats
        # A stream of its own for each purpose: what one option draws does not depend on another.
        seed = seed_sequence(rng)
        self.seed = {"entropy": seed.entropy, "spawn_key": seed.spawn_key}
        self._streams = seed.spawn(4)
        self._null_streams = seed.spawn(len(SHUFFLES))

    @property
    def total(self) -> int:
        """How many covariances will be solved."""
        wanted, extrapolated = self.wanted, self.wanted.bias == "qe"
        total = len(wanted.kinds) * wanted.n_permutations
        if wanted.needs_errors:
            total += wanted.n_bootstrap * (7 if extrapolated else 1)
        if wanted.needs_errors or extrapolated:
            total += DIVISIONS * 2
        if extrapolated:
            total += DIVISIONS * 4
        if wanted.bias == "exact":
            total += SIMULATIONS
        return total * self.samples.n_fields

    def under_null(self, what: str) -> Vectors:
        """Return the vectors under a null hypothesis."""
        stream = self._null_streams[list(SHUFFLES).index(what)]
        count = self.wanted.n_permutations
        drawn = self.samples.null_covariances(count, stream, *SHUFFLES[what])
        return self.solve(shrunk(drawn, self.samples.n_samples, self.shrinkage))

    @functools.cached_property
    def corrected(self) -> Vectors:
        """The plug-in vector with its bias corrected."""
        if self.wanted.bias == "qe":
            return quadratic_extrapolation(self.plug_in, self._halves, self._mean_of_parts(4, 2))
        if self.wanted.bias == "none":
            return self.plug_in
        return self._by_simulation[1]

    @functools.cached_property
    def _by_simulation(self) -> tuple[Vectors, Vectors]:
        """The vector corrected as if it were smooth, and as it is."""
        samples = self.samples
        random = np.random.default_rng(self._streams[3])
        simulated = self.solve(
            simulated_covariances(samples.covariance, samples.n_samples, SIMULATIONS, random)
        )
        corrected = self._exact(self.plug_in, samples.n_samples)
        smooth = corrected.copy()
        unions = union_by_simulation(self.plug_in, corrected, simulated)
        smooth[..., 3], corrected[..., 3] = unions
        return smooth, corrected

    def errors(self) -> Errors:
        """Return what is known of the errors of the corrected vector, in the unit asked for.

        A bias that falls like 1 / sqrt(N), as at equal channels, shows in the halves once that of
        the mutual informations has been taken off. Where a kink was corrected that may be none,
        that correction is what may be left.
        """
        left = np.zeros_like(self.plug_in)
        whole, halves = self.plug_in, self._halves
        if self.wanted.bias == "exact":
            n_samples = self.samples.n_samples
            whole, halves = self._exact(whole, n_samples), self._exact(halves, n_samples // 2)
            left = self.corrected - self._by_simulation[0]
        kink = root_extrapolation(whole, halves) - self.corrected
        # What the mutual informations of a covariance are off by has no kink.
        kink[..., :3] = 0.0
        scale = self.options.scale
        drawn = self._resampled() - self.plug_in
        return Errors(named(drawn, scale), named(left, scale), named(kink, scale))

    def _resampled(self) -> Vectors:
        """Return the corrected vectors of resamples."""
        random = np.random.default_rng(self._streams[0])
        arrangement = self.samples.arrangement
        resamples = (arrangement.resample(random) for _ in range(self.wanted.n_bootstrap))
        if self.wanted.bias != "qe":
            drawn = self._moments(parts.sum(axis=0) for parts in resamples)
            # The bias is that of a number of samples: of all resamples, the same.
            return self._solve_moments(drawn) + (self.corrected - self.plug_in)
        quarters = np.stack([self._moments(parts) for parts in resamples])
        whole = self._solve_moments(quarters.sum(axis=1))
        halves = self._mean(quarters[:, 0::2] + quarters[:, 1::2])
        return quadratic_extrapolation(whole, halves, self._mean(quarters))

    @functools.cached_property
    def _halves(self) -> Vectors:
        """The average vector of halves of the samples."""
        return self._mean_of_parts(2, 1)

    def _mean_of_parts(self, parts: int, stream: int) -> Vectors:
        random = np.random.default_rng(self._streams[stream])
        divide = self.samples.arrangement.divide
        moments = np.stack([self._moments(divide(random, parts)) for _ in range(DIVISIONS)])
        return np.asarray(self._mean(moments).mean(axis=0))

    def _mean(self, moments: NDArray[np.float64]) -> Vectors:
        """Return the average vectors (n, ..., 4) of parts (n, parts, ..., k + 1, k + 1)."""
        return np.asarray(self._solve_moments(moments).mean(axis=1))

    def _moments(self, parts: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.stack([self.samples.moments(times) for times in parts])

    def _exact(self, vector: Vectors, n_samples: int) -> Vectors:
        return exact(vector, self.samples.ranks, n_samples)

    def _solve_moments(self, moments: NDArray[np.float64]) -> Vectors:
        """Return the vectors (..., 4) of the covariances of moments (..., k + 1, k + 1)."""
        n_samples = moments[..., 0, 0]
        return self.solve(shrunk(covariances_of(moments), n_samples, self.shrinkage))

    def solve(self, covariances: NDArray[np.float64]) -> Vectors:
        """Return the vectors (..., 4) of covariances (..., k, k).

        Raises
        ------
        ValueError
            If the information of some is infinite.
        """
        checked = check_covariances(covariances, self.samples.sizes)
        solved = solve_covariances(*checked, self.options)
        if solved.invalid:
            raise ValueError(
                f"X, Y and Z have resamples that cannot be decomposed, {solved.invalid}; take more "
                "samples (or groups of samples), or fewer columns"
            )
        terms = Terms(*solved.term_rows)
        self.largest_gap = max(self.largest_gap, float(terms.gap.max()))
        self.advance(len(terms.gap))
        return terms.vector().reshape(*covariances.shape[:-2], 4)
