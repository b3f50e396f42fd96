"""The public union_information(): what several sources say without their synergy."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastpid._base.compare import Comparable
from fastpid._base.quantities import METHODS, NATS_PER_UNIT, Method, OnFailure, Unit
from fastpid._solve.options import recall_options
from fastpid._solve.tables import index_of
from fastpid._solve.unions import check_sources, report, solve_couplings, solve_unions
from fastpid.result import STATUSES

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class UnionInformation(Comparable):
    """What M sources say about a target without their synergy, within certified bounds.

    Values are floats for one problem and arrays of the batch shape for a batch, in `unit`. Results
    pickle, and compare equal if they hold the same numbers. Made by
    :func:`fastpid.union_information`.

    Attributes
    ----------
    mi : ndarray, shape (M, ...)
        I(X_i; Z) of every source.
    lower, upper : float or ndarray
        Certified bounds: `lower` from dual feasible potentials, `upper` from a distribution with
        the marginals given, both within ``max(mi) <= union information <= sum(mi)``.
    iterations : int or ndarray of int
        Steps of the iterative method; 0 for a closed form.
    unit : str
        "bits" or "nats".
    """

    mi: Floats
    lower: Any
    upper: Any
    iterations: Any
    unit: Unit
    _status: Any
    _method: Any
    _marginals: tuple[Floats, ...] = dataclasses.field(compare=False)  # (..., n_i, nz)
    _potentials: tuple[Floats, ...] = dataclasses.field(compare=False)
    _tol: float = 0.0  # nats

    @property
    def value(self) -> Any:
        """The union information: the middle of the bracket."""
        return 0.5 * (self.lower + self.upper)

    @property
    def gap(self) -> Any:
        """``upper - lower``, the certificate."""
        return self.upper - self.lower

    @property
    def shape(self) -> tuple[int, ...]:
        """The batch shape; () for one problem."""
        return tuple(np.shape(self.lower))

    @property
    def status(self) -> Any:
        """How the solve ended: a :class:`fastpid.Status`, or an array of words."""
        if self.shape == ():
            return STATUSES[self._status]
        return np.array([status.value for status in STATUSES])[self._status]

    @property
    def method(self) -> Any:
        """The method that gave the answer, in a word; an array of words for a batch."""
        return METHODS[self._method] if self.shape == () else np.array(METHODS)[self._method]

    @property
    def converged(self) -> Any:
        """Whether the gap is within the requested tolerance."""
        return self._status == 0

    @property
    def potentials(self) -> tuple[Floats, ...]:
        """The dual solution: lam_i, the shape of each marginal (..., n_i, nz), in nats.

        For every tuple of symbols ``logsumexp(sum_i lam_i[x_i])`` over z is at most zero, and
        ``H(Z) + sum_i sum(p_i * lam_i)`` is the dual lower bound. The derivative of the union
        information by p_i[x, z], along distributions with p(z) held fixed, is ``lam_i[x, z]``.
        """
        return self._potentials

    def coupling(self) -> Floats:
        """Return a distribution that has the marginals given and is near the optimum.

        Returns
        -------
        ndarray, shape (..., n_1, ..., n_M, nz)
            The union information is at most what it says, and that is at most about `upper`. It is
            solved for by the interior point when it is asked for.

        Raises
        ------
        ValueError
            For more than 1e8 cells, or more than 32 sources.
        """
        flat = [a.reshape(-1, *a.shape[-2:]) for a in self._marginals]
        q = solve_couplings(flat, self._tol, 0)
        return q.reshape(self.shape + q.shape[1:])

    def __len__(self) -> int:
        """Return the length of the first axis of the batch."""
        if not self.shape:
            raise TypeError("the UnionInformation of one problem has no length")
        return self.shape[0]

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, key: Any) -> UnionInformation:
        """Return part of a batch, indexed as an array of the batch shape would be."""
        if not self.shape:
            raise TypeError("the UnionInformation of one problem cannot be indexed")
        at = np.arange(int(np.prod(self.shape))).reshape(self.shape)[key]

        def part(values: Any) -> Any:
            chosen = values.reshape(-1)[at]
            return chosen.item() if np.ndim(chosen) == 0 else chosen

        def rows(arrays: tuple[Floats, ...]) -> tuple[Floats, ...]:
            return tuple(a.reshape(-1, *a.shape[-2:])[at] for a in arrays)

        return dataclasses.replace(
            self,
            mi=self.mi.reshape(len(self.mi), -1)[:, at],
            lower=part(self.lower),
            upper=part(self.upper),
            iterations=part(self.iterations),
            _status=part(self._status),
            _method=part(self._method),
            _marginals=rows(self._marginals),
            _potentials=rows(self._potentials),
        )

    def __repr__(self) -> str:
        count = len(self.mi)
        if self.shape:
            return (
                f"UnionInformation of {count} sources, a batch of shape {self.shape} "
                f"({self.unit}): largest gap {np.max(self.gap):.1e}, "
                f"{int(np.sum(self.converged))} of {np.size(self.lower)} converged"
            )
        return (
            f"UnionInformation of {count} sources: {self.value:.6f} {self.unit}, in "
            f"[{self.lower:.9g}, {self.upper:.9g}], gap {self.gap:.1e}; {self.status} "
            f"({self.method})"
        )


def union_information(
    marginals: Sequence[ArrayLike],
    *,
    method: Method = "auto",
    tol: float = 1e-9,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    normalize: bool = False,
    on_failure: OnFailure = "warn",
) -> UnionInformation:
    """Return what M >= 2 sources say about a target without their synergy, with certified bounds.

    The union information of Bertschinger et al. [1]_ is the least I_q(X_1, ..., X_M; Z) of all
    distributions q that share the marginals (x_i, z) with the true one, so these marginals are all
    that it depends on. For two sources it is the `union_information` of
    :func:`fastpid.decompose_marginals`. For a binary target it has a closed form for thousands of
    sources.

    Parameters
    ----------
    marginals : sequence of array_like, each of shape (..., n_i, nz)
        Probabilities p(x_i, z), one array a source; the last axis is the target. Leading axes are a
        batch, and are broadcast against one another. All must have the same p(z): they may differ
        by 1e-6 nowhere, and differences beyond rounding are taken out before anything is solved,
        by giving all the geometric mean of the p(z).
    method : {"auto", "proxy", "gradient", "newton", "exact"}
        As for :func:`fastpid.decompose`. "auto" takes the closed form for a binary target, then the
        interior point over all tuples of symbols, or mirror descent where these are so many that
        its system would not fit.
    tol : float
        The largest accepted gap, in `unit`.
    max_iter : int, optional
        The limit of the iterative methods; their own by default.
    unit : {"bits", "nats"}
    threads : int, optional
        For batches; by default all processors, or ``FASTPID_NUM_THREADS``. Results do not depend on
        it.
    normalize : bool
        Divide each marginal by its sum first. Otherwise each must sum to 1 within 1e-6.
    on_failure : {"warn", "raise", "ignore"}
        What to do about problems that stay outside `tol`; their bounds hold.

    Returns
    -------
    UnionInformation

    Raises
    ------
    ValueError
        For fewer than two sources; for marginals that are no distributions, or whose p(z) differ
        (with the pair and the difference); for batches or numbers of target symbols that do not go
        together; for a target that is not binary, where tuples of symbols (those with the same
        posterior merged) times target symbols are more than 1e8; for unknown options.
    TypeError
        For values that are not real numbers; for one array in the place of a sequence.
    ConvergenceError
        Under ``on_failure="raise"``.

    See Also
    --------
    fastpid.decompose_many : From the joint table, with all that follows from it.

    References
    ----------
    .. [1] N. Bertschinger, J. Rauh, E. Olbrich, J. Jost, N. Ay, "Quantifying unique information",
       Entropy 16, 2014, doi:10.3390/e16042161.

    Examples
    --------
    >>> import fastpid
    >>> p = fastpid.gates.parity(3)
    >>> each = [p.sum(axis=(1, 2)), p.sum(axis=(0, 2)), p.sum(axis=(0, 1))]
    >>> fastpid.union_information(each).value
    0.0
    """
    options = recall_options(method, tol, max_iter, unit, threads, normalize, on_failure)
    batch, flat = check_sources(marginals, options.normalize)
    solved = solve_unions(flat, options, batch)
    scale = 1.0 / NATS_PER_UNIT[options.unit]

    def shaped(values: Any) -> Any:
        return values.reshape(batch) if batch else values[0].item()

    result = UnionInformation(
        mi=(solved.mi * scale).reshape(len(flat), *batch),
        lower=shaped(solved.lower * scale),
        upper=shaped(solved.upper * scale),
        iterations=shaped(solved.iterations),
        unit=options.result_unit,
        _status=shaped(solved.status),
        _method=shaped(solved.method),
        _marginals=tuple(a.reshape(*batch, *a.shape[1:]) for a in flat),
        _potentials=tuple(a.reshape(*batch, *a.shape[1:]) for a in solved.potentials),
        _tol=options.tol,
    )

    def describe(flat_index: int) -> str:
        return f"problem {list(index_of(flat_index, batch))}" if batch else "the union information"

    gap = (solved.upper - solved.lower) * scale
    report(solved.status, gap, options, describe, lambda: result)
    return result
