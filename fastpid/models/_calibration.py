"""Posteriors that mean what they say, by the labels of samples no model was fitted to.

"temperature" multiplies the logarithms of a model's probabilities by one number and adds one to
each class, with the least cross-entropy ("bias-corrected temperature scaling", Alexandari, Kundaje
and Shrikumar, ICML 2020). At its minimum the mean of the posteriors is the classes' frequencies,
and the mean of their entropies is the cross-entropy: the information that posteriors claim is the
one that labels confirm. "isotonic" fits a monotone function to the probability of each class.

A calibrator is fitted to other folds than the one it is used for. To what it gives, one sample's
worth of the classes' frequencies is added: n samples do not show that a class is impossible. Where
a model says zero, as a forest does, half of its smallest probability is taken for the logarithm.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.extras import import_extra

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]
CALIBRATIONS = ("temperature", "isotonic", "none")
#: In units of one sample: keeps the offsets of classes that a fold hardly has finite.
_PRIOR = 0.1


def calibrate(
    kind: str, probabilities: Floats, codes: Labels, folds: Labels, frequencies: Floats
) -> Floats:
    """Return posteriors (n, nz), those of each fold calibrated by the labels of the others."""
    if kind == "none":
        return probabilities
    fit = _temperature if kind == "temperature" else _isotonic
    out = np.empty_like(probabilities)
    for fold in np.unique(folds):
        within, others = folds == fold, folds != fold
        n = int(others.sum())
        found = fit(probabilities[others], codes[others], probabilities[within])
        out[within] = _with_one_sample(found, n, frequencies)
    return out


def temperature_loss(probabilities: Floats, codes: Labels, frequencies: Floats) -> float:
    """Return the cross-entropy of the best temperature and offsets, in nats."""
    n = len(codes)
    rows = _with_one_sample(_temperature(probabilities, codes, probabilities), n, frequencies)
    return -float(np.log(rows[np.arange(n), codes]).mean())


def _temperature(probabilities: Floats, codes: Labels, to: Floats) -> Floats:
    optimize = import_extra("scipy.optimize", "fastpid.models")
    zero = 0.5 * min(part[part > 0.0].min() for part in (probabilities, to))
    logs, logs_to = (np.log(np.where(p > 0.0, p, zero)) for p in (probabilities, to))
    n, classes = logs.shape
    hits = np.bincount(codes, minlength=classes)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        rows, totals = _softmax(logs, parameters)
        value = float(totals.sum() - parameters[0] * logs[np.arange(n), codes].sum())
        value += -float(hits @ parameters[1:]) + _PRIOR * float(parameters[1:] @ parameters[1:])
        slope = float((rows * logs).sum() - logs[np.arange(n), codes].sum())
        slopes = rows.sum(axis=0) - hits + 2.0 * _PRIOR * parameters[1:]
        return value / n, np.append(slope, slopes) / n

    start = np.append(1.0, np.zeros(classes))
    # A model that is worse than none is not turned around: its temperature is infinite.
    bounds = [(0.0, None)] + [(None, None)] * classes
    found = optimize.minimize(
        loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"gtol": 1e-9}
    )
    return _softmax(logs_to, found.x)[0]


def _softmax(logs: Floats, parameters: Floats) -> tuple[Floats, Floats]:
    """Return rows in proportion to exp(beta log p + offset), and the logarithms of their sums."""
    scores = parameters[0] * logs + parameters[1:]
    largest = scores.max(axis=1, keepdims=True)
    odds = np.exp(scores - largest)
    total = odds.sum(axis=1, keepdims=True)
    return odds / total, np.ravel(np.log(total) + largest)


def _isotonic(probabilities: Floats, codes: Labels, to: Floats) -> Floats:
    isotonic = import_extra("sklearn.isotonic", "fastpid.models")
    out = np.empty_like(to)
    for z in range(to.shape[1]):
        hit = codes == z
        model: Any = isotonic.IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
        out[:, z] = model.fit(probabilities[:, z], hit.astype(np.float64)).predict(to[:, z])
    # A row may be zero in all classes: nothing is known of it then.
    total = out.sum(axis=1, keepdims=True)
    frequencies = np.bincount(codes, minlength=to.shape[1]) / len(codes)
    return np.where(total > 0.0, out / np.where(total > 0.0, total, 1.0), frequencies)


def _with_one_sample(rows: Floats, n: int, frequencies: Floats) -> Floats:
    """Return distributions with one more sample than the n that they were fitted to."""
    return (n * rows + frequencies) / (n + 1.0)
