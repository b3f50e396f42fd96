"""What is to be estimated: the options that all doors share, and their checks."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

from fastpid._base.checks import check_choice, check_count, check_open_interval
from fastpid._base.quantities import ATOMS
from fastpid.estimation._bias import BIASES
from fastpid.estimation._intervals import INTERVALS, NULLS, OF_PAIRS, Hypotheses

Bias = Literal["none", "miller_madow", "chao_shen", "qe", "shuffle", "qe_shuffle", "jackknife"]
Interval = Literal["none", "normal", "pivot"]
Null = Literal["target", "conditional"]

#: Errors of fewer resamples say little of their size.
_LEAST_BOOTSTRAP = 20
#: The tolerance of the samples' own table, in the unit asked for.
DEFAULT_TOL = 1e-9


class Wanted(NamedTuple):
    """What is to be estimated, checked."""

    bias: str
    ci: str
    confidence_level: float
    n_bootstrap: int
    n_permutations: int
    null: str
    same_tol: bool  # for resamples as for the samples
    atoms: tuple[str, ...] = ATOMS  # that are tested
    hypotheses: Hypotheses = OF_PAIRS

    @property
    def nulls(self) -> dict[str, tuple[str, ...]]:
        """What is done to the samples to test each atom."""
        if not self.n_permutations:
            return {}
        null_of = self.hypotheses.null_of[self.null]
        return {atom: null_of[atom] for atom in self.atoms}

    @property
    def kinds(self) -> list[str]:
        """Everything that is done to the samples to test atoms."""
        return list(dict.fromkeys(kind for kinds in self.nulls.values() for kind in kinds))

    @property
    def judged(self) -> list[str]:
        """The atoms that have to be beyond their errors as well."""
        judged = self.hypotheses.judged[self.null]
        return [atom for atom in self.nulls if atom in judged]

    @property
    def needs_errors(self) -> bool:
        """Whether intervals or tests ask how far the estimator is off, of resamples."""
        return self.ci != "none" or bool(self.judged)


def check_wanted(
    bias: Any,
    ci: Any,
    confidence_level: Any,
    n_bootstrap: Any,
    n_permutations: Any,
    null: Any,
    tol: Any = None,
    atoms: Any = ATOMS,
) -> Wanted:
    tested = (atoms,) if isinstance(atoms, str) else tuple(atoms)
    for atom in tested:
        check_choice("atoms", atom, ATOMS)
    if not tested and n_permutations:
        raise ValueError(
            f"atoms is empty; name some of {', '.join(ATOMS)}, or pass n_permutations=0"
        )
    wanted = Wanted(
        check_choice("bias", bias, BIASES),
        check_choice("ci", ci, INTERVALS),
        check_open_interval("confidence_level", confidence_level, 0.0, 1.0),
        check_count("n_bootstrap", n_bootstrap, 0),
        check_count("n_permutations", n_permutations, 0),
        check_choice("null", null, NULLS),
        tol is not None,
        tuple(atom for atom in ATOMS if atom in tested),
    )
    level = 1.0 - wanted.confidence_level
    least = math.ceil(round(1.0 / level, 6)) - 1
    if 0 < wanted.n_permutations < least:
        raise ValueError(
            f"n_permutations={wanted.n_permutations} leaves no p-value below "
            f"{1 / (1 + wanted.n_permutations):.2g}, and confidence_level={confidence_level} asks "
            f"for {level:.2g}; take {least} or more, or 0 for no tests"
        )
    least = math.ceil(round(2.0 / level, 6)) if ci == "pivot" else _LEAST_BOOTSTRAP
    if wanted.needs_errors and wanted.n_bootstrap < least:
        raise ValueError(
            f"n_bootstrap={wanted.n_bootstrap} resamples are too few for the errors that intervals "
            f'and tests ask for; take {least} or more, or ci="none" and n_permutations=0'
        )
    return wanted
