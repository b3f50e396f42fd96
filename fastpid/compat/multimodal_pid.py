"""The calls of the code of "Quantifying and modeling multimodal interactions" [1]_.

The target is the **last** axis of the table, and answers are in **nats**: an XOR has a synergy of
0.693.

.. [1] P. P. Liang, Y. Cheng, X. Fan, C. K. Ling, S. Nie and others, "Quantifying and modeling
   multimodal interactions: an information decomposition framework", NeurIPS 2023, arXiv:2302.12247.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastpid.compat._solve import solve_table
from fastpid.joint._samples import from_samples

__all__ = ["convert_data_to_distribution", "get_measure"]


def get_measure(P: ArrayLike, verbose: bool = False) -> dict[str, Any]:  # noqa: N803
    """Decompose a table, as ``get_measure`` of the published notebooks does.

    Parameters
    ----------
    P : array_like, shape (n1, n2, ny)
        Joint probabilities of the first modality, the second, and *last* the label. Leading axes
        are a batch, which the notebooks do not know.
    verbose : bool
        Print the four values.

    Returns
    -------
    dict
        "redundancy", "unique1", "unique2" and "synergy", in *nats*: floats, or arrays of the batch
        shape. Divide by log 2 for bits, or call :func:`fastpid.decompose`.

    Raises
    ------
    ValueError
        For a table with fewer axes, or that is no distribution.
    TypeError
        For a table that does not hold real numbers.

    Notes
    -----
    The notebooks clip nothing and check nothing: their redundancy can be negative by 1e-3, and a
    symbol that never occurs makes their unique information NaN. Here atoms are zero or more, each
    within 1e-9 bit, and symbols without mass are no matter.

    Examples
    --------
    >>> import fastpid
    >>> from fastpid.compat.multimodal_pid import get_measure
    >>> round(get_measure(fastpid.gates.xor())["synergy"], 3)
    0.693
    """
    d = solve_table(P, "nats", name="P")
    found = {
        "redundancy": d.redundancy,
        "unique1": d.unique_x,
        "unique2": d.unique_y,
        "synergy": d.synergy,
    }
    if verbose:
        for name, value in found.items():
            print(name, value)
    return found


def convert_data_to_distribution(
    x1: ArrayLike, x2: ArrayLike, y: ArrayLike
) -> tuple[NDArray[np.float64], tuple[dict[Any, int], dict[Any, int], dict[Any, int]]]:
    """Count samples, as the function of the same name of the published notebooks does.

    Parameters
    ----------
    x1, x2, y : array_like, shape (n,) or (n, 1)
        Symbols of both modalities, such as clusters, and labels.

    Returns
    -------
    P : ndarray, shape (n1, n2, ny)
        Shares of the samples.
    raw_to_discrete : tuple of three dicts
        Which place on its axis a value has. They are sorted here; in the notebooks they come in the
        order of a set.

    Raises
    ------
    ValueError
        For samples of different lengths, of more than one column, or missing.

    Examples
    --------
    >>> from fastpid.compat.multimodal_pid import convert_data_to_distribution
    >>> P, maps = convert_data_to_distribution([0, 0, 1, 1], [0, 1, 0, 1], ["a", "b", "b", "a"])
    >>> P.shape, maps[2]
    ((2, 2, 2), {'a': 0, 'b': 1})
    """
    columns = {"x1": x1, "x2": x2, "y": y}
    x, y_, z = (_column(name, values) for name, values in columns.items())
    table = from_samples(x, y_, z)
    first, second, third = (
        {label: place for place, label in enumerate(axis)} for axis in table.labels
    )
    return table.counts / table.counts.sum(), (first, second, third)


def _column(name: str, values: Any) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{name} must be of shape (n,) or (n, 1); got {array.shape}")
    return array
