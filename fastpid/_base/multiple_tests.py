"""Adjustment of p-values for how many tests there are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice, check_real_array

#: Those that bound the chance of any false discovery, and those that bound the share of them.
METHODS = ("bonferroni", "holm", "bh", "by")


def adjust(p_values: Any, method: str) -> NDArray[np.float64]:
    """Return p-values that may be compared with a level as if each were the only one.

    Parameters
    ----------
    p_values : array-like, any shape
        All of them are one family. A NaN stands for a test that was not made: it stays NaN, and
        does not count.
    method : {"bonferroni", "holm", "bh", "by"}
        What the level then bounds:

        * "bonferroni", "holm": the probability of any false discovery, however the tests depend on
          one another. Holm [1]_ never says less.
        * "bh": the expected share of false discoveries, of independent tests and of those that
          depend positively on one another [2]_.
        * "by": that share, however the tests depend on one another [3]_.

    Returns
    -------
    adjusted : ndarray, of the shape of `p_values`
        None above 1, and none below its p-value.

    Raises
    ------
    ValueError
        For a p-value that is not from 0 to 1, or an unknown method.
    TypeError
        If the p-values are not real numbers.

    References
    ----------
    .. [1] S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal
       of Statistics 6, 1979.
    .. [2] Y. Benjamini, Y. Hochberg, "Controlling the false discovery rate", Journal of the Royal
       Statistical Society B 57, 1995.
    .. [3] Y. Benjamini, D. Yekutieli, "The control of the false discovery rate in multiple testing
       under dependency", Annals of Statistics 29, 2001.

    Examples
    --------
    >>> from fastpid._base.multiple_tests import adjust
    >>> adjust([0.01, 0.04, 0.03], "bh").tolist()
    [0.03, 0.04, 0.04]
    """
    check_choice("method", method, METHODS)
    given = check_real_array(p_values, "p_values").astype(np.float64)
    tested = ~np.isnan(given)
    p = given[tested]
    wrong = (p < 0.0) | (p > 1.0)
    if wrong.any():
        raise ValueError(
            f"p_values must lie between 0 and 1, or be NaN where nothing was tested; got "
            f"{float(p[wrong][0])!r}"
        )
    out = np.full(given.shape, np.nan)
    out[tested] = np.minimum(_adjusted(p, method), 1.0)
    return out


def _adjusted(p: NDArray[np.float64], method: str) -> NDArray[np.float64]:
    count = len(p)
    if method == "bonferroni":
        return p * count
    order = np.argsort(p, kind="stable")
    rank = np.arange(1, count + 1)
    out = np.empty(count)
    if method == "holm":
        # Stepping down: what is refused keeps whatever is larger from being accepted.
        out[order] = np.maximum.accumulate(p[order] * (count + 1 - rank))
        return out
    scale = (1.0 / rank).sum() if method == "by" else 1.0
    # Stepping up: what is accepted takes whatever is smaller with it.
    raw = p[order] * (count * scale / rank)
    out[order] = np.minimum.accumulate(raw[::-1])[::-1]
    return out
