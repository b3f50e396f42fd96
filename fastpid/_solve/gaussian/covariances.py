"""Checks of covariances, and what is said about those that the kernel refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_real_array
from fastpid._solve.gaussian.sizes import Variables, check_sizes

Floats = NDArray[np.float64]

#: Below this share of its variance a direction counts as known when the reason for a refusal is
#: sought, which the kernel does at some 1e-14.
_DETERMINED = 1e-7


def check_covariances(cov: Any, sizes: Any) -> tuple[Floats, Variables]:
    """Return covariances (..., k, k) of X, Y and Z in this order, C-contiguous, and which is which.

    Their values are looked at by the kernel, or by :func:`explain_bad_covariance`.
    """
    array = check_real_array(cov, "cov")
    check_shape(array.shape)
    variables = check_sizes(sizes, array.shape[-1])
    if not variables.whole:
        rows = variables.rows
        array = array[..., rows, :][..., rows]
    return np.ascontiguousarray(array, dtype=np.float64), variables


def check_shape(shape: tuple[int, ...]) -> None:
    """Raise ValueError unless it is that of square matrices, none of them empty."""
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ValueError(
            "cov must be square in its last two axes, (..., m + n + d, m + n + d); "
            f"got shape {shape}; numpy.cov(samples, rowvar=False) of samples in rows is"
        )
    if 0 in shape:
        raise ValueError(f"cov has an empty axis: shape {shape}; pass one matrix or more")


def explain_bad_covariance(cov: Floats, index: tuple[int, ...], variables: Variables) -> str:
    """Say what is wrong with a matrix (k, k), X, Y and Z in order, that the kernel refused."""
    where = f"cov[{', '.join(map(str, index))}]" if index else "cov"
    names = variables.names
    bad = ~np.isfinite(cov)
    if bad.any():
        i, j = (int(n) for n in np.argwhere(bad)[0])
        return (
            f"{where} is {cov[i, j]} at ({names[i]}, {names[j]}) ({int(bad.sum())} of {cov.size} "
            "entries are not finite); leave out or impute missing values before it is computed"
        )
    variance = np.diag(cov)
    if (variance < 0.0).any():
        i = int(np.argmin(variance))
        return f"{where}: the variance of {names[i]} is {variance[i]:.6g}; it cannot be negative"
    scale = np.sqrt(variance)
    size = np.outer(scale, scale)
    off = np.abs(cov - cov.T)
    far = off > 1e-9 * size
    if far.any():
        i, j = (int(n) for n in np.argwhere(far & (off == off[far].max()))[0])
        return (
            f"{where} is not symmetric: {cov[i, j]:.10g} at ({names[i]}, {names[j]}), "
            f"{cov[j, i]:.10g} at ({names[j]}, {names[i]}); pass (cov + cov.T) / 2 if that is "
            "what it should be"
        )
    loose = (scale == 0.0) & (cov != 0.0).any(axis=0)
    if loose.any():
        i = int(np.argmax(loose))
        return f"{where}: {names[i]} has no variance, but covariances; no such variables exist"
    correlation = np.divide(cov, size, out=np.zeros_like(cov), where=size > 0.0)
    correlation = 0.5 * (correlation + correlation.T)
    values, vectors = np.linalg.eigh(correlation)
    if values[0] < -8.0 * len(cov) * np.finfo(float).eps:
        return (
            f"{where} is not positive semidefinite: the correlation matrix has an eigenvalue of "
            f"{values[0]:.3g}, in the direction of {combination(vectors[:, 0], names)}; a "
            "covariance of complete samples never has (of samples with gaps, use the rows that are "
            "complete)"
        )
    return f"{where}: {_explain_infinite(correlation, variables)}"


def least_share(cov: Floats) -> float:
    """Return the least eigenvalue of the correlation matrix of a covariance (k, k), or zero."""
    scale = np.sqrt(np.diag(cov))
    varying = scale > 0.0
    correlation = cov[np.ix_(varying, varying)] / np.outer(scale[varying], scale[varying])
    return max(float(np.linalg.eigvalsh(correlation)[0]), 0.0) if varying.any() else 0.0


def _explain_infinite(correlation: Floats, variables: Variables) -> str:
    m, n, d = variables.sizes
    x, y, z = np.split(np.arange(m + n + d), [m, m + n])
    names = [variables.names[i] for i in z]
    for said, sources in (
        ("X determines", x),
        ("Y determines", y),
        ("X and Y together determine", np.concatenate([x, y])),
    ):
        share, direction = _least_known(correlation, sources, z)
        if share < _DETERMINED:
            return (
                f"{said} {combination(direction, names)} of the target, in standard deviations "
                f"(a share of {max(share, 0.0):.1e} of its variance is left): the information is "
                "infinite. Leave out what determines it, or add the variance of the noise with "
                "which it was measured"
            )
    least = max(float(np.linalg.eigvalsh(correlation)[0]), 0.0)
    return (
        "it is singular to working precision (the correlation matrix has an eigenvalue of "
        f"{least:.1e}), in a way that leaves open how much X and Y say about Z; leave out "
        "variables that nearly repeat others, or add the variance of their noise"
    )


def _least_known(
    correlation: Floats, sources: NDArray[np.intp], z: NDArray[np.intp]
) -> tuple[float, Floats]:
    """Return the least share of variance that sources leave of a direction of Z, and that one."""
    eps = 8.0 * len(correlation) * np.finfo(float).eps
    values, vectors = np.linalg.eigh(correlation[np.ix_(z, z)])
    kept = values > eps
    if not kept.any():
        return 1.0, np.zeros(len(z))
    white = vectors[:, kept] / np.sqrt(values[kept])
    inverse = np.linalg.pinv(correlation[np.ix_(sources, sources)], rcond=eps, hermitian=True)
    shared = correlation[np.ix_(sources, z)] @ white
    left, directions = np.linalg.eigh(np.eye(int(kept.sum())) - shared.T @ inverse @ shared)
    direction = white @ directions[:, 0]
    return float(left[0]), direction / np.linalg.norm(direction)


def combination(direction: Floats, names: list[str]) -> str:
    """Write a direction out, its largest parts first, as many as matter."""
    order: list[int] = np.argsort(-np.abs(direction)).tolist()
    sign = 1.0 if direction[order[0]] >= 0.0 else -1.0
    parts = [(sign * float(direction[i]), names[i]) for i in order if abs(direction[i]) > 0.05][:6]
    if len(parts) == 1:
        return parts[0][1]
    first, *others = parts
    text = f"{first[0]:.2g} {first[1]}"
    for weight, name in others:
        text += f" {'-' if weight < 0 else '+'} {abs(weight):.2g} {name}"
    return text
