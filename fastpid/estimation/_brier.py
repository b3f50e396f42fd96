"""The Brier skill of soft predictions, from sums that a joint table of them is made of."""

from __future__ import annotations

import numpy as np

from fastpid.estimation._prediction_sums import PredictionSums


def brier_skills(sums: PredictionSums) -> list[tuple[float, float]]:
    """Return the skill of both classifiers of a table, and its standard error.

    The Brier score is the mean of sum_k (f[k] - 1[z = k])^2 = 1 + sum_k f[k]^2 - 2 f[z], whose
    parts are sums that are kept. It is proper: predictions of more confidence than they deserve
    make it worse, while they add to mutual information. The skill is what it is better than that
    of p(z) by, as a share (A. H. Murphy, Journal of Applied Meteorology 12, 1973): 1 for certain
    and right predictions, 0 for p(z), below for worse ones.

    The error is that of the mean of 2 f[z], from the blocks; sum_k f[k]^2 rises with f[z] where
    confidence is deserved, so that it is rather too large.

    Parameters
    ----------
    sums : PredictionSums
        Of shape (k, k, k).
    """
    k = sums.shape[2]
    n, p = sums.n_samples, sums.p
    p_z = p.sum(axis=(0, 1))
    reference = 1.0 - float(p_z @ p_z)
    right = np.eye(k)
    hits = np.stack([np.broadcast_to(right[:, None, :], p.shape), np.broadcast_to(right, p.shape)])
    errors = np.sqrt(np.diag(sums.covariance(hits.reshape(2, -1))))
    skills = []
    for hit, squares, error in zip(hits, sums.squares_alone, errors.tolist(), strict=True):
        score = 1.0 + float(squares.sum()) / n - 2.0 * float((hit * p).sum())
        # Of one class there is nothing to be better than.
        skill = 1.0 - score / reference if reference > 0.0 else 0.0
        skills.append((skill, 2.0 * error / reference if reference > 0.0 else 0.0))
    return skills
