"""Marginals p(x_i, z) of several sources: their checks, and how their union problems are solved."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_axes, check_real_array
from fastpid._base.quantities import MASS_TOLERANCE
from fastpid._base.warn import stacklevel_outside
from fastpid._solve import kernel
from fastpid._solve.options import SolveOptions
from fastpid._solve.tables import explain_bad_values, explain_not_exact, index_of, name_entry
from fastpid._solve.threads import count_threads
from fastpid.result import STATUSES, ConvergenceError, ConvergenceWarning, Status

Floats = NDArray[np.float64]

#: The kernel's numbers for what becomes an exception.
_NOT_EXACT = len(STATUSES)
_TOO_MANY_TUPLES = len(STATUSES) + 2
_FAILED = (Status.MAX_ITERATIONS.code, Status.STALLED.code)
#: The kernel's limit (csrc/core/many): tuples of symbols times target symbols.
MOST_CELLS = 100_000_000
#: Beyond this difference of p(z) marginals are brought to one; below it is rounding.
ROUNDING = 1e-13
#: A mass that normalize accepts.
LEAST_MASS, MOST_MASS = 1e-250, 1e250


def check_array(values: Any, name: str) -> NDArray[Any]:
    """Return an array of real numbers; a tensor, whose gradient would be lost, is refused."""
    if hasattr(values, "detach"):
        raise TypeError(
            f"{name} is a tensor where an array is expected; pass all as tensors, or "
            f"{name}.detach().cpu().numpy()"
        )
    return check_real_array(values, name)


class Refused:
    """The problems of a batch that hold no distributions, and what is said about them."""

    def __init__(self) -> None:
        self.entries: NDArray[np.bool_] | None = None
        self.text = ""

    def add(self, bad: NDArray[np.bool_], text: str) -> None:
        """Note problems, and what the first of them is."""
        self.entries = bad if self.entries is None else self.entries | bad
        self.text = self.text or text

    def check(self, on_failure: str) -> None:
        """Raise, as decompose() does, if all are refused, or one is and that is asked for.

        Raises
        ------
        ValueError
        """
        if self.entries is None:
            return
        count = int(self.entries.sum())
        if self.entries.size > 1:
            self.text += f" [{count} of {self.entries.size} problems are invalid]"
        if on_failure == "raise" or count == self.entries.size:
            raise ValueError(self.text)

    def blank(self, arrays: Sequence[Floats]) -> None:
        """Put NaN in their places in arrays (batch, ...)."""
        if self.entries is not None:
            for values in arrays:
                values[self.entries] = np.nan

    def mark(self, solved: SolvedUnions) -> None:
        """Put NaN in the place of the answers of what stands for them."""
        if self.entries is None:
            return
        self.blank([solved.mi.T, solved.lower, solved.upper, *solved.potentials])
        solved.iterations[self.entries] = 0
        solved.status[self.entries] = Status.INVALID.code

    def warn(self, on_failure: str, packages: tuple[str, ...]) -> None:
        """Warn of them, at the code that called `packages`."""
        if self.entries is not None and on_failure != "ignore":
            level = stacklevel_outside(*packages)
            warnings.warn(self.text, ConvergenceWarning, stacklevel=level)


def check_sources(
    marginals: Any, normalize: bool, refused: Refused | None = None
) -> tuple[tuple[int, ...], list[Floats]]:
    """Check marginals (..., n_i, nz) of several sources.

    Problems that hold no distributions raise, or are noted in `refused`; then equal probabilities
    stand for them.

    Returns
    -------
    batch_shape : tuple of int
    marginals : list of ndarray, shape (batch, n_i, nz)
        C-contiguous, with one p(z).
    """
    if isinstance(marginals, np.ndarray):
        raise TypeError(explain_one_array(marginals.shape))
    arrays = [check_array(a, f"marginals[{i}]") for i, a in enumerate(marginals)]
    batch = check_source_shapes([a.shape for a in arrays])
    # All sources in one array, since thousands of small ones cost more to look at than to solve.
    ends = np.cumsum([a.shape[-2] for a in arrays])
    starts = np.concatenate([[0], ends[:-1]])
    together = np.concatenate(
        [
            a if a.shape[:-2] == batch else np.broadcast_to(a, (*batch, *a.shape[-2:]))
            for a in arrays
        ],
        axis=-2,
        dtype=np.float64,
    ).reshape(-1, ends[-1], arrays[0].shape[-1])
    p_z = _check_values(together, starts, ends, batch, normalize, refused)
    if normalize:
        mass = p_z.sum(axis=2, keepdims=True)
        p_z = p_z / mass
        together = together / np.repeat(mass, ends - starts, axis=1)
    scale = _scale_to_one_target(p_z, batch, refused)
    if refused is not None and refused.entries is not None:
        _make_equal(together, starts, ends, refused.entries)
    if scale is not None:
        together = together * np.repeat(scale, ends - starts, axis=1)
    return batch, [
        np.ascontiguousarray(together[:, start:end])
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]


def explain_one_array(shape: tuple[int, ...]) -> str:
    """Say what to pass in the place of one array, or tensor, of this shape."""
    return (
        f"marginals must be a sequence of arrays (..., n_i, nz), one a source; got one of shape "
        f"{shape}; pass list(marginals) if its first axis is the sources, or the joint table to "
        "decompose_many"
    )


def check_source_shapes(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the batch shape of marginals (..., n_i, nz) of several sources."""
    if len(shapes) < 2:
        raise ValueError(
            f"marginals holds {len(shapes)} source{'s' * (len(shapes) != 1)}; pass two or more, "
            "one array p(x_i, z) each (what one source says is "
            "fastpid.information.mutual_information)"
        )
    for i, shape in enumerate(shapes):
        check_axes(f"marginals[{i}]", shape, ("n", "nz"))
        if shape[-1] != shapes[0][-1]:
            raise ValueError(
                f"marginals[0] has {shapes[0][-1]} target symbols and marginals[{i}] has "
                f"{shape[-1]} (shapes {shapes[0]} and {shape}); the last axis of every marginal is "
                "the target"
            )
    try:
        return np.broadcast_shapes(*(shape[:-2] for shape in shapes))
    except ValueError:
        together = ", ".join(map(str, shapes))
        raise ValueError(
            f"the leading axes of the marginals do not go together: their shapes are {together}; "
            "each must be (..., n_i, nz) with leading axes that broadcast"
        ) from None


def _make_equal(together: Floats, starts: Any, ends: Any, entries: NDArray[np.bool_]) -> None:
    sizes = np.repeat(ends - starts, ends - starts)[:, None]
    together[entries] = 1.0 / (sizes * together.shape[2])


def _check_values(
    together: Floats,
    starts: Any,
    ends: Any,
    batch: tuple[int, ...],
    normalize: bool,
    refused: Refused | None,
) -> Floats:
    """Return p(z) of every source, (batch, sources, nz), before any division by its sum."""
    with np.errstate(over="ignore", invalid="ignore"):
        p_z: Floats = np.add.reduceat(together, starts, axis=1)
        mass = p_z.sum(axis=2)
        if normalize:
            good = (mass >= LEAST_MASS) & (mass <= MOST_MASS)
        else:
            good = np.abs(mass - 1.0) <= MASS_TOLERANCE
        good &= np.minimum.reduceat(together.min(axis=2), starts, axis=1) >= 0.0
    if not good.all():
        entry, i = (int(k) for k in np.argwhere(~good)[0])
        index = index_of(entry, batch)
        wrong = together[entry, starts[i] : ends[i]]
        text = explain_bad_values(wrong, index, normalize, f"marginals[{i}]")
        if refused is None:
            raise ValueError(text)
        bad = ~good.all(axis=1)
        refused.add(bad, text)
        _make_equal(together, starts, ends, bad)
        p_z[bad] = 1.0 / p_z.shape[2]
    return p_z


def _scale_to_one_target(
    p_z: Floats, batch: tuple[int, ...], refused: Refused | None
) -> Floats | None:
    """Return what takes every p(z) to their geometric mean; None where they agree.

    They may differ by no more than single precision does.
    """
    spread = p_z.max(axis=1) - p_z.min(axis=1)
    if spread.max() > MASS_TOLERANCE:
        entry, z = (int(k) for k in np.unravel_index(int(spread.argmax()), spread.shape))
        index = index_of(entry, batch)
        of_all = p_z[entry, :, z]
        i, j = sorted((int(of_all.argmin()), int(of_all.argmax())))
        text = (
            f"{name_entry(f'marginals[{i}]', index)} has p(z={z}) = {of_all[i]:.10g}, but "
            f"{name_entry(f'marginals[{j}]', index)} has {of_all[j]:.10g}: they differ by "
            f"{spread[entry, z]:.3g}, the most of all pairs and all z, and by more than "
            f"{MASS_TOLERANCE:g}; marginals of one distribution have the same p(z)"
        )
        if refused is None:
            raise ValueError(text)
        bad = spread.max(axis=1) > MASS_TOLERANCE
        refused.add(bad, text)
        p_z[bad] = 1.0 / p_z.shape[2]
        spread[bad] = 0.0
    if spread.max() <= ROUNDING:
        return None
    with np.errstate(divide="ignore"):
        common = np.exp(np.log(p_z).mean(axis=1, keepdims=True))  # zero where one of them is
    scale: Floats = np.divide(common, p_z, out=np.zeros_like(p_z), where=p_z > 0.0)
    return scale


class SolvedUnions:
    """What the kernel returned for a batch of union problems; values in nats."""

    def __init__(
        self,
        mi: Floats,
        bounds: Floats,
        codes: NDArray[np.int32],
        potentials: list[Floats],
    ) -> None:
        self.mi = mi  # sources, batch
        self.lower, self.upper = bounds
        self.iterations, self.status, self.method = codes
        self.potentials = potentials


def solve_unions(
    marginals: Sequence[Floats],
    options: SolveOptions,
    batch: tuple[int, ...],
    *,
    potentials: bool = True,
) -> SolvedUnions:
    """Solve the union problems of checked marginals (batch, n_i, nz).

    Two sources go to the kernel of pairs, so that the answer is that of decompose_marginals().

    Raises
    ------
    ValueError
        For ``method="exact"`` where there is no closed form; for too many tuples.
    """
    if len(marginals) == 2:
        xz, yz = marginals
        arguments = options._replace(normalize=False).for_kernel(xz.size * yz.shape[1])
        terms, codes, _, _, lam, mu = kernel.decompose_marginals(xz, yz, *arguments, potentials)
        solved = SolvedUnions(terms[:2], terms[3:5], codes, [lam, mu])
    else:
        threads = count_threads(options.threads, _work(marginals))
        mi, bounds, codes, duals, _ = kernel.union_information(
            list(marginals), options.method, options.tol, options.max_iter, threads, False
        )
        solved = SolvedUnions(mi, bounds, codes, duals)
    refuse(solved.status, marginals, batch)
    return solved


def solve_couplings(marginals: Sequence[Floats], tol: float, threads: int) -> Floats:
    """Return couplings (batch, n_1, ..., n_M, nz) with the marginals given, near the optimum.

    Raises
    ------
    ValueError
        For too many tuples.
    """
    shape = [a.shape[1] for a in marginals]
    cells = math.prod(shape) * marginals[0].shape[2]
    if cells > MOST_CELLS or len(shape) > 32:
        raise ValueError(
            f"the coupling of {len(shape)} sources has {cells:.3g} cells; at most "
            f"{MOST_CELLS:.0e}, of at most 32 sources, are formed: ask for fewer sources, or take "
            "the potentials, which need no tuples"
        )
    # What decompose_many() and union_information() hold of an invalid problem is NaN.
    invalid: NDArray[np.bool_] = np.asarray(np.isnan(marginals[0]).any(axis=(1, 2)))
    if invalid.any():
        equal = [np.full_like(a, 1.0 / a[0].size) for a in marginals]
        pairs = zip(marginals, equal, strict=True)
        q = solve_couplings(
            [np.where(invalid[:, None, None], b, a) for a, b in pairs], tol, threads
        )
        q[invalid] = np.nan
        return q
    newton = 3
    threads = count_threads(threads, _work(marginals))
    q = kernel.union_information(list(marginals), newton, tol, 0, threads, True)[4]
    q = q.reshape(len(q), *shape, -1)
    # What its marginals miss is added as a product, given z (Altschuler, Weed and Rigollet 2017).
    missing = np.ones((len(q),) + (1,) * len(shape) + q.shape[-1:])
    for i, a in enumerate(marginals):
        others = tuple(1 + k for k in range(len(shape)) if k != i)
        rest = np.maximum(a - q.sum(axis=others), 0.0)
        if i > 0:
            mass = rest.sum(axis=1, keepdims=True)
            rest = np.divide(rest, mass, out=np.zeros_like(rest), where=mass > 0.0)
        missing = missing * np.expand_dims(rest, others)
    total: Floats = q + missing
    return total


def _work(marginals: Sequence[Floats]) -> int:
    """Return about how many cells are worked on, for the number of threads."""
    tuples = math.prod(a.shape[1] for a in marginals)
    cells: int = len(marginals[0]) * marginals[0].shape[2] * tuples
    return min(cells, 10**15)


def refuse(status: NDArray[np.int32], marginals: Sequence[Floats], batch: tuple[int, ...]) -> None:
    """Raise for problems without a closed form, or of too many tuples, by their statuses."""
    not_exact = np.flatnonzero(status == _NOT_EXACT)
    if not_exact.size:
        first = int(not_exact[0])
        symbols = int(np.count_nonzero(marginals[0][first].sum(axis=0)))
        raise ValueError(explain_not_exact(symbols, index_of(first, batch)))
    if (status == _TOO_MANY_TUPLES).any():
        sizes = " x ".join(str(a.shape[1]) for a in marginals[:8])
        more = f" x ... ({len(marginals)} sources)" if len(marginals) > 8 else ""
        raise ValueError(
            f"{sizes}{more} symbols make too many tuples: times the target symbols more than "
            f"{MOST_CELLS:.0e} (or more than 32 sources) are left after symbols with the same "
            "posterior were merged. What can be had instead: a target of two symbols has a closed "
            "form for any number of sources; fewer sources, with the unique information of each "
            "against the others of these; pairs (decompose_marginals); one source against all "
            "others, merged into one by posteriors of a model of them (decompose_posteriors); or "
            "fewer symbols, by merging those with nearly the same posterior"
        )


def report(
    codes: NDArray[np.int32],
    gap: Floats,
    options: SolveOptions,
    describe: Callable[[int], str],
    result: Callable[[], Any],
    packages: tuple[str, ...] = ("fastpid",),
) -> None:
    """Warn of (or raise about) problems that did not converge: statuses, and gaps in the unit.

    The warning points at the code that called `packages`.
    """
    failed = np.flatnonzero(np.isin(codes, _FAILED))
    if not failed.size or options.on_failure == "ignore":
        return
    first = int(failed[0])
    text = f"{describe(first)}: {STATUSES[codes[first]].message} (gap {gap[first]:.2e} "
    text += f"{options.unit})"
    if failed.size > 1:
        text += f" [{failed.size} of {codes.size} did not converge]"
    if options.on_failure == "raise":
        raise ConvergenceError(text, result())
    warnings.warn(text, ConvergenceWarning, stacklevel=stacklevel_outside(*packages))
