"""The call of gpid [1]_ for Gaussian variables, ``exact_gauss_tilde_pid(cov, dm, dx, dy)``.

The target M comes **first** in the covariance, and answers are in **bits**.

.. [1] P. Venkatesh, C. Bennett, S. Gale, T. K. Ramirez, G. Heller, S. Durand, S. Olsen, S. Mihalas,
   "Gaussian partial information decomposition: bias correction and application to high-dimensional
   data", NeurIPS 2023, arXiv:2307.10515.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastpid._base.checks import check_bool, check_positive_integer, check_real_array
from fastpid._solve.gaussian.covariances import check_covariances
from fastpid._solve.gaussian.solve import solve_covariances
from fastpid._solve.options import recall_options

__all__ = ["exact_gauss_tilde_pid"]

Floats = NDArray[np.float64]


def exact_gauss_tilde_pid(
    cov: ArrayLike,
    dm: int,
    dx: int,
    dy: int,
    verbose: bool = False,
    ret_t_sigt: bool = False,
    plot: bool = False,
    unbiased: bool = False,
    sample_size: int | None = None,
) -> tuple[Any, ...]:
    """Decompose a covariance, as ``gpid.tilde_pid.exact_gauss_tilde_pid`` does.

    Parameters
    ----------
    cov : array_like, shape (..., dm + dx + dy, dm + dx + dy)
        Covariance of the target M, the source X and the source Y, in this order. Leading axes are a
        batch, which gpid does not know.
    dm, dx, dy : int
        The dimensions of M, X and Y.
    verbose : bool
        For the sake of old calls: it has no effect, as in gpid.
    ret_t_sigt : bool
        Append three times None and the optimal cross-covariance of X and Y given M, both whitened.
    plot : bool
        Must be False: gpid draws its iterations, and here there are none to draw.
    unbiased : bool
        Take the bias of covariances of a sample out of the mutual informations, as gpid does, and
        scale the union information by what that leaves of I(M; X, Y).
        :func:`fastpid.gaussian.estimate` corrects the union information for itself, and adds
        intervals.
    sample_size : int, optional
        The number of samples, which `unbiased` needs.

    Returns
    -------
    tuple
        ``(imx, imy, imxy, union_info, obj, uix, uiy, ri, si)`` in bits: I(M; X), I(M; Y) and
        I(M; X, Y); the union information, and the same before the correction of `unbiased`; unique
        information of X and of Y, redundancy, synergy. Floats, or arrays of the batch shape. With
        `ret_t_sigt` followed by ``None, None, None, sig``, sig of shape (..., dx, dy).

    Raises
    ------
    ValueError
        For a `cov` that is not square, finite, symmetric and positive semidefinite, or does not fit
        the dimensions; for information that is infinite; for ``plot=True``; for `unbiased` without
        `sample_size`, or with one that is not larger than the dimensions.
    TypeError
        For a `cov` that does not hold real numbers, dimensions that are no integers.

    Notes
    -----
    gpid adds 1e-7 to covariances given M, so that nothing is infinite there; nothing is added here.
    Its descent stops when 20 steps change less than 1e-6 bit; the gap here is at most 1e-9.

    Examples
    --------
    >>> from fastpid.compat.gpid import exact_gauss_tilde_pid
    >>> cov = [[1.0, 1.0, 1.0], [1.0, 2.0, 1.0], [1.0, 1.0, 2.0]]
    >>> imx, imy, imxy, union_info, obj, uix, uiy, ri, si = exact_gauss_tilde_pid(cov, 1, 1, 1)
    >>> round(uix, 6), round(ri, 6), round(si, 6)
    (0.0, 0.5, 0.292481)
    """
    if check_bool("plot", plot):
        raise ValueError("plot must be False: there are no iterations of a descent to draw")
    m, x, y = (
        int(check_positive_integer(name, value) or 0)
        for name, value in (("dm", dm), ("dx", dx), ("dy", dy))
    )
    total = m + x + y
    cov = check_real_array(cov, "cov")
    if cov.shape[-2:] != (total, total):
        raise ValueError(
            f"cov must be {total} x {total} for dm={m}, dx={x}, dy={y}; got shape {cov.shape}"
        )
    order = [*range(m, total), *range(m)]
    reordered = cov.take(order, axis=-1).take(order, axis=-2)
    solved = solve_covariances(*check_covariances(reordered, (x, y, m)), recall_options())
    d = solved.result()
    solved.report("fastpid")
    mi_x, mi_y, mi_xy, union = d.mi_x, d.mi_y, d.mi_xy, d.union_information
    values = (d.unique_x, d.unique_y, d.redundancy, d.synergy)
    found: tuple[Any, ...] = (mi_x, mi_y, mi_xy, union, union, *values)
    if check_bool("unbiased", unbiased):
        found = _unbiased(mi_x, mi_y, mi_xy, union, (m, x, y), sample_size)
    if check_bool("ret_t_sigt", ret_t_sigt):
        sig = _whitened(cov.astype(float), d.coupling(), m, x)
        found = (*found, None, None, None, sig)
    return found


def _unbiased(
    mi_x: Any, mi_y: Any, mi_xy: Any, union: Any, sizes: tuple[int, int, int], sample_size: Any
) -> tuple[Any, ...]:
    m, x, y = sizes
    if sample_size is None:
        raise ValueError("unbiased=True needs sample_size, the number of samples behind cov")
    n = int(check_positive_integer("sample_size", sample_size) or 0)
    if n <= m + x + y:
        raise ValueError(
            f"sample_size must be larger than the {m + x + y} dimensions; got {n}: the bias of a "
            "covariance of fewer samples is infinite"
        )

    def bias(dimensions: int) -> float:
        """Of the log determinant of a covariance (Cai, Liang and Zhou 2015), halved, in bits."""
        return float(0.5 * np.log2(1.0 - np.arange(1, dimensions + 1) / n).sum())

    def corrected(information: Any, dimensions: int) -> Any:
        return np.maximum(information - (bias(m) + bias(dimensions) - bias(m + dimensions)), 0.0)

    of_x, of_y, joint = corrected(mi_x, x), corrected(mi_y, y), corrected(mi_xy, x + y)
    joint = np.maximum(joint, np.maximum(of_x, of_y))
    share = np.divide(joint, mi_xy, out=np.ones_like(joint), where=np.asarray(mi_xy) > 0.0)
    scaled = np.minimum(
        np.maximum(union * share, np.maximum(of_x, of_y)), np.minimum(of_x + of_y, joint)
    )
    values = (of_x, of_y, joint, scaled, union)
    return tuple(
        float(value) if np.ndim(value) == 0 else value
        for value in (*values, scaled - of_y, scaled - of_x, of_x + of_y - scaled, joint - scaled)
    )


def _whitened(cov: Floats, between: Floats, m: int, x: int) -> Floats:
    """Return the cross-covariance of X and Y given M, in units of both noises' square roots."""
    of_m, with_m = cov[..., :m, :m], cov[..., m:, :m]
    shrink = np.linalg.pinv(of_m, hermitian=True)

    def given_m(rows: slice, columns: slice, covariance: Floats) -> Floats:
        left, right = with_m[..., rows, :], with_m[..., columns, :]
        out: Floats = covariance - left @ shrink @ right.swapaxes(-1, -2)
        return out

    def unroot(part: slice) -> Floats:
        values, vectors = np.linalg.eigh(given_m(part, part, cov[..., m:, m:][..., part, part]))
        floor = values.max(axis=-1, keepdims=True) * 1e-14
        inverse = np.where(values > floor, 1.0 / np.sqrt(np.maximum(values, floor)), 0.0)
        out: Floats = (vectors * inverse[..., None, :]) @ vectors.swapaxes(-1, -2)
        return out

    first, second = slice(0, x), slice(x, None)
    return unroot(first) @ given_m(first, second, between) @ unroot(second)
