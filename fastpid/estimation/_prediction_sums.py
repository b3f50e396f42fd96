"""Sums of soft predictions that come batch by batch, and what they say: bias and standard errors.

A sample i adds the table t_i[x, y, z] = f_i[x] g_i[y] 1[z_i = z] to the sum, f_i and g_i being what
the two classifiers predict of it. To first order a quantity is off by the mean of <q, t_i>, q its
gradient by p (delta method). No sample has to be kept for its standard error:

* The sums are kept by blocks of neighbouring samples. By how much the blocks' sums of <q, t_i>
  differ is what chance does, dependence between neighbours included.
* Of fewer than _LEAST_BLOCKS blocks, a bound: as <q, t_i> is the mean of q over symbols drawn from
  f_i and g_i, it varies by Var_p(q) at most (law of total variance), and by as much if predictions
  are certain. It is far from tight for predictions that are nearly uniform: with f and g within e
  of it, the bound is of the order of e, while <q, t_i> varies by e^2.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_bool
from fastpid._base.quantities import QUANTITIES, Terms, Unit
from fastpid._solve import kernel
from fastpid._solve.options import SolveOptions, check_options
from fastpid._solve.solve import Solved, solve_tables
from fastpid._solve.threads import count_threads
from fastpid.estimation._bias import miller_madow
from fastpid.estimation._occupancy import Occupancy, worth_of_predictions
from fastpid.joint._predictions import read_predictions, sum_by_class

#: How every quantity, in this order, depends on mi_x, mi_y, mi_xy and the union information.
_COMBINATIONS = np.stack([*Terms.of_vector(np.eye(4)).named().values()])
#: Blocks of a table; fewer of large ones, whose blocks would take more cells than that.
_BLOCKS = 16
_MOST_CELLS = 2**22
#: Products of predictions that are in memory at a time (8 MiB).
_CELLS_AT_A_TIME = 2**20
#: Fewer blocks say little of how much they vary.
_LEAST_BLOCKS = 8
#: Neighbours that go to the same block; the next ones go to the next.
_RUN = 8


class PredictionSums:
    """The sums that a joint table of predictions and its uncertainty are made of.

    They stand in one vector, so that the sums of several processes can be added up; their size does
    not depend on the number of samples. :func:`fastpid.estimate_predictions` does more where all
    samples are at hand.

    Parameters
    ----------
    shape : (nx, ny, nz)
        How many classes the two classifiers and the labels have.
    errors : bool
        Whether standard errors will be wanted. Without them there are no sums of blocks, which take
        half of the time.

    Attributes
    ----------
    sums : ndarray
        The vector; that of another process may be added to it.

    Examples
    --------
    >>> import numpy as np
    >>> from fastpid.estimation import PredictionSums
    >>> rng = np.random.default_rng(0)
    >>> sums = PredictionSums((2, 2, 2))
    >>> for _ in range(20):
    ...     z = rng.integers(0, 2, 50)
    ...     logits = 2.0 * np.eye(2)[z] + rng.normal(size=(2, 50, 2))
    ...     sums.add(*logits, z, logits=True)
    >>> found = sums.measure()
    >>> bool(found.values["redundancy"] > 5 * found.errors["redundancy"])
    True
    """

    def __init__(self, shape: tuple[int, int, int], *, errors: bool = True) -> None:
        nx, ny, nz = shape
        self.shape = shape
        self.errors = check_bool("errors", errors)
        self._n_blocks = max(1, min(_BLOCKS, _MOST_CELLS // (nx * ny * nz))) if errors else 1
        #: The tables of all blocks, the squares of the whole and of its marginals, the counts.
        shapes = ((self._n_blocks, *shape), shape, (nx, nz), (ny, nz), (self._n_blocks,))
        ends = [0, *itertools.accumulate(map(math.prod, shapes))]
        self._places = [*zip(map(slice, ends, ends[1:]), shapes, strict=True)]
        self.sums = np.zeros(ends[-1])

    def add(self, probs_x: Any, probs_y: Any, z: Any, *, logits: bool = False) -> None:
        """Add samples.

        Parameters
        ----------
        probs_x, probs_y : array_like, shape (n, nx) and (n, ny)
            Probabilities, or with ``logits=True`` logits.
        z : array_like of int, shape (n,)
            Labels below nz.

        Raises
        ------
        ValueError, TypeError
            As :func:`fastpid.joint.from_predictions`; for other numbers of classes.
        """
        nx, ny, nz = self.shape
        given = read_predictions(
            probs_x, probs_y, z, num_classes=nz, weights=None, mask=None, logits=logits
        )
        if (given.x.shape[1], given.y.shape[1]) != (nx, ny) or given.labels.ndim != 1:
            raise ValueError(
                f"probs_x and probs_y must have {nx} and {ny} columns and z be integers (n,); got "
                f"shapes {given.x.shape}, {given.y.shape} and {given.labels.shape}"
            )
        self.add_checked(given.x, given.y, given.labels.astype(np.int64))

    def add_checked(
        self, x: NDArray[np.float64], y: NDArray[np.float64], labels: NDArray[np.int64]
    ) -> None:
        """Add samples that need no check."""
        nz = self.shape[2]
        of_class = np.eye(nz)[labels]
        x_squared, y_squared = x * x, y * y
        tables, squares, of_x, of_y, counts = self._parts()
        squares += sum_by_class(x_squared, y_squared, labels, nz)
        of_x += x_squared.T @ of_class
        of_y += y_squared.T @ of_class
        # By how many samples came before it, so that it makes no difference how they are batched.
        blocks = (int(counts.sum()) + np.arange(len(labels))) // _RUN % self._n_blocks
        counts += np.bincount(blocks, minlength=self._n_blocks)
        if self._n_blocks == 1:
            tables[0] += sum_by_class(x, y, labels, nz)
            return
        step = max(1, _CELLS_AT_A_TIME // (x.shape[1] * y.shape[1]))
        for start in range(0, len(labels), step):
            some = slice(start, start + step)
            self._add_to_blocks(tables, blocks[some] * nz + labels[some], x[some], y[some])

    def _add_to_blocks(
        self,
        tables: NDArray[np.float64],
        keys: NDArray[np.int64],
        x: NDArray[np.float64],
        y: NDArray[np.float64],
    ) -> None:
        """Add samples to the tables of their blocks and labels, which make up their keys."""
        order = np.argsort(keys, kind="stable")
        sorted_keys = keys[order]
        starts = np.flatnonzero(np.diff(sorted_keys, prepend=-1))
        joint = np.add.reduceat(x[order, :, None] * y[order, None, :], starts, axis=0)
        block, label = np.divmod(sorted_keys[starts], self.shape[2])
        tables[block, :, :, label] += joint

    @property
    def n_samples(self) -> float:
        """The number of samples."""
        return float(self._parts()[4].sum())

    @property
    def mass(self) -> float:
        """The sum of the table: the number of samples, up to rounding."""
        return float(self._parts()[0].sum())

    @property
    def p(self) -> NDArray[np.float64]:
        """The joint table (nx, ny, nz)."""
        joint = self._parts()[0].sum(axis=0)
        return np.ascontiguousarray(joint / joint.sum())

    @property
    def squares_alone(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The sums of squared predictions of each classifier by label, (nx, nz) and (ny, nz)."""
        _, _, of_x, of_y, _ = self._parts()
        return of_x, of_y

    def occupancy(self) -> Occupancy:
        """How many cells the predictions are worth: of the table and each of its marginals."""
        tables, squares, of_x, of_y, _ = self._parts()
        return worth_of_predictions(tables.sum(axis=0), squares, of_x, of_y)

    def measure(self, *, unit: Unit = "bits", tol: float = 1e-6) -> Measurement:
        """Return what the sums say: values with their bias taken out, and standard errors.

        Parameters
        ----------
        unit : {"bits", "nats"}
        tol : float
            As for :func:`fastpid.decompose`.

        Raises
        ------
        ValueError
            If there are no samples.
        """
        if self.n_samples == 0:
            raise ValueError("there are no samples yet; add() some")
        options = check_options("auto", tol, None, unit, None, False, "ignore")
        return measure([self], options)[0]

    def covariance(self, gradients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the covariance (m, m) of the mean of gradients (m, cells) over samples."""
        tables, _, _, _, counts = self._parts()
        joint = tables.reshape(self._n_blocks, -1)
        p, n = joint.sum(axis=0) / joint.sum(), float(counts.sum())
        # All are 1-homogeneous in p: the means of their gradients are they themselves.
        deviations = gradients - (gradients @ p)[:, None]
        filled = int(np.count_nonzero(counts))
        if filled < _LEAST_BLOCKS:
            return np.asarray((deviations * p) @ deviations.T / n)
        of_blocks = deviations @ joint.T
        return np.asarray(of_blocks @ of_blocks.T * filled / (filled - 1) / n**2)

    def _parts(self) -> tuple[NDArray[np.float64], ...]:
        """Return views of the vector: what is added to them is added to it."""
        return tuple(self.sums[place].reshape(shape) for place, shape in self._places)


class Measurement(NamedTuple):
    """What sums of predictions say.

    Attributes
    ----------
    values : mapping of str to float
        Atoms, mutual information and union information, their bias taken out by the numbers of
        cells that the predictions are worth (Miller 1955); they may be negative.
    errors : mapping of str to float
        Their standard errors; bounds of these if there are fewer than 64 samples. Empty of sums
        that are made without.
    gap : float
        The width of the certified bracket around the plug-in union information.
    """

    values: Mapping[str, float]
    errors: Mapping[str, float]
    gap: float


def measure(
    tables: Sequence[PredictionSums], options: SolveOptions, design_effect: float = 1.0
) -> list[Measurement]:
    """Decompose tables of one shape, so many samples of which count for one independent one.

    All of them with standard errors, or none.
    """
    stack = np.stack([table.p for table in tables])
    solved = solve_tables(stack, options, potentials=tables[0].errors)
    plug_in, gaps = solved.terms.vector(), solved.terms.gap
    errors = _errors(tables, stack, solved, options, design_effect)
    measurements = []
    for i, table in enumerate(tables):
        corrected = miller_madow(plug_in[i], table.occupancy(), table.n_samples / design_effect)
        values = _COMBINATIONS @ corrected * options.scale
        measurements.append(
            Measurement(
                values=dict(zip(QUANTITIES, values.tolist(), strict=True)),
                errors=errors[i],
                gap=float(gaps[i]) * options.scale,
            )
        )
    return measurements


def _errors(
    tables: Sequence[PredictionSums],
    stack: NDArray[np.float64],
    solved: Solved,
    options: SolveOptions,
    design_effect: float,
) -> list[dict[str, float]]:
    """Return the standard errors of every table's quantities, from the potentials of its solve."""
    if not tables[0].errors:
        return [{} for _ in tables]
    threads = count_threads(options.threads, stack.size)
    gradients = [
        kernel.gradient(
            *(stack, solved.p_xz, solved.p_yz, solved.lam, solved.mu),
            np.tile(term, (len(stack), 1)),
            False,
            threads,
        ).reshape(len(stack), -1)
        for term in np.eye(4)
    ]
    found = []
    for i, table in enumerate(tables):
        covariance = table.covariance(np.stack([gradient[i] for gradient in gradients]))
        variances = ((_COMBINATIONS @ covariance) * _COMBINATIONS).sum(axis=1) * design_effect
        errors = np.sqrt(np.maximum(variances, 0.0)) * options.scale
        found.append(dict(zip(QUANTITIES, errors.tolist(), strict=True)))
    return found
