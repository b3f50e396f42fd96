"""What several sources say without their synergy: the result, and how arrays are solved."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastpid._base.compare import Comparable
from fastpid._base.quantities import METHODS, Method, OnFailure, Unit
from fastpid._solve.options import SolveOptions, recall_options
from fastpid._solve.tables import index_of
from fastpid._solve.unions import (
    Refused,
    SolvedUnions,
    check_sources,
    report,
    solve_couplings,
    solve_unions,
)
from fastpid.result import STATUSES, Words

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class UnionInformation(Comparable):
    """What M sources say about a target without their synergy, within certified bounds.

    Values are floats for one problem and arrays of the batch shape for a batch, in `unit`. Of
    tensors they are tensors of their dtype, and carry gradients; :meth:`numpy` converts them.
    Results pickle, and compare equal if they hold the same numbers. Made by
    :func:`fastpid.union_information`.

    Attributes
    ----------
    mi : ndarray or Tensor, shape (M, ...)
        I(X_i; Z) of every source.
    lower, upper : float, ndarray or Tensor
        Certified bounds: `lower` from dual feasible potentials, `upper` from a distribution with
        the marginals given, both within ``max(mi) <= union information <= sum(mi)``.
    iterations : int, ndarray or Tensor of int
        Steps of the iterative method; 0 for a closed form.
    unit : str
        "bits" or "nats".
    details : mapping
        What else was found on the way: of :func:`fastpid.union_posteriors`.
    """

    mi: Any
    lower: Any
    upper: Any
    iterations: Any
    unit: Unit
    _status: Any
    _method: Any
    _marginals: tuple[Any, ...] = dataclasses.field(compare=False)  # (..., n_i, nz)
    _potentials: tuple[Any, ...] = dataclasses.field(compare=False)
    _tol: float = 0.0  # nats
    _tensors: bool = False  # whether values are tensors
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)

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
        """How the solve ended: a :class:`fastpid.Status`, an array of words, or Words."""
        if self._tensors:
            return Words(self._status, tuple(status.value for status in STATUSES))
        if self.shape == ():
            return STATUSES[self._status]
        return np.array([status.value for status in STATUSES])[self._status]

    @property
    def method(self) -> Any:
        """The method that gave the answer, in a word; an array of words, or Words, for a batch."""
        if self._tensors:
            return Words(self._method, METHODS)
        return METHODS[self._method] if self.shape == () else np.array(METHODS)[self._method]

    @property
    def converged(self) -> Any:
        """Whether the gap is within the requested tolerance."""
        return self._status == 0

    @property
    def potentials(self) -> tuple[Any, ...]:
        """The dual solution: lam_i, the shape of each marginal (..., n_i, nz), in nats.

        For every tuple of symbols ``logsumexp(sum_i lam_i[x_i])`` over z is at most zero, and
        ``H(Z) + sum_i sum(p_i * lam_i)`` is the dual lower bound. The derivative of the union
        information by p_i[x, z], along distributions with p(z) held fixed, is ``lam_i[x, z]``.
        """
        return self._potentials

    def coupling(self) -> Any:
        """Return a distribution that has the marginals given and is near the optimum.

        Returns
        -------
        ndarray or Tensor, shape (..., n_1, ..., n_M, nz)
            The union information is at most what it says, and that is at most about `upper`. It is
            solved for by the interior point, on the CPU, when it is asked for; without a gradient.

        Raises
        ------
        ValueError
            For more than 1e8 cells, or more than 32 sources.
        """
        flat = [_array(a).reshape(-1, *a.shape[-2:]) for a in self._marginals]
        if self._tensors:  # which are not brought to one p(z)
            refused = Refused()
            flat = check_sources(flat, normalize=False, refused=refused)[1]
            refused.blank(flat)
        q = solve_couplings(flat, self._tol, 0)
        q = q.reshape(self.shape + q.shape[1:])
        return self._marginals[0].new_tensor(q) if self._tensors else q

    def numpy(self) -> UnionInformation:
        """Return this with numbers and arrays in the place of tensors; itself if it has none.

        The result carries no gradient.
        """
        if not self._tensors:
            return self

        def plain(tensor: Any) -> Any:
            array = _array(tensor)
            return array if array.ndim else array.item()

        of_each = ("lower", "upper", "iterations", "_status", "_method")
        return dataclasses.replace(
            self,
            mi=_array(self.mi),
            _marginals=tuple(map(_array, self._marginals)),
            _potentials=tuple(map(_array, self._potentials)),
            _tensors=False,
            **{name: plain(getattr(self, name)) for name in of_each},
        )

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
            return chosen.item() if not self._tensors and np.ndim(chosen) == 0 else chosen

        def rows(arrays: tuple[Any, ...]) -> tuple[Any, ...]:
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
        if self._tensors:
            return repr(self.numpy())
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
    """Return what :func:`fastpid.union_information` says of arrays."""
    options = recall_options(method, tol, max_iter, unit, threads, normalize, on_failure)
    return _result(*solve_sources(marginals, options, "fastpid"), options)


def solve_sources(
    marginals: Sequence[Any], options: SolveOptions, *packages: str
) -> tuple[tuple[int, ...], list[Floats], SolvedUnions]:
    """Check marginals and solve them; what did not converge is reported to who calls `packages`.

    Returns
    -------
    batch_shape : tuple of int
    marginals : list of ndarray, shape (batch, n_i, nz)
    solved : SolvedUnions
    """
    refused = Refused()
    batch, flat = check_sources(marginals, options.normalize, refused)
    refused.check(options.on_failure)
    solved = solve_unions(flat, options, batch)
    refused.mark(solved)
    _report(batch, flat, solved, refused, options, packages)
    return batch, flat, solved


def report_solved(
    marginals: Sequence[Any], solved: SolvedUnions, options: SolveOptions, *packages: str
) -> None:
    """Report as :func:`solve_sources` does what was solved elsewhere, invalid problems included."""
    refused = Refused()
    batch, flat = check_sources(marginals, options.normalize, refused)
    refused.check(options.on_failure)
    _report(batch, flat, solved, refused, options, packages)


def _report(
    batch: tuple[int, ...],
    flat: list[Floats],
    solved: SolvedUnions,
    refused: Refused,
    options: SolveOptions,
    packages: tuple[str, ...],
) -> None:
    refused.blank(flat)

    def describe(flat_index: int) -> str:
        return f"problem {list(index_of(flat_index, batch))}" if batch else "the union information"

    gap = (solved.upper - solved.lower) * options.scale

    def result() -> UnionInformation:
        return _result(batch, flat, solved, options)

    report(solved.status, gap, options, describe, result, packages)
    refused.warn(options.on_failure, packages)


def _result(
    batch: tuple[int, ...], flat: list[Floats], solved: SolvedUnions, options: SolveOptions
) -> UnionInformation:
    def shaped(values: Any) -> Any:
        return values.reshape(batch) if batch else values[0].item()

    return UnionInformation(
        mi=(solved.mi * options.scale).reshape(len(flat), *batch),
        lower=shaped(solved.lower * options.scale),
        upper=shaped(solved.upper * options.scale),
        iterations=shaped(solved.iterations),
        unit=options.result_unit,
        _status=shaped(solved.status),
        _method=shaped(solved.method),
        _marginals=tuple(a.reshape(*batch, *a.shape[1:]) for a in flat),
        _potentials=tuple(a.reshape(*batch, *a.shape[1:]) for a in solved.potentials),
        _tol=options.tol,
    )


def _array(values: Any) -> Any:
    return values.detach().cpu().numpy() if hasattr(values, "detach") else values
