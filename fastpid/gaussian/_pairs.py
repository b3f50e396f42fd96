"""Pairs of Gaussian channels: what a block of them says about the target."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_positive_integer
from fastpid._base.quantities import ATOMS, Codes, Terms
from fastpid._base.warn import stacklevel_outside
from fastpid._solve.gaussian.covariances import explain_bad_covariance
from fastpid._solve.gaussian.kernel import run_kernel
from fastpid._solve.gaussian.sizes import check_sizes
from fastpid._solve.options import SolveOptions
from fastpid.estimation._arrangement import check_arrangement
from fastpid.estimation._intervals import JUDGED_BY_ERRORS, SHUFFLES, error_p_value
from fastpid.estimation._problem import named
from fastpid.estimation._wanted import Wanted
from fastpid.gaussian._bias import Ranks, exact
from fastpid.gaussian._channels import Channels
from fastpid.gaussian._columns import ranks_of
from fastpid.gaussian._resampled import ResampledCovariances
from fastpid.gaussian._samples import GaussianSamples
from fastpid.gaussian._wilks import wilks_p_values
from fastpid.joint import UndersampledWarning
from fastpid.result import Status
from fastpid.screening._plans import MOST_PER_BLOCK, SourcePlan
from fastpid.screening._records import CORRECTED, KEYS, P_VALUES, PER_COLUMN, SOLVED
from fastpid.screening._tests import DISMISSED, N_BOOTSTRAP, NULLS, PairTest, TestPlan

#: One pair, as it is kept in memory and in a checkpoint.
RECORD = np.dtype(
    [
        *((name, "<i4") for name in KEYS),
        *((name, "<f8") for name in (*SOLVED, PER_COLUMN, *CORRECTED, *P_VALUES)),
    ]
)
#: Entries of the covariances of a block (8 MiB), unless batch_size says otherwise.
_ENTRIES_PER_BLOCK = 2**20


@dataclasses.dataclass(frozen=True, eq=False)
class GaussianPairs:
    """Everything that a block needs; goes to other processes as it is."""

    channels: Channels
    plan: SourcePlan
    options: SolveOptions
    tests: TestPlan

    @property
    def total(self) -> int:
        """The number of pairs."""
        return self.plan.count

    #: What a record is of, in the plural.
    what = "pairs"

    @property
    def dtype(self) -> np.dtype[Any]:
        """What is kept of a pair."""
        return RECORD

    def block_size(self, batch_size: int | str) -> int:
        """Return how many pairs are in a block."""
        if batch_size != "auto":
            return check_positive_integer("batch_size", batch_size)
        k = 2 * int(np.median(self.channels.sizes)) + len(self.channels.target_columns)
        return max(1, min(MOST_PER_BLOCK, _ENTRIES_PER_BLOCK // k**2))

    def keys(self, start: int, stop: int) -> NDArray[Any]:
        """Return records of pairs [start, stop) that say which pairs they are, and no more."""
        out = np.zeros(stop - start, RECORD)
        out["x"], out["y"] = self.plan[start:stop].T
        return out

    def block(self, start: int, stop: int) -> NDArray[Any]:
        """Return the records of pairs [start, stop)."""
        out = self.keys(start, stop)
        sizes = self.channels.sizes[np.stack([out["x"], out["y"]], axis=1)]
        # The covariances of a call to the kernel have one shape.
        for shape in np.unique(sizes, axis=0):
            rows = np.flatnonzero((sizes == shape).all(axis=1))
            m, n = shape.tolist()
            k = m + n + len(self.channels.target_columns)
            # A block of wide channels is solved a part at a time, whatever batch_size says.
            step = max(1, 4 * _ENTRIES_PER_BLOCK // k**2)
            for at in range(0, len(rows), step):
                self._fill(out, rows[at : at + step], (m, n), start)
        return out

    def _fill(
        self, records: NDArray[Any], rows: NDArray[np.intp], sources: tuple[int, int], start: int
    ) -> None:
        (m, n), d = sources, len(self.channels.target_columns)
        pairs = np.stack([records["x"][rows], records["y"][rows]], axis=1).tolist()
        columns = np.array([self.channels.of_pair(x, y) for x, y in pairs])
        covariances = self.channels.correlation[columns[:, :, None], columns[:, None, :]]
        found, codes, *_ = run_kernel(covariances, (m, n, d), self.options, solution=False)
        self._refuse_invalid(covariances, (m, n, d), Codes(*codes), pairs)
        terms = Terms(*found)
        for name, values in terms.named(SOLVED).items():
            records[name][rows] = values * self.options.scale
        n_samples = len(self.channels.values)
        records[PER_COLUMN][rows] = n_samples / (m + n + d)
        both = ranks_of(covariances[:, : m + n, : m + n])
        corrected = Terms.of_vector(exact(terms.vector(), Ranks(m, n, both, d), n_samples)).named(
            ATOMS
        )
        for name, values in zip(CORRECTED, corrected.values(), strict=True):
            records[name][rows] = values * self.options.scale
        p_values = self._test(terms, both, columns, (m, n, d), start + rows)
        for name, values in zip(P_VALUES, p_values.T, strict=True):
            records[name][rows] = values

    def _refuse_invalid(
        self,
        covariances: NDArray[np.float64],
        sizes: tuple[int, int, int],
        codes: Codes,
        pairs: list[list[int]],
    ) -> None:
        invalid = np.flatnonzero(codes.status == Status.INVALID.code)
        if not invalid.size:
            return
        first = int(invalid[0])
        x, y = (self.channels.names[i] for i in pairs[first])
        variables = check_sizes(sizes, sum(sizes))
        why = explain_bad_covariance(covariances[first], (), variables).removeprefix("cov: ")
        raise ValueError(f"channels X = {x!r} and Y = {y!r}: {why}")

    def _test(
        self,
        terms: Terms,
        both: NDArray[np.intp],
        columns: NDArray[np.intp],
        sizes: tuple[int, int, int],
        numbers: NDArray[np.intp],
    ) -> NDArray[np.float64]:
        """Return the p-values (n, 4) of pairs, of so many dimensions together."""
        if self.tests.kind == "none":
            return np.full((len(columns), len(ATOMS)), np.nan)
        m, n, d = sizes
        test = functools.partial(wilks_p_values, d=d, n_samples=len(self.channels.values))
        found = {
            ("x", ""): test(terms.mi_x, q=m, given=0),
            ("y", ""): test(terms.mi_y, q=n, given=0),
            ("x", "y"): test(terms.mi_xy - terms.mi_y, q=both - n, given=n),
            ("y", "x"): test(terms.mi_xy - terms.mi_x, q=both - m, given=m),
        }
        # Of several null hypotheses all have to be refuted (R. L. Berger 1982).
        p_values = np.stack(
            [np.max([found[SHUFFLES[null]] for null in NULLS[atom]], axis=0) for atom in ATOMS],
            axis=1,
        )
        if self.tests.kind != "permutation":
            return p_values
        values = terms.named((*ATOMS, "gap"))
        plug_in = terms.vector()
        for i in np.flatnonzero((p_values <= DISMISSED).any(axis=1)):
            draws = _Draws(self._samples(columns[i], sizes), plug_in[i], self.options)
            # A pair has the same draws wherever it is screened.
            test_of_pair = PairTest(draws, self.tests, self.tests.seed(int(numbers[i])))
            tested = test_of_pair.p_values(
                {atom: float(values[atom][i]) for atom in ATOMS},
                float(values["gap"][i]),
                [atom for atom, p in zip(ATOMS, p_values[i], strict=True) if p <= DISMISSED],
                dict(zip(ATOMS, p_values[i].tolist(), strict=True)),
            )
            for column, atom in enumerate(ATOMS):
                p_values[i, column] = tested.get(atom, p_values[i, column])
        return p_values

    def _samples(self, columns: NDArray[np.intp], sizes: tuple[int, int, int]) -> GaussianSamples:
        values = self.channels.values[:, columns]
        independent = check_arrangement(None, None, None, len(values))
        return GaussianSamples(values, sizes, independent)

    def warn_of_few(self, few: int, count: int) -> None:
        """Warn that samples are too few for so many of the pairs that are returned."""
        warnings.warn(
            f"{len(self.channels.values)} samples are too few for {few} of {count} pairs "
            "(is_sufficient of the Screen): large values of these may be chance; take more "
            "samples, or fewer columns a channel",
            UndersampledWarning,
            stacklevel=stacklevel_outside("fastpid"),
        )

    def fingerprint(self) -> dict[str, Any]:
        """Say what the screen is of, so that a checkpoint is not continued with other data."""
        digest = hashlib.sha256()
        for array in (self.channels.values, self.plan.listed, self.plan.columns):
            if array is not None:
                digest.update(np.ascontiguousarray(array).data)
        return {
            "data": digest.hexdigest(),
            "channels": [list(columns) for columns in self.channels.columns],
            "names": list(self.channels.names),
            "target": self.channels.target,
            "target_columns": list(self.channels.target_columns),
            "pairs": self.total,
            "tol": self.options.tol,
            "max_iter": self.options.max_iter,
            "unit": self.options.unit,
            **self.tests.described(),
        }


class _Draws(NamedTuple):
    """What can be drawn of a pair of channels."""

    samples: GaussianSamples
    plug_in: NDArray[np.float64]
    options: SolveOptions

    def under_null(
        self, null: str, count: int, seed: np.random.SeedSequence
    ) -> tuple[NDArray[np.float64], float]:
        """Return vectors (count, 4) of Terms under a null hypothesis, and the widest gap, nats."""
        covariances = self._covariances(0, seed)
        drawn = self.samples.null_covariances(count, seed, *SHUFFLES[null])
        return covariances.solve(drawn), covariances.largest_gap

    def p_values_of_errors(self, seed: np.random.SeedSequence) -> dict[str, float]:
        """Return how likely errors as large as the atoms are, as estimate() has it."""
        covariances = self._covariances(N_BOOTSTRAP, seed)
        errors = covariances.errors()
        values = named(covariances.corrected, self.options.scale)
        return {
            atom: error_p_value(atom, float(values[atom]), errors)
            for atom in JUDGED_BY_ERRORS["conditional"]
        }

    def _covariances(self, count: int, seed: np.random.SeedSequence) -> ResampledCovariances:
        wanted = Wanted("exact", "none", 0.95, count, 0, "conditional", False)
        return ResampledCovariances(self.samples, self.plug_in, self.options, wanted, seed)
