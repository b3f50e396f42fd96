"""Pairs of marginals p(x, z), p(y, z): their checks, and how they alone are solved."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_axes, check_real_array
from fastpid._base.quantities import MASS_TOLERANCE, NATS_PER_UNIT, Terms, Unit
from fastpid._solve import kernel
from fastpid._solve.given import Gradients, KernelRows
from fastpid._solve.options import SolveOptions
from fastpid._solve.solve import Solved
from fastpid._solve.tables import explain_bad_values, holds_probabilities, name_entry
from fastpid._solve.threads import count_threads
from fastpid.result import Status

Floats = NDArray[np.float64]


class GivenMarginals:
    """Marginals (..., nx, nz) and (..., ny, nz) of one batch shape, C-contiguous.

    Everything but I(X, Y; Z) depends on a table through them alone.
    """

    def __init__(self, p_xz: Floats, p_yz: Floats) -> None:
        self.batch_shape = p_xz.shape[:-2]
        self._p_xz = p_xz.reshape((-1, *p_xz.shape[-2:]))
        self._p_yz = p_yz.reshape((-1, *p_yz.shape[-2:]))

    def __len__(self) -> int:
        return len(self._p_xz)

    @property
    def _cells(self) -> int:
        """Those of the tables behind, which there are not."""
        ny: int = self._p_yz.shape[1]
        return self._p_xz.size * ny

    def solve(self, options: SolveOptions, potentials: bool) -> KernelRows:
        """Run the kernel; NaN for mi_xy."""
        arguments = options.for_kernel(self._cells)
        return kernel.decompose_marginals(self._p_xz, self._p_yz, *arguments, potentials)

    def gradients(
        self, solved: Gradients, weights: Floats, threads: int, normalize: bool
    ) -> tuple[Floats, Floats]:
        """Return the gradients by the two marginals."""
        threads = count_threads(threads, self._cells)
        given = (self._p_xz, self._p_yz)
        return kernel.marginal_gradients(*given, *solved, weights, normalize, threads)

    def explain_invalid(self, flat: int, index: tuple[int, ...], normalize: bool) -> str:
        """Say what is wrong with a pair that the kernel refused."""
        pair = {"p_xz": self._p_xz[flat], "p_yz": self._p_yz[flat]}
        for name, marginal in pair.items():
            total = float(marginal.sum())
            divided = marginal / total if normalize and 1e-250 <= total <= 1e250 else marginal
            if not holds_probabilities(divided):
                return explain_bad_values(marginal, index, normalize, name)
            pair[name] = divided
        p_z = {name: marginal.sum(axis=0) for name, marginal in pair.items()}
        difference = np.abs(p_z["p_xz"] - p_z["p_yz"])
        z = int(difference.argmax())
        of_x, of_y = (
            f"{name_entry(name, index)} has p(z={z}) = {values[z]:.10g}"
            for name, values in p_z.items()
        )
        return (
            f"{of_x}, but {of_y}: they differ by {difference[z]:.3g} there, the most of all z, and "
            f"by more than {MASS_TOLERANCE:g}; marginals of one distribution have the same p(z)"
        )

    def explain_batch(self) -> str:
        """Say nothing: a batch of marginals is one."""
        return ""

    def target_symbols(self, flat: int) -> int:
        """Return how many target symbols of a problem have mass."""
        return int(np.count_nonzero(self._p_xz[flat].sum(axis=0)))


def check_marginals(p_xz: Any, p_yz: Any) -> GivenMarginals:
    """Convert to C-contiguous float64 arrays of one batch shape; their values are not looked at.

    Leading axes are broadcast against one another.
    """
    xz, yz = check_real_array(p_xz, "p_xz"), check_real_array(p_yz, "p_yz")
    batch = check_marginal_shapes(xz.shape, yz.shape)

    def convert(array: NDArray[Any]) -> Floats:
        if array.shape[:-2] != batch:
            array = np.broadcast_to(array, (*batch, *array.shape[-2:]))
        return np.ascontiguousarray(array, dtype=np.float64)

    return GivenMarginals(convert(xz), convert(yz))


def check_marginal_shapes(shape_xz: tuple[int, ...], shape_yz: tuple[int, ...]) -> tuple[int, ...]:
    """Return the batch shape of (..., nx, nz) and (..., ny, nz), if they go together."""
    check_axes("p_xz", shape_xz, ("nx", "nz"))
    check_axes("p_yz", shape_yz, ("ny", "nz"))
    if shape_xz[-1] != shape_yz[-1]:
        raise ValueError(
            f"p_xz has {shape_xz[-1]} target symbols and p_yz has {shape_yz[-1]} (shapes "
            f"{shape_xz} and {shape_yz}); the last axis of both is the target"
        )
    if shape_xz[:-2] == shape_yz[:-2]:  # numpy takes its time
        return shape_xz[:-2]
    try:
        return np.broadcast_shapes(shape_xz[:-2], shape_yz[:-2])
    except ValueError:
        raise ValueError(
            f"p_xz is a batch of shape {shape_xz[:-2]} and p_yz one of shape {shape_yz[:-2]}, "
            "which cannot be broadcast against one another; pass as many of each"
        ) from None


def check_mi_xy_shape(shape: tuple[int, ...], batch_shape: tuple[int, ...]) -> None:
    """Check that I(X, Y; Z) is one number, or one for every problem of the batch."""
    try:
        fits = np.broadcast_shapes(shape, batch_shape) == batch_shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"mi_xy has shape {shape}, and the batch of marginals {batch_shape}; pass one number, "
            "or one for every entry of the batch"
        )


def know_mi_xy(solved: Solved, mi_xy: Any) -> None:
    """Complete what was solved from marginals by I(X, Y; Z), given in the unit of the solve."""
    given = check_real_array(mi_xy, "mi_xy").astype(np.float64)
    check_mi_xy_shape(given.shape, solved.batch_shape)
    batch, unit = solved.batch_shape, solved.options.result_unit
    values = np.broadcast_to(given, batch)
    status = solved.codes.status.reshape(batch)
    check_mi_xy(values, solved.terms.lower.reshape(batch), status, unit)
    valid = status != Status.INVALID.code
    nats = np.where(valid, values * NATS_PER_UNIT[unit], np.nan)
    solved.term_rows[Terms._fields.index("mi_xy")] = nats.ravel()


def check_mi_xy(mi_xy: Floats, lower: Floats, status: NDArray[np.int32], unit: Unit) -> None:
    """Check I(X, Y; Z), in `unit`, against the lower bounds of the union information, in nats.

    Raises
    ------
    ValueError
        Where it is no information of a valid problem, or below the bound.
    """
    valid = status != Status.INVALID.code
    least = lower / NATS_PER_UNIT[unit]

    def refuse(bad: Any, what: str) -> None:
        wrong = np.argwhere(bad & valid)
        if len(wrong):
            index = tuple(wrong[0].tolist())
            raise ValueError(
                f"{name_entry('mi_xy', index)} = {mi_xy[index]:.10g} {unit} "
                f"{what.format(least[index])} ({len(wrong)} such entries)"
            )

    refuse(~np.isfinite(mi_xy), "is no information; mi_xy=None says that it is not known")
    refuse(mi_xy < 0.0, "is negative, and informations are not")
    refuse(
        mi_xy < least - MASS_TOLERANCE,
        f"is below the union information, which by the marginals is at least {{:.10g}} {unit}, so "
        "that no distribution has both: pass I(X, Y; Z) of the distribution that the marginals are "
        "of, in that unit",
    )
