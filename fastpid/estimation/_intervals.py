"""Intervals from the errors of resamples, null hypotheses, and p-values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import ATOMS

INTERVALS = ("none", "normal", "pivot")
NULLS = ("target", "conditional")

SHUFFLED_Z = "z shuffled"
SHUFFLED_X = "x shuffled"
SHUFFLED_Y = "y shuffled"
SHUFFLED_X_GIVEN_Y = "x shuffled among equal y"
SHUFFLED_Y_GIVEN_X = "y shuffled among equal x"
#: What is done to the samples: the variable that is shuffled, and the one that stays with it.
SHUFFLES = {
    SHUFFLED_Z: ("z", ""),
    SHUFFLED_X: ("x", ""),
    SHUFFLED_Y: ("y", ""),
    SHUFFLED_X_GIVEN_Y: ("x", "y"),
    SHUFFLED_Y_GIVEN_X: ("y", "x"),
}
#: What moves the same variable among all samples alike.
WITHOUT_STRATA = {
    SHUFFLED_X_GIVEN_Y: SHUFFLED_X,
    SHUFFLED_Y_GIVEN_X: SHUFFLED_Y,
}
#: By null hypothesis and atom; of several, the largest p-value counts.
NULL_OF: dict[str, dict[str, tuple[str, ...]]] = {
    "target": dict.fromkeys(ATOMS, (SHUFFLED_Z,)),
    "conditional": {
        "redundancy": (SHUFFLED_X, SHUFFLED_Y),
        "unique_x": (SHUFFLED_X_GIVEN_Y,),
        "unique_y": (SHUFFLED_Y_GIVEN_X,),
        "synergy": (SHUFFLED_X_GIVEN_Y, SHUFFLED_Y_GIVEN_X),
    },
}
#: Atoms that can be zero although these nulls are false: a source that says something beyond the
#: other one together with it alone has no unique information, and two that say different things no
#: redundancy. Under the conditional null, these have to be beyond their errors as well.
JUDGED_BY_ERRORS: dict[str, tuple[str, ...]] = {
    "conditional": ("redundancy", "unique_x", "unique_y"),
    "target": (),
}


class Hypotheses(NamedTuple):
    """What atoms are tested against, and which are found in which way.

    Attributes
    ----------
    shuffles : mapping
        What is done to the samples: the variables that are moved as one, as in "x" or "x0,x2", and
        the one that stays with them, or "".
    null_of : mapping
        By null hypothesis and atom, what is done; of several, the largest p-value counts.
    judged : mapping
        By null hypothesis, the atoms that have to be beyond their errors as well.
    unique : tuple of str
        The unique informations: where two or more of them are zero, values may be at a kink.
    """

    shuffles: Mapping[str, tuple[str, str]]
    null_of: Mapping[str, Mapping[str, tuple[str, ...]]]
    judged: Mapping[str, tuple[str, ...]]
    unique: tuple[str, ...]


OF_PAIRS = Hypotheses(SHUFFLES, NULL_OF, JUDGED_BY_ERRORS, ("unique_x", "unique_y"))


class Errors(NamedTuple):
    """What is known of an estimator's errors, by the names of values; arrays of several fields.

    Attributes
    ----------
    drawn : mapping to ndarray (n_bootstrap,) or (n_bootstrap, n_fields)
        What it is off by, of resamples.
    left : mapping to float or ndarray (n_fields,)
        The bias that its correction may leave. Nothing says how much of it there is, so that
        intervals reach from none to all of it.
    kink : mapping to float or ndarray (n_fields,)
        By how much it would be larger if the bias fell like 1 / sqrt(N): at a kink.
    """

    drawn: Mapping[str, NDArray[np.float64]]
    left: Mapping[str, Any]
    kink: Mapping[str, Any]

    def of_field(self, field: int) -> Errors:
        """Return what is known of one of several fields."""
        return Errors(*({name: v[..., field] for name, v in each.items()} for each in self))


def intervals(
    kind: str,
    confidence_level: float,
    values: Mapping[str, float],
    errors: Errors,
    p_values: Mapping[str, float],
    reach: Mapping[str, float] | None = None,
    unique: Sequence[str] = OF_PAIRS.unique,
) -> dict[str, tuple[float, float]]:
    """Return the interval of every value, as wide as errors, bias and tests ask for.

    `reach` says how far an interval reaches to either side, where that is not what `kind` makes of
    the level. `p_values` are those of atoms that were tested. What a test does not refute
    is within the interval: resamples know nothing of cells that were not seen, and where such cells
    alone would show that there is nothing, their errors are too small.
    """
    plain = plain_intervals(kind, confidence_level, values, errors, reach)
    bias = bias_left(plain, errors, unique)
    found = {}
    for name, (low, high) in plain.items():
        low, high = low + bias[name][0], high + bias[name][1]
        if p_values.get(name, 0.0) > 1.0 - confidence_level:
            low = min(low, 0.0)
        found[name] = low, high
    return found


def plain_intervals(
    kind: str,
    confidence_level: float,
    values: Mapping[str, float],
    errors: Errors,
    reach: Mapping[str, float] | None = None,
) -> dict[str, tuple[float, float]]:
    """Return intervals() as wide as errors ask for."""
    return {
        name: _interval(
            kind, confidence_level, values[name], drawn, None if reach is None else reach[name]
        )
        for name, drawn in errors.drawn.items()
    }


def bias_left(
    plain: Mapping[str, tuple[float, float]],
    errors: Errors,
    unique: Sequence[str] = OF_PAIRS.unique,
) -> dict[str, tuple[float, float]]:
    """Return what may have to be added to values, at least and at most, by their plain intervals.

    Where neither of two sources need have unique information, their mutual informations may be
    equal, and the bias be that of a kink.
    """
    at_kink = sum(plain[name][0] + min(errors.kink[name], 0.0) <= 0.0 for name in unique) >= 2
    shifts = {name: (-errors.left[name], errors.kink[name] if at_kink else 0.0) for name in plain}
    return {name: (min(*each, 0.0), max(*each, 0.0)) for name, each in shifts.items()}


def error_p_value(name: str, value: float, errors: Errors) -> float:
    """Return the probability of so large an error, normal and one-sided; at a kink, if need be."""
    deviation = float(errors.drawn[name].std(ddof=1))
    value += min(errors.kink[name], 0.0)
    if deviation == 0.0:
        return 0.0 if value > 0.0 else 1.0
    return 1.0 - NormalDist(0.0, deviation).cdf(value)


def _interval(
    kind: str,
    confidence_level: float,
    value: float,
    errors: NDArray[np.float64],
    reach: float | None,
) -> tuple[float, float]:
    """Return the interval of a value from the errors that its estimator makes of resamples.

    A resample's truth is what the samples say, so that its value less the samples' plug-in value is
    an error of the estimator, bias and all (a pivot: Davison and Hinkley 1997, section 2.4).

    Parameters
    ----------
    kind : {"normal", "pivot"}
        "normal": the value and as many standard deviations of the errors to either side as the
        level asks for. "pivot": the value less the quantiles of the errors, and never without it.
    """
    tail = 0.5 * (1.0 - confidence_level)
    if reach is None and kind == "normal":
        reach = -NormalDist().inv_cdf(tail) * float(errors.std(ddof=1))
    if reach is not None:
        return value - reach, value + reach
    low, high = np.quantile(errors, [tail, 1.0 - tail]).tolist()
    return min(value - high, value), max(value - low, value)


def p_value(observed: float, null: NDArray[np.float64], gap: float) -> float:
    """Return (1 + how many are as large) / (1 + all); values closer than `gap` are ties."""
    larger = int(np.count_nonzero(null >= observed - gap))
    return (1 + larger) / (1 + null.size)
