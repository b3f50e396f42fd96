"""The bounds around the answer of a solver, in numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Potential where the marginal is zero and the true one is minus infinity.
_FLOOR = -50.0


def round_to_marginals(q: Array, p_xz: Array, p_yz: Array) -> Array:
    """Round q >= 0 to the exact marginals (Altschuler, Weed and Rigollet 2017), for every z."""

    def ratio(wanted: Array, got: Array) -> Array:
        out: Array = np.divide(wanted, got, out=np.zeros_like(got), where=got > 0.0)
        return np.minimum(out, 1.0)

    q = q * ratio(p_xz, q.sum(axis=1))[:, None, :]
    q = q * ratio(p_yz, q.sum(axis=0))[None, :, :]
    missing_x = np.maximum(p_xz - q.sum(axis=1), 0.0)
    missing_y = np.maximum(p_yz - q.sum(axis=0), 0.0)
    mass = missing_x.sum(axis=0)
    # Shares, not the reciprocal of a mass, which may be too large a number.
    share = np.divide(missing_y, mass, out=np.zeros_like(missing_y), where=mass > 0.0)
    out: Array = q + missing_x[:, None, :] * share[None, :, :]
    return out


def dual_bound(
    p_xz: Array, p_yz: Array, duals: tuple[Array, Array] | None
) -> tuple[float, Array, Array]:
    """Bound F from below by repaired potentials: the solver's, or the closed-form proxy's.

    Subtracting max_y log sum_z exp(lam[x] + mu[y]) from lam[x], and then the like from mu[y], makes
    every constraint hold.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        p_z = p_xz.sum(axis=0)
        proxy_lam = np.log(p_xz / p_xz.sum(axis=1, keepdims=True))
        proxy_mu = np.log(p_yz / p_yz.sum(axis=1, keepdims=True) / p_z)
    candidates = [(proxy_lam, proxy_mu)] + ([duals] if duals is not None else [])
    best: tuple[float, Array, Array] | None = None
    for lam, mu in candidates:
        lam = np.where(p_xz > 0, lam, -np.inf)
        mu = np.where(p_yz > 0, mu, -np.inf)
        if not (np.isfinite(lam[p_xz > 0]).all() and np.isfinite(mu[p_yz > 0]).all()):
            continue
        lam = lam - _row_maxima(lam, mu)[:, None]
        mu = mu - _row_maxima(mu, lam)[:, None]
        # Gauge: the largest mu of every target symbol is 0, so every lam is at most 0.
        peak = np.max(mu, axis=0, initial=-np.inf)
        peak = np.where(np.isfinite(peak), peak, 0.0)
        lam = np.where(p_xz > 0, lam + peak, _FLOOR)
        mu = np.where(p_yz > 0, mu - peak, _FLOOR)
        value = float(np.sum(p_xz * lam) + np.sum(p_yz * mu))
        if best is None or value > best[0]:
            best = value, lam, mu
    assert best is not None  # the proxy is always finite on its support
    return best


def _row_maxima(own: Array, other: Array) -> Array:
    """Return max over j of log sum_z exp(own[i, z] + other[j, z]); 0 where a row has no mass.

    Stable for any potentials, a failed solver's too: exp() sees nothing above zero.
    """
    logs = own[:, None, :] + other[None, :, :]
    peak = logs.max(axis=2)
    void = np.isneginf(peak)
    peak = np.where(void, 0.0, peak)
    with np.errstate(divide="ignore"):
        sums = peak + np.log(np.exp(logs - peak[:, :, None]).sum(axis=2))
    worst: Array = np.where(void, -np.inf, sums).max(axis=1)
    return np.where(np.isneginf(worst), 0.0, worst)
