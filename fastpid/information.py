"""Entropy and mutual information of probability arrays, in numpy alone.

Independent of the compiled kernel, and used by the tests to check it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastpid._base.checks import check_unit, refuse_mask
from fastpid._base.quantities import NATS_PER_UNIT

__all__ = [
    "conditional_mutual_information",
    "entropy",
    "mutual_information",
    "specific_information",
]


def entropy(p: ArrayLike, axis: int | tuple[int, ...] | None = None, unit: str = "bits") -> Any:
    """Shannon entropy -sum p log p, with 0 log 0 = 0.

    Parameters
    ----------
    p : array_like
        Probabilities; they are not renormalised.
    axis : int or tuple of int, optional
        The axes that make up the distribution; by default all. The others are a batch.
    unit : {"bits", "nats"}

    Returns
    -------
    float or ndarray

    Raises
    ------
    ValueError
        For negative or non-finite entries, or an unknown unit.

    Examples
    --------
    >>> entropy([0.5, 0.25, 0.25])
    1.5
    """
    scale = NATS_PER_UNIT[check_unit(unit)]
    refuse_mask("p", p)
    probabilities = np.asarray(p, dtype=np.float64)
    if not (np.isfinite(probabilities).all() and (probabilities >= 0).all()):
        raise ValueError("p must hold finite, non-negative probabilities")
    logs = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    # "+ 0.0" turns the -0.0 of a sure event into 0.0.
    total = -np.sum(probabilities * logs, axis=axis) / scale + 0.0
    return float(total) if np.ndim(total) == 0 else total


def mutual_information(p_ab: ArrayLike, unit: str = "bits") -> Any:
    """Mutual information I(A; B) of joint tables.

    Parameters
    ----------
    p_ab : array_like, shape (..., na, nb)
        Joint probabilities; leading axes are a batch.
    unit : {"bits", "nats"}

    Returns
    -------
    float or ndarray of the batch shape

    Raises
    ------
    ValueError
        For fewer than two axes, negative or non-finite entries, or an unknown unit.

    Examples
    --------
    >>> mutual_information([[0.5, 0.0], [0.0, 0.5]])
    1.0
    """
    refuse_mask("p_ab", p_ab)
    joint = np.asarray(p_ab, dtype=np.float64)
    if joint.ndim < 2:
        raise ValueError(f"p_ab must have at least 2 axes (..., na, nb); got shape {joint.shape}")
    a = entropy(joint.sum(axis=-1), axis=-1, unit=unit)
    b = entropy(joint.sum(axis=-2), axis=-1, unit=unit)
    return a + b - entropy(joint, axis=(-2, -1), unit=unit)


def conditional_mutual_information(p_abc: ArrayLike, unit: str = "bits") -> Any:
    """Conditional mutual information I(A; B | C) of joint tables.

    Parameters
    ----------
    p_abc : array_like, shape (..., na, nb, nc)
        Joint probabilities; leading axes are a batch.
    unit : {"bits", "nats"}

    Returns
    -------
    float or ndarray of the batch shape

    Raises
    ------
    ValueError
        For fewer than three axes, negative or non-finite entries, or an unknown unit.

    Examples
    --------
    >>> import fastpid
    >>> conditional_mutual_information(fastpid.gates.xor())
    1.0
    """
    refuse_mask("p_abc", p_abc)
    joint = np.asarray(p_abc, dtype=np.float64)
    if joint.ndim < 3:
        raise ValueError(
            f"p_abc must have at least 3 axes (..., na, nb, nc); got shape {joint.shape}"
        )
    ac = entropy(joint.sum(axis=-2), axis=(-2, -1), unit=unit)
    bc = entropy(joint.sum(axis=-3), axis=(-2, -1), unit=unit)
    c = entropy(joint.sum(axis=(-3, -2)), axis=-1, unit=unit)
    return ac + bc - c - entropy(joint, axis=(-3, -2, -1), unit=unit)


def specific_information(p_ab: ArrayLike, unit: str = "bits") -> Any:
    """Specific information I(A; B = b) of every outcome b, in joint tables.

    What A says about one outcome, ``sum over a of p(a | b) log(p(a, b) / (p(a) p(b)))`` [1]_: the
    relative entropy of p(a | b) and p(a), and so not negative. Its mean over b is I(A; B).

    Parameters
    ----------
    p_ab : array_like, shape (..., na, nb)
        Joint probabilities; leading axes are a batch.
    unit : {"bits", "nats"}

    Returns
    -------
    ndarray (..., nb)
        0 for outcomes of no probability.

    Raises
    ------
    ValueError
        For fewer than two axes, negative or non-finite entries, or an unknown unit.

    References
    ----------
    .. [1] M. R. DeWeese, M. Meister, "How to measure the information gained from one symbol",
       Network 10, 1999.

    Examples
    --------
    >>> specific_information([[0.5, 0.0], [0.0, 0.5]]).tolist()
    [1.0, 1.0]
    """
    scale = NATS_PER_UNIT[check_unit(unit)]
    refuse_mask("p_ab", p_ab)
    joint = np.asarray(p_ab, dtype=np.float64)
    if joint.ndim < 2:
        raise ValueError(f"p_ab must have at least 2 axes (..., na, nb); got shape {joint.shape}")
    if not (np.isfinite(joint).all() and (joint >= 0).all()):
        raise ValueError("p_ab must hold finite, non-negative probabilities")
    p_a, p_b = joint.sum(axis=-1, keepdims=True), joint.sum(axis=-2, keepdims=True)
    given_b = joint / np.where(p_b > 0.0, p_b, 1.0)
    # Logarithms of each: a quotient of tiny probabilities may overflow.
    logs = np.log(given_b, out=np.zeros_like(joint), where=given_b > 0.0)
    logs -= np.log(p_a, out=np.zeros_like(p_a), where=p_a > 0.0)
    # A relative entropy is below zero by rounding alone.
    return np.maximum(np.sum(given_b * logs, axis=-2), 0.0) / scale
