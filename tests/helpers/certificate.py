"""What stands behind the bracket of a Decomposition, computed again from the table alone."""

from __future__ import annotations

import numpy as np

import fastpid
from fastpid.information import mutual_information

LN2 = np.log(2.0)


def check_coupling(p: np.ndarray, d: fastpid.Decomposition) -> float:
    """Check that the coupling has the table's marginals; return its information in bits."""
    q = d.coupling()
    assert q.min() >= 0.0
    np.testing.assert_allclose(q.sum(axis=1), p.sum(axis=1), rtol=0, atol=1e-14)
    np.testing.assert_allclose(q.sum(axis=0), p.sum(axis=0), rtol=0, atol=1e-14)
    nx, ny, nz = p.shape
    return float(mutual_information(q.reshape(nx * ny, nz)))


def check_potentials(p: np.ndarray, d: fastpid.Decomposition) -> float:
    """Check that the potentials are feasible; return the bound that they prove, in bits.

    It is no better than the lower bound, which may come from the information inequalities.
    """
    lam, mu = d.potentials
    assert np.isfinite(lam).all()
    assert np.isfinite(mu).all()
    assert np.log(np.exp(lam[:, None, :] + mu[None, :, :]).sum(axis=2)).max() <= 1e-12
    p_z = p.sum(axis=(0, 1))
    h_z = -np.sum(p_z[p_z > 0] * np.log(p_z[p_z > 0]))
    value = h_z + np.sum(p.sum(axis=1) * lam) + np.sum(p.sum(axis=0) * mu)
    assert value / LN2 <= d.lower + 1e-12
    return float(value / LN2)
