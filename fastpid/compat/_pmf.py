"""Distributions in dicts of outcomes, and the options of cone solvers that go with them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice, check_count
from fastpid.joint._tables import check_cells

Floats = NDArray[np.float64]

#: Options of ECOS, which the packages hand on to it. Nothing here has a use for them.
_ECOS_OPTIONS = {
    *("verbose", "abstol", "reltol", "feastol", "abstol_inacc", "reltol_inacc", "feastol_inacc"),
    *("max_iters", "mi_verbose", "mi_max_iters", "mi_abs_eps", "mi_rel_eps", "mi_int_tol"),
}
#: How far probabilities may sum from one: what both packages assert.
_MASS_TOLERANCE = 1e-10


def read_pmf(pmf: Any, size: int) -> Floats:
    """Return the table of a dict of outcomes: the first symbol, the target, becomes the last axis.

    Outcomes without mass are left out, as the packages do.
    """
    if not isinstance(pmf, Mapping):
        raise TypeError(f"pdf must be a dict of outcomes and probabilities; got {_kind(pmf)}")
    if set(map(type, pmf)) != {tuple} or set(map(len, pmf)) != {size}:
        _check_outcomes(pmf, size)
    if set(map(type, pmf.values())) != {float} or not min(pmf.values()) > 0.0:
        _check_masses(pmf)
        pmf = {outcome: float(mass) for outcome, mass in pmf.items() if mass > 0.0}
    total = math.fsum(pmf.values())
    if not abs(total - 1.0) <= _MASS_TOLERANCE:
        raise ValueError(
            f"the probabilities of pdf sum to {total:.12g}, not to 1; divide counts by their sum"
        )
    codes, shape = [], []
    for symbols in zip(*pmf, strict=True):
        index = {symbol: code for code, symbol in enumerate(dict.fromkeys(symbols))}
        codes.append([index[symbol] for symbol in symbols])
        shape.append(len(index))
    axes = (*shape[1:], shape[0])
    check_cells((math.prod(axes[:-2]), *axes[-2:]))
    table = np.zeros(axes)
    table[(*codes[1:], codes[0])] = list(pmf.values())
    return table


def _check_outcomes(pmf: Mapping[Any, Any], size: int) -> None:
    for outcome in pmf:
        if isinstance(outcome, str) or not isinstance(outcome, Sequence) or len(outcome) != size:
            raise ValueError(
                f"every key of pdf must be a tuple of {size} symbols, the target first; "
                f"got {outcome!r}"
            )


def _check_masses(pmf: Mapping[Any, Any]) -> None:
    for outcome, mass in pmf.items():
        if isinstance(mass, bool) or not isinstance(mass, (int, float, np.number)):
            raise TypeError(f"pdf[{outcome!r}] must be a number; got {_kind(mass)}")
        if not 0.0 <= mass < math.inf:
            raise ValueError(f"pdf[{outcome!r}] must be finite and not negative; got {mass!r}")


def check_solver(cone_solver: Any, output: Any, options: dict[str, Any]) -> bool:
    """Check the arguments that concern a cone solver; return whether the solver object is kept."""
    check_choice("cone_solver", cone_solver, ("ECOS",))
    check_count("output", output, 0)
    keep = options.pop("keep_solver_object", False)
    unknown = sorted(set(options) - _ECOS_OPTIONS)
    if unknown:
        raise TypeError(
            f"pid() got an unexpected option {unknown[0]!r}; those of ECOS are taken, and are "
            "without effect here"
        )
    return keep is True


def _kind(value: Any) -> str:
    return type(value).__name__
