"""decompose(): tables in, certified decompositions out."""

from __future__ import annotations

import functools
import os
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid import _core
from fastpid._validate import (
    MASS_TOLERANCE,
    METHODS,
    NATS_PER_UNIT,
    ON_FAILURE,
    check_bool,
    check_choice,
    check_max_iter,
    check_num_threads_variable,
    check_tables,
    check_threads,
    check_tol,
    check_unit,
    explain_bad_table,
    explain_not_exact,
)
from fastpid.result import ConvergenceError, ConvergenceWarning, Decomposition, Status

__all__ = ["decompose"]

#: Status codes of the kernel that never reach a result: they become exceptions.
_NOT_EXACT = 5

#: Below this many table cells a second thread costs more than it saves.
_CELLS_PER_THREAD = 8192


def decompose(
    p: Any,
    *,
    method: str = "auto",
    tol: float = 1e-9,
    max_iter: int | None = None,
    unit: str = "bits",
    threads: int | None = None,
    normalize: bool = False,
    on_failure: str = "warn",
) -> Decomposition:
    """Decompose what two sources say about a target, with a certificate.

    Computes the BROJA partial information decomposition [1]_ of the joint distribution
    ``p[x, y, z]`` of the sources X and Y and the target Z: what they say about Z redundantly, each
    uniquely, and only together (synergy).

    Parameters
    ----------
    p : array_like, shape (..., nx, ny, nz)
        Joint probabilities; the last axis is the target. Leading axes are a batch, every table of
        which is solved and certified by itself. Computed in float64.
    method : {"auto", "proxy", "gradient", "newton", "exact"}
        "proxy" is the closed-form two-sided bracket from the coupling that makes the sources
        independent given the target. "exact" is the closed form for targets with two symbols and
        for tables whose pairwise marginals determine them. "newton" is a primal-dual interior
        point, "gradient" accelerated mirror descent. "auto" takes a closed form where there is one
        and else whichever of the two is expected to reach `tol` sooner.
    tol : float
        The largest accepted gap ``upper - lower``, in `unit`.
    max_iter : int, optional
        Largest number of iterations, of each method that "auto" tries; by default 100 for "newton"
        and 5000 for "gradient".
    unit : {"bits", "nats"}
        Of everything reported.
    threads : int, optional
        Threads over the batch, or within a table of some ten thousand cells or more; by default the
        environment variable ``FASTPID_NUM_THREADS`` or else the processors this process may run on.
        The results do not depend on it, bit for bit.
    normalize : bool
        Divide every table by its sum first (tables of counts, unnormalised weights). Otherwise
        every table must sum to 1 within 1e-6.
    on_failure : {"warn", "raise", "ignore"}
        What to do about tables whose gap stays above `tol`: a :class:`ConvergenceWarning`, a
        :class:`ConvergenceError` that carries the result, or nothing. Either way their bounds hold
        and their `status` says what happened. In a batch, tables that hold no probabilities (NaN,
        negative entries, a wrong sum) have status INVALID and NaN for results; under "raise", and
        wherever no table is valid, they raise ValueError.

    Returns
    -------
    Decomposition
        Floats for a single table, arrays of the batch shape otherwise.

    Raises
    ------
    ValueError
        For values that make no sense: `p` with fewer than three axes, an empty axis, ragged, or
        without a valid table in it; an unknown `method`, `unit` or `on_failure`; a `tol`,
        `max_iter` or `threads` out of range; ``method="exact"`` on a table that has no closed form.
    TypeError
        For types that make no sense: complex, boolean or object `p`, a string for `tol`, and so on.

    References
    ----------
    .. [1] N. Bertschinger, J. Rauh, E. Olbrich, J. Jost, N. Ay, "Quantifying unique information",
       Entropy 16, 2014, doi:10.3390/e16042161.

    Examples
    --------
    >>> import fastpid
    >>> d = fastpid.decompose(fastpid.gates.xor())
    >>> d.synergy, d.redundancy
    (1.0, 0.0)
    >>> d.gap <= 1e-9
    True
    """
    code = METHODS.index(check_choice("method", method, METHODS))
    unit = check_unit(unit)
    tol = check_tol(tol)
    steps = check_max_iter(max_iter) or 0
    check_choice("on_failure", on_failure, ON_FAILURE)
    normalize = check_bool("normalize", normalize)
    workers = check_threads(threads)
    tables = check_tables(p)

    batch_shape = tables.shape[:-3]
    batch = tables.reshape((-1, *tables.shape[-3:]))
    workers = _workers(workers, batch)
    tol_nats = tol * NATS_PER_UNIT[unit]
    informations, codes, p_xz, p_yz = _core.decompose(
        batch, code, tol_nats, steps, workers, normalize, MASS_TOLERANCE
    )
    iterations, status, methods = codes

    bad = bool(status.any())
    invalid = np.flatnonzero(status == Status.INVALID) if bad else None
    complaint = ""
    if invalid is not None and invalid.size:
        complaint = _explain_invalid(batch, batch_shape, invalid, normalize)
        if on_failure == "raise" or invalid.size == len(batch):
            raise ValueError(complaint)
    if bad and (status == _NOT_EXACT).any():
        first = int(np.flatnonzero(status == _NOT_EXACT)[0])
        raise ValueError(explain_not_exact(batch[first], _index(first, batch_shape)))

    solution = _KernelSolution(p_xz, p_yz, methods, status, batch_shape, tol_nats, steps, workers)
    mi_x, mi_y, mi_xy, lower, upper = informations
    if batch_shape == ():
        result = Decomposition.from_union(
            mi_x=float(mi_x[0]),
            mi_y=float(mi_y[0]),
            mi_xy=float(mi_xy[0]),
            union_information=0.5 * float(lower[0] + upper[0]),
            lower=float(lower[0]),
            upper=float(upper[0]),
            iterations=int(iterations[0]),
            status=Status(int(status[0])),
            method=METHODS[int(methods[0])],
            unit=unit,
            solution=solution,
        )
    else:
        result = Decomposition.from_union(
            mi_x=mi_x.reshape(batch_shape),
            mi_y=mi_y.reshape(batch_shape),
            mi_xy=mi_xy.reshape(batch_shape),
            union_information=(0.5 * (lower + upper)).reshape(batch_shape),
            lower=lower.reshape(batch_shape),
            upper=upper.reshape(batch_shape),
            iterations=iterations.reshape(batch_shape),
            status=status.astype(np.int8).reshape(batch_shape),
            method=np.array(METHODS)[methods].reshape(batch_shape),
            unit=unit,
            solution=solution,
        )
    if bad and on_failure != "ignore":
        _report_failures(result, status, batch_shape, complaint, on_failure)
    return result


def _index(flat: int, batch_shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, batch_shape)) if batch_shape else ()


def _explain_invalid(
    batch: NDArray[np.float64],
    batch_shape: tuple[int, ...],
    invalid: NDArray[np.intp],
    normalize: bool,
) -> str:
    first = int(invalid[0])
    text = explain_bad_table(batch[first], _index(first, batch_shape), normalize)
    if len(batch) > 1:
        text += f" [{invalid.size} of {len(batch)} tables are invalid]"
    return text


def _report_failures(
    result: Decomposition,
    status: NDArray[np.int32],
    batch_shape: tuple[int, ...],
    complaint: str,
    on_failure: str,
) -> None:
    """Warn of (or raise about) tables that did not converge; `complaint` is about invalid ones."""
    failed = np.flatnonzero((status == Status.MAX_ITERATIONS) | (status == Status.STALLED))
    if failed.size:
        first = int(failed[0])
        index = _index(first, batch_shape)
        where = f"table {list(index)}" if index else "the table"
        gap = float(np.asarray(result.gap)[index])
        text = (
            f"{where}: {Status(int(status[first])).message} "
            f"(gap {gap:.2e} {result.unit}, {int(np.asarray(result.iterations)[index])} iterations)"
        )
        if failed.size > 1:
            text += f" [{failed.size} of {status.size} tables did not converge]"
        if on_failure == "raise":
            raise ConvergenceError(text, result)
        warnings.warn(text, ConvergenceWarning, stacklevel=3)
    if complaint:
        warnings.warn(complaint, ConvergenceWarning, stacklevel=3)


def _workers(threads: int | None, batch: NDArray[np.float64]) -> int:
    """How many threads to use: what was asked for, less where there is too little to do."""
    if threads is None:
        threads = check_num_threads_variable(os.environ.get("FASTPID_NUM_THREADS"))
    if threads is None:
        try:
            threads = len(os.sched_getaffinity(0))
        except AttributeError:  # not Linux
            threads = os.cpu_count() or 1
    return max(1, min(threads, batch.size // _CELLS_PER_THREAD))


class _KernelSolution:
    """The solution behind a result, solved for again from the marginals when it is asked for.

    The kernel is deterministic, so this is the very solution that was certified; keeping the
    marginals rather than it makes large batches light and p free to be changed.
    """

    def __init__(
        self,
        p_xz: NDArray[np.float64],
        p_yz: NDArray[np.float64],
        methods: NDArray[np.int32],
        status: NDArray[np.int32],
        batch_shape: tuple[int, ...],
        tol: float,
        max_iter: int,
        threads: int,
    ) -> None:
        self._p_xz = p_xz
        self._p_yz = p_yz
        self._methods = methods
        self._status = status
        self._batch_shape = batch_shape
        self._options = (tol, max_iter, threads)

    @functools.cached_property
    def potentials(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        lam, mu = self._solve(coupling=False)[:2]
        return self._batched(lam), self._batched(mu)

    def coupling(self) -> NDArray[np.float64]:
        _, _, s, u, v = self._solve(coupling=True)
        q: NDArray[np.float64] = s[:, :, :, None] * u[:, :, None, :] * v[:, None, :, :]
        # q's marginals are dominated by p's. What is missing is added as a product, per z
        # (Altschuler, Weed and Rigollet 2017), which makes them exact.
        missing_x = np.maximum(self._p_xz - q.sum(axis=2), 0.0)
        missing_y = np.maximum(self._p_yz - q.sum(axis=1), 0.0)
        mass = missing_x.sum(axis=1)
        scale = np.divide(1.0, mass, out=np.zeros_like(mass), where=mass > 0.0)
        q += missing_x[:, :, None, :] * (missing_y * scale[:, None, :])[:, None, :, :]
        return self._batched(q)

    def _batched(self, array: NDArray[np.float64]) -> NDArray[np.float64]:
        return array.reshape(self._batch_shape + array.shape[1:])

    def _solve(self, *, coupling: bool) -> tuple[NDArray[np.float64], ...]:
        """Lam, mu, and s, u, v with s u v the dominated coupling; NaN for invalid tables."""
        valid = self._status != Status.INVALID
        nb, nx, nz = self._p_xz.shape
        ny = self._p_yz.shape[1]
        shapes = ((nx, nz), (ny, nz), (nx, ny), (nx, nz), (ny, nz))
        out = tuple(np.full((nb, *shape), np.nan) for shape in shapes)
        for code in np.unique(self._methods[valid]).tolist():
            rows = np.flatnonzero(valid & (self._methods == code))
            solved = _core.solve(self._p_xz[rows], self._p_yz[rows], code, *self._options, coupling)
            for target, part in zip(out, solved, strict=True):
                target[rows] = part
        return out
