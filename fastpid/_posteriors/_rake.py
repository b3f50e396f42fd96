"""Posteriors of both sources given one p(z).

f(z | i) with weights w_i is tilted to r(z | i) = f(z | i) exp(t_z) / sum_z f(z | i) exp(t_z), with
the t for which its mean is p(z): of all families of posteriors with that mean the closest one in
relative entropy (Csiszar 1975). The t minimise the convex function

    sum_i w_i log sum_z f(z | i) exp(t_z) - sum_z p(z) t_z,

whose gradient is mean r - p(z) and whose Hessian diag(mean r) - sum_i w_i r_i r_i': Newton's
method, its step halved until the function falls. A row that is certain of a class stays so, and
where too many are, no t leads to p(z).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: A class with a mean this close to its p(z) has it.
CLOSE = 1e-9
_MOST_STEPS = 100
_MOST_HALVINGS = 30
#: The largest change of a logarithm in one step.
_LONGEST_STEP = 5.0


def rake(name: str, rows: Floats, weights: Floats, p_z: Floats) -> Floats:
    """Return rows (n, nz) that sum to one and whose weighted mean is p(z).

    Raises
    ------
    ValueError
        If there are none, with the class that is the furthest off.
    """

    def tilted(t: Floats) -> tuple[float, Floats]:
        """Return the function, and the rows tilted by t."""
        raked = rows * np.exp(t - t.max())
        total = raked.sum(axis=1)
        if not total.all():  # no class that such a row holds possible is left
            return np.inf, raked
        raked /= total[:, None]
        return float(weights @ np.log(total) + t.max() - p_z @ t), raked

    t = np.zeros_like(p_z)
    value, raked = tilted(t)
    for _ in range(_MOST_STEPS):
        mean = weights @ raked
        if np.abs(mean - p_z).max() <= CLOSE:
            return raked
        hessian = np.diag(mean) - raked.T @ (raked * weights[:, None])
        step = np.linalg.lstsq(hessian, p_z - mean, rcond=1e-14)[0]
        step *= min(1.0, _LONGEST_STEP / max(float(np.abs(step).max()), 1e-300))
        for _ in range(_MOST_HALVINGS):
            new, candidate = tilted(t + step)
            if new < value or np.abs(weights @ candidate - p_z).max() <= CLOSE:
                break
            step *= 0.5
        else:
            break
        t, value, raked = t + step, new, candidate
    z = int(np.abs(mean - p_z).argmax())
    certain = float(weights[rows[:, z] > 1.0 - 1e-6].sum())
    possible = float(weights[rows[:, z] > 0.0].sum())
    raise ValueError(
        f"{name} cannot be tilted to the p(z) of both sources: class {z} has p(z={z}) = "
        f"{p_z[z]:.4g}, and the rows get no closer than {mean[z]:.4g} (rows worth {certain:.4g} "
        f"are certain of it, and rows worth {possible:.4g} hold it possible at all); pass "
        "posteriors that are calibrated, of samples with the same classes"
    )
