"""What posteriors claim about the target, and what the labels confirm.

Of rows f_i = p(z | sample i) with mean p(z), the claim is I = H(Z) - mean H(f_i), and what labels
confirm H(Z) - mean -log f_i(z_i): a lower bound of the information of whatever the models saw, on
average over samples that they did not see (Barber and Agakov 2003). Calibrated posteriors claim
what labels confirm. Where they do not, the labels are right, and the union information goes along.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import NATS_PER_UNIT
from fastpid._base.warn import stacklevel_outside
from fastpid._posteriors import decompose_posteriors
from fastpid._posteriors._rake import rake
from fastpid._posteriors._source import sums_p_log_p
from fastpid.models._cross_fit import Posteriors
from fastpid.models._read import Target
from fastpid.models._wanted import Wanted
from fastpid.result import Decomposition

Floats = NDArray[np.float64]

MI = ("mi_x", "mi_y", "mi_xy")
#: Claims are contradicted by a difference of so many standard errors, and of so many nats.
_ERRORS, _LEAST = 3.0, 0.014


class CalibrationWarning(UserWarning):
    """Posteriors claim another information than the labels confirm."""


class Informations(NamedTuple):
    """What was found of one set of posteriors, in nats."""

    decomposition: Decomposition[float]  # in the unit asked for, without I(X, Y; Z)
    claimed: Floats  # (3,): I(X; Z), I(Y; Z) and I(X, Y; Z)
    confirmed: Floats  # (3,)
    contradicted: bool
    excess: float  # of the union information, as far as it is taken out

    @property
    def used(self) -> Floats:
        """The informations that the values are made of."""
        return self.confirmed if self.contradicted else self.claimed

    def vector(self) -> Floats:
        """Return mi_x, mi_y, mi_xy and the union information, the excess taken out."""
        unit = NATS_PER_UNIT[self.decomposition.unit]
        union = self.decomposition.union_information * unit
        return along(union - self.excess, self.claimed, self.used)


def along(union: float, claimed: Floats, used: Floats) -> Floats:
    """Return the vector of informations and the union information, which goes with them.

    A change of I(X; Z) is shared by redundancy and unique information as I(X; Z) is; one of the
    redundancy is half of each source's. The union information is not below either.
    """
    own = claimed[:2]
    # The gap may put the redundancy of sources that say next to nothing beyond either.
    redundancy = np.clip(own.sum() - union, 0.0, own)
    shares = 1.0 - 0.5 * np.divide(redundancy, own, out=np.zeros(2), where=own > 0.0)
    moved = union + float(shares @ (used - claimed)[:2])
    return np.append(used, max(moved, *used[:2]))


def informations(
    posteriors: Posteriors,
    target: Target,
    wanted: Wanted,
    seed: int,
) -> Informations:
    """Decompose posteriors, and hold them against the labels."""
    p_z, n = target.frequencies, len(target.codes)
    surprises = [
        surprise(f"posteriors_{name}", rows, target) for name, rows in posteriors._asdict().items()
    ]
    decomposition = decompose_posteriors(
        posteriors.x,
        posteriors.y,
        p_z=p_z,
        n_symbols=wanted.n_symbols,
        bias=wanted.bias,
        tol=wanted.tol,
        unit=wanted.unit,
        threads=wanted.threads,
        rng=seed,
        on_failure="ignore",
    )
    unit = NATS_PER_UNIT[wanted.unit]
    weights = np.full(n, 1.0 / n)
    both = rake("posteriors_xy", posteriors.xy, weights, p_z)
    entropy = -float(sums_p_log_p(p_z))
    room = decomposition.union_information - max(decomposition.mi_x, decomposition.mi_y)
    claims = [decomposition.mi_x * unit, decomposition.mi_y * unit]
    claims.append(entropy + float(sums_p_log_p(both).mean()))
    return Informations(
        decomposition,
        np.array(claims),
        np.array([entropy - float(s.mean()) for s in surprises]),
        contradict(surprises, posteriors),
        # By convexity none is below zero, and the union information is not below either of the two.
        float(np.clip(decomposition.details.get("bias", 0.0), 0.0, room)) * unit,
    )


def contradict(surprises: Sequence[Floats], posteriors: Sequence[Floats]) -> bool:
    """Return whether the labels contradict what some posteriors claim."""
    n = len(surprises[0])
    # Of every sample, what its rows claim more than its label confirms.
    over = [s + sums_p_log_p(rows) for s, rows in zip(surprises, posteriors, strict=True)]
    # One sample's worth of doubt is claimed too much of posteriors that are always right.
    least = _LEAST + np.log(n) / n
    return any(
        abs(float(d.mean())) > max(_ERRORS * float(d.std()) / np.sqrt(n), least) for d in over
    )


def surprise(name: str, rows: Floats, target: Target) -> Floats:
    """Return -log f_i(z_i) of every sample.

    Raises
    ------
    ValueError
        If a sample's class is held impossible.
    """
    of_class = rows[np.arange(len(rows)), target.codes]
    if not of_class.all():
        first = int(np.flatnonzero(of_class == 0.0)[0])
        raise ValueError(
            f"{name} holds the class of sample {first} impossible, and of "
            f"{np.count_nonzero(of_class == 0.0)} samples in all, so that labels refute it "
            'altogether; pass calibration="temperature", or posteriors that are calibrated'
        )
    return -np.log(of_class)


def warn_of(names: Sequence[str], claimed: Floats, confirmed: Floats, unit: str) -> None:
    """Warn that the labels contradict what posteriors claim, both in nats."""
    scale = 1.0 / NATS_PER_UNIT[unit]
    texts = [
        f"{name} {claim * scale:.3f} against {label * scale:.3f}"
        for name, claim, label in zip(names, claimed, confirmed, strict=True)
    ]
    warnings.warn(
        f"the posteriors claim other informations than labels confirm ({', '.join(texts)} {unit}):"
        " they are not calibrated, or are those of training data; what labels confirm is used; "
        'pass calibration="temperature", and posteriors of samples that no model was fitted to',
        CalibrationWarning,
        stacklevel=stacklevel_outside("fastpid"),
    )
