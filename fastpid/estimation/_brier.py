"""The Brier skill of soft predictions, from sums that a joint table of them is made of."""

from __future__ import annotations

import numpy as np

from fastpid.estimation._prediction_sums import PredictionSums


def brier_skills(sums: PredictionSums) -> list[float]:
    """Return the skill of both classifiers of a table.

    The Brier score is the mean of sum_k (f[k] - 1[z = k])^2 = 1 + sum_k f[k]^2 - 2 f[z], whose
    parts are sums that are kept. It is proper: predictions of more confidence than they deserve
    make it worse, while they add to mutual information. The skill is what it is better than that
    of p(z) by, as a share (A. H. Murphy, Journal of Applied Meteorology 12, 1973): 1 for certain
    and right predictions, 0 for p(z), below for worse ones.

    Parameters
    ----------
    sums : PredictionSums
        Of shape (k, k, k).
    """
    n, p = sums.n_samples, sums.p
    p_z = p.sum(axis=(0, 1))
    reference = 1.0 - float(p_z @ p_z)
    if reference <= 0.0:  # of one class there is nothing to be better than
        return [0.0, 0.0]
    hits = float(np.einsum("kyk->", p)), float(np.einsum("xkk->", p))
    squares = [float(of_each.sum()) / n for of_each in sums.squares_alone]
    scores = [1.0 + square - 2.0 * hit for square, hit in zip(squares, hits, strict=True)]
    return [1.0 - score / reference for score in scores]
