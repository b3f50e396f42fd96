"""decompose_many() of tensors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from fastpid._base.quantities import METHODS, Method, OnFailure, Unit
from fastpid._many import ManyDecomposition
from fastpid._many._blocks import check_blocks, merge_axes
from fastpid._many._coverage import Subset
from fastpid._many._decompose import (
    check_n_sources,
    check_subsets,
    check_values,
    describe_set,
    neighbours_of,
)
from fastpid._solve.options import SolveOptions, check_options, recall_options
from fastpid._solve.unions import report
from fastpid.result import Decomposition
from fastpid.torch import _ops
from fastpid.torch._checks import array_of, check_floating
from fastpid.torch._decompose import run
from fastpid.torch._unions import solve_union

_PROXY, _EXACT = METHODS.index("proxy"), METHODS.index("exact")


def decompose_many(
    p: Tensor,
    *,
    n_sources: int | None = None,
    sources: Sequence[Iterable[int]] | None = None,
    subsets: str | Sequence[Iterable[int]] = "all",
    method: Method = "auto",
    tol: float = 1e-9,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    normalize: bool = False,
    on_failure: OnFailure = "warn",
) -> ManyDecomposition:
    """Decompose what several sources say about a target, differentiably.

    :func:`fastpid.decompose_many` does the same for tensors; its parameters are explained there.

    Parameters
    ----------
    p : Tensor, shape (..., n_1, ..., n_M, nz)
        Floating-point, on the CPU or a CUDA device. Computed in float64. On a CUDA device sets of
        more than two sources are solved there in large batches of small tables, otherwise on the
        CPU.
    n_sources, sources, subsets, method, tol, max_iter, unit, threads, normalize, on_failure
        As for :func:`fastpid.decompose_many`.

    Returns
    -------
    ManyDecomposition
        Tensors of the batch shape, on p's device. Everything that is an information has p's dtype
        and is differentiable by p, that of `pairs` included.

    Raises
    ------
    TypeError
        If `p` is not a dense floating-point tensor.
    ValueError
        As :func:`fastpid.decompose_many`.
    RuntimeError
        When differentiated twice.

    Notes
    -----
    The gradient of the union information of a set comes from its own potentials, as those of
    :func:`fastpid.torch.decompose` do, whichever set gave the better bound; it is the same for both
    bounds, and that of `gap` is zero. Where p is zero the same conventions hold. Under
    torch.compile and vmap, where values cannot be looked at, what does not converge is reported set
    by set, before the bounds of one serve the others.

    Examples
    --------
    >>> import torch, fastpid
    >>> logits = torch.zeros(2, 2, 2, 3, dtype=torch.float64, requires_grad=True)
    >>> p = logits.flatten().softmax(0).view(2, 2, 2, 3)
    >>> fastpid.decompose_many(p).redundancy.backward()
    >>> logits.grad.shape
    torch.Size([2, 2, 2, 3])
    """
    check = check_options if torch.compiler.is_compiling() else recall_options
    options = check(method, tol, max_iter, unit, threads, normalize, on_failure)
    check_floating("p", p, "pass p.double(), with normalize=True if it holds counts")
    count = check_n_sources(tuple(p.shape), n_sources)
    batch = tuple(p.shape[: -1 - count])
    tables = p.to(torch.float64).reshape(-1, *p.shape[-1 - count :])
    values = array_of(tables)
    if values is not None:
        check_values(values, batch, options.normalize, n_sources is None)
    if options.normalize:
        tables = tables / tables.sum(dim=tuple(range(1, tables.dim())), keepdim=True)
    if sources is not None:
        tables = merge_axes(tables, check_blocks(sources, count))
        count = tables.dim() - 2
    wanted = check_subsets(subsets, count)
    given = options._replace(normalize=False)
    if values is not None:  # reported when all is known
        given = given._replace(on_failure="ignore")
    solved = _Solved(tables.reshape(*batch, *tables.shape[1:]), wanted, given, p.dtype)
    lower, upper = solved.bounds()
    status = torch.where((solved.status != 0) & (upper - lower <= options.tol), 0, solved.status)
    result = ManyDecomposition(
        n_sources=count,
        subsets=tuple(wanted),
        unit=options.result_unit,
        pairs=solved.pairs,
        _lower=lower,
        _upper=upper,
        _mi_joint=solved.mi_joint,
        _iterations=solved.iterations,
        _status=status,
        _method=solved.method,
        _dtype=p.dtype,
    )
    if options.on_failure != "ignore":
        found, gap = array_of(status), array_of((upper - lower) * options.scale)
        if found is not None and gap is not None and values is not None:
            packages = ("fastpid", "torch")
            describe = describe_set(wanted, batch)
            report(found.ravel(), gap.ravel(), options, describe, result.numpy, packages)
    return result


class _Solved:
    """The sets of sources, each solved by the operator that is for it, and stacked."""

    def __init__(
        self, tables: Tensor, wanted: list[Subset], options: SolveOptions, dtype: torch.dtype
    ) -> None:
        self._wanted = wanted
        self._tables = tables
        self._options = options
        self._n_sources = len(wanted[-1])
        self._marginals = [self._keep((i,)) for i in range(self._n_sources)]
        self.pairs: dict[Subset, Decomposition[Tensor]] = {
            subset: run(_ops.solve_tables, (self._keep(subset),), options, dtype)
            for subset in wanted
            if len(subset) == 2
        }
        self.mi_joint = self._all_together()
        rows = [self._solve(subset) for subset in wanted]
        self._lower, self._upper, self.iterations, self.status, self.method = (
            torch.stack(row) for row in zip(*rows, strict=True)
        )

    def _keep(self, subset: Subset) -> Tensor:
        left = [i - self._n_sources - 1 for i in range(self._n_sources) if i not in subset]
        return self._tables.sum(dim=left) if left else self._tables

    def _all_together(self) -> Tensor:
        """Return I of all sources, as that of one whose symbols are their tuples."""
        if self._n_sources == 2:
            of_both: Tensor = self.pairs[0, 1]._terms.mi_xy
            return of_both
        shape = self._tables.shape
        cells = math.prod(shape[-1 - self._n_sources : -1])
        joint = self._tables.reshape(*shape[: -1 - self._n_sources], cells, shape[-1])
        silent = joint.sum(dim=-2, keepdim=True)  # beside one that says nothing
        proxy = self._options._replace(method=_PROXY, on_failure="ignore")
        d = run(_ops.decompose_marginals, (joint, silent), proxy, torch.float64)
        of_all: Tensor = d._terms.mi_x
        return of_all

    def _solve(self, subset: Subset) -> tuple[Tensor, ...]:
        """Return both bounds, iterations, status and method of a set; one source has its own."""
        if len(subset) == 1:
            if self._n_sources == 2:
                mi = self.pairs[0, 1]._terms[subset[0]]
            else:
                mi = self._everything[0][subset[0]]
            nothing = torch.zeros_like(mi, dtype=torch.int32).detach()
            return mi, mi, nothing, nothing, torch.full_like(nothing, _EXACT)
        if len(subset) == 2:
            d = self.pairs[subset]
            return (d._terms.lower, d._terms.upper, *d._codes)
        if len(subset) == self._n_sources:
            terms, codes = self._everything
        else:
            terms, codes, _ = solve_union([self._marginals[i] for i in subset], self._options)
        return (terms[-2], terms[-1], *codes.unbind(0))

    @property
    def _everything(self) -> tuple[Tensor, Tensor]:
        if not hasattr(self, "_of_all"):
            self._of_all = solve_union(self._marginals, self._options)[:2]
        return self._of_all

    def bounds(self) -> tuple[Tensor, Tensor]:
        """Return the bounds as those of neighbours tighten them, with the gradients they had."""
        lower, upper = list(self._lower.detach()), list(self._upper.detach())
        joint = self.mi_joint.detach()
        upper[-1] = torch.minimum(upper[-1], torch.maximum(joint, lower[-1]))
        neighbours = neighbours_of(self._wanted)
        for larger, smaller in neighbours:  # the smaller sets come first
            lower[larger] = torch.maximum(lower[larger], lower[smaller])
        for larger, smaller in reversed(neighbours):
            upper[smaller] = torch.minimum(upper[smaller], upper[larger])
        low, high = torch.stack(lower), torch.stack(upper)
        # Brackets of no width may cross by rounding.
        middle = 0.5 * (low + high)
        low, high = (torch.where(low > high, middle, end) for end in (low, high))
        return _as(low, self._lower), _as(high, self._upper)


def _as(values: Tensor, moving: Tensor) -> Tensor:
    """Return values that move as others do."""
    return (moving - moving.detach()) + values
