"""What several classifiers predict of held-out samples: all tables of them, and what they say."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_bool, check_labels, check_rows
from fastpid._base.quantities import ATOMS
from fastpid._solve.options import SolveOptions
from fastpid.estimation._brier import brier_skills
from fastpid.estimation._prediction_sums import Measurement, PredictionSums, measure
from fastpid.estimation._prediction_unions import ManyMeasurement, excess_of_cells, measure_unions
from fastpid.joint._predictions import check_matrix, softmax

RESTS = ("union", "vote")

#: The largest tables that are decomposed at every observation: of pairs, and of all modalities.
_MOST_CELLS = 2**24
_MOST_CELLS_OF_ALL = 2**21

Key = tuple[str, ...]  # a modality, and those it stands against


class Uncertain(NamedTuple):
    """A value with its bias taken out, and its standard error (NaN where none is kept)."""

    value: float
    error: float


class Reading(NamedTuple):
    """What all tables together say."""

    mi: dict[str, Uncertain]  # of every modality with the label
    unique: dict[str, Uncertain]  # of every modality, against the rest
    skill: dict[str, float]  # the Brier skill of every modality's predictions
    redundancy: Uncertain  # the average over all pairs
    synergy: Uncertain  # in total; by rest="vote" the average over all pairs
    synergy_pairs: Uncertain  # the average over all pairs
    union: Uncertain
    mi_joint: float  # of all modalities with the label; by rest="vote" of each and the vote
    gap: float
    pairs: dict[tuple[str, str], Mapping[str, float]]


class Observations:
    """Tables of every pair of modalities and, of three or more, of all together.

    By ``rest="vote"`` there is, instead of the table of all, one of each modality against the
    average of the others. Standard errors, half of the work, are kept if they are wanted.
    """

    def __init__(
        self,
        modalities: tuple[str, ...],
        num_classes: int,
        soft: bool,
        rest: str,
        design_effect: float,
        options: SolveOptions,
        errors: bool,
    ) -> None:
        self.modalities = modalities
        self.num_classes = num_classes
        self.soft = soft
        self.rest = rest
        self.design_effect = design_effect
        self.options = options
        self.errors = errors
        k = num_classes
        if k**3 > _MOST_CELLS:
            raise ValueError(
                f"a table of {k} x {k} predictions and {k} classes has {k**3} cells, more than the "
                f"{_MOST_CELLS} supported; group the classes"
            )
        self.pairs = list(itertools.combinations(modalities, 2))
        self._shapes: dict[Key, tuple[int, int, int]] = {pair: (k, k, k) for pair in self.pairs}
        # Of three or more, unless all are together, where a modality is the first of a table.
        self._against: dict[str, Key] = {}
        if len(modalities) > 2 and rest == "vote":
            for name in modalities:
                key = (name, *(other for other in modalities if other != name))
                self._shapes[key] = (k, k, k)
                self._against[name] = key
        elif len(modalities) > 2:
            cells = k ** (len(modalities) + 1)
            if cells > _MOST_CELLS_OF_ALL:
                raise ValueError(
                    f"a table of what {len(modalities)} modalities predict of {k} classes has "
                    f"{cells} cells, more than the {_MOST_CELLS_OF_ALL} supported; use "
                    'rest="vote", or group the classes'
                )
            self._shapes[modalities] = (k, k ** (len(modalities) - 1), k)
        self.clear()

    def clear(self) -> None:
        """Forget all samples."""
        self._tables = self._empty()

    def _empty(self) -> dict[Key, PredictionSums]:
        return {
            key: PredictionSums(shape, errors=self.errors) for key, shape in self._shapes.items()
        }

    @property
    def n_samples(self) -> float:
        """The number of samples observed."""
        return next(iter(self._tables.values())).n_samples

    @property
    def sums(self) -> NDArray[np.float64]:
        """All tables as one vector, a copy; it may be set."""
        return np.concatenate([table.sums for table in self._tables.values()])

    @sums.setter
    def sums(self, values: Any) -> None:
        try:
            vector = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"sums must be numbers; got {type(values).__name__}") from None
        sizes = [table.sums.size for table in self._tables.values()]
        fine = vector.shape == (sum(sizes),) and bool((np.isfinite(vector) & (vector >= 0.0)).all())
        tables = self._empty()
        if fine:
            for table, part in zip(
                tables.values(), np.split(vector, np.cumsum(sizes)[:-1]), strict=True
            ):
                table.sums = part.copy()
        # Every sample adds one to each table, and to its count.
        masses = [(table.mass, table.n_samples) for table in tables.values()]
        if not fine or not np.allclose(masses, masses[0][1], rtol=1e-4):
            raise ValueError(
                f"sums must be {sum(sizes)} numbers that were summed by a controller like this; "
                f"got shape {vector.shape}"
            )
        self._tables = tables

    def add(self, outputs: Mapping[str, Any], z: Any, logits: bool) -> None:
        """Take in a batch; AsyncController.observe says what is checked."""
        probabilities = self._check_outputs(outputs, check_bool("logits", logits))
        labels = self._check_labels(z, len(probabilities[self.modalities[0]]))
        if not self.soft:
            probabilities = {
                name: np.eye(self.num_classes)[rows.argmax(axis=1)]
                for name, rows in probabilities.items()
            }
        for key, table in self._tables.items():
            others = [probabilities[name] for name in key[1:]]
            table.add_checked(probabilities[key[0]], self._together(key, others), labels)

    def read(self) -> Reading:
        """Decompose all tables."""
        keys = [key for key, shape in self._shapes.items() if shape == (self.num_classes,) * 3]
        found = measure([self._tables[key] for key in keys], self.options, self.design_effect)
        by_key: dict[Key, Measurement] = dict(zip(keys, found, strict=True))
        of_pairs = [by_key[pair] for pair in self.pairs]
        synergy = _average([_of(pair, "synergy") for pair in of_pairs])
        pairs: dict[tuple[str, str], Mapping[str, float]] = {
            pair: {atom: by_key[pair].values[atom] for atom in ATOMS} for pair in self.pairs
        }
        gap = max(measured.gap for measured in by_key.values())
        reading = Reading(
            mi={},
            unique={},
            skill=self._skills(),
            redundancy=_average([_of(pair, "redundancy") for pair in of_pairs]),
            synergy=synergy,
            synergy_pairs=synergy,
            union=_of(of_pairs[0], "union_information"),
            mi_joint=of_pairs[0].values["mi_xy"],
            gap=gap,
            pairs=pairs,
        )
        if len(self.modalities) == 2:
            roles = dict(zip(self.modalities, "xy", strict=True))
            return reading._replace(
                mi={name: _of(of_pairs[0], f"mi_{role}") for name, role in roles.items()},
                unique={name: _of(of_pairs[0], f"unique_{role}") for name, role in roles.items()},
            )
        if self._against:
            rests = {name: by_key[key] for name, key in self._against.items()}
            return reading._replace(
                mi={name: _of(rest, "mi_x") for name, rest in rests.items()},
                unique={name: _of(rest, "unique_x") for name, rest in rests.items()},
                union=_average([_of(rest, "union_information") for rest in rests.values()]),
                mi_joint=statistics.fmean(rest.values["mi_xy"] for rest in rests.values()),
            )
        excess = self._excess_of_cells()
        whole = measure_unions(
            self._tables[self.modalities], excess, self.options, self.design_effect
        )
        places = {name: place for place, name in enumerate(self.modalities)}
        return reading._replace(
            mi={name: _of(whole, f"mi_{place}") for name, place in places.items()},
            unique={name: _of(whole, f"unique_{place}") for name, place in places.items()},
            synergy=_of(whole, "synergy"),
            union=_of(whole, "union_information"),
            mi_joint=whole.values["mi_joint"],
            gap=max(gap, whole.gap),
        )

    def _skills(self) -> dict[str, float]:
        first, *others = self.modalities
        in_pairs = [brier_skills(self._tables[first, other]) for other in others]
        found = [in_pairs[0][0], *(second for _, second in in_pairs)]
        return dict(zip(self.modalities, found, strict=True))

    def _excess_of_cells(self) -> list[float]:
        """Return that of every modality's table with the label, which the pairs' sums have."""
        first, *others = self.modalities
        in_pairs = [excess_of_cells(self._tables[first, other]) for other in others]
        return [in_pairs[0][0], *(second for _, second in in_pairs)]

    def _together(self, key: Key, rows: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return the predictions (n, symbols) of all but the first of a table as those of one."""
        if key in self._against.values():
            return np.asarray(np.mean(rows, axis=0))
        product = rows[0]
        for other in rows[1:]:
            product = (product[:, :, None] * other[:, None, :]).reshape(len(other), -1)
        return product

    def _check_outputs(
        self, outputs: Mapping[str, Any], logits: bool
    ) -> dict[str, NDArray[np.float64]]:
        if not isinstance(outputs, Mapping):
            raise TypeError(
                "outputs must map the names of the modalities to arrays; "
                f"got {type(outputs).__name__}"
            )
        missing = [name for name in self.modalities if name not in outputs]
        unknown = [name for name in outputs if name not in self.modalities]
        if missing or unknown:
            raise ValueError(
                f"outputs must have the modalities {', '.join(self.modalities)}"
                + (f"; missing: {', '.join(missing)}" if missing else "")
                + (f"; unknown: {', '.join(map(str, unknown))}" if unknown else "")
            )
        probabilities = {}
        for name in self.modalities:
            title = f"outputs[{name!r}]"
            rows = check_matrix(title, outputs[name])
            if rows.shape[1] != self.num_classes:
                raise ValueError(
                    f"{title} has {rows.shape[1]} columns, but num_classes is {self.num_classes}; "
                    "pass one probability or logit for every class"
                )
            if logits:
                rows = softmax(title, rows)
            else:
                check_rows(title, rows, "or logits with logits=True")
            probabilities[name] = rows
        sizes = {name: len(rows) for name, rows in probabilities.items()}
        if len(set(sizes.values())) > 1:
            raise ValueError(
                "outputs must be of the same samples; got "
                + ", ".join(f"{size} of {name!r}" for name, size in sizes.items())
            )
        return probabilities

    def _check_labels(self, z: Any, samples: int) -> NDArray[np.int64]:
        labels = check_labels(z)
        if labels.dtype.kind not in "iu" or labels.ndim != 1:
            raise TypeError(
                f"z must be integer labels of shape (n,); got dtype {labels.dtype} and shape "
                f"{labels.shape}"
            )
        if len(labels) != samples:
            raise ValueError(
                f"z has {len(labels)} labels, but outputs are of {samples} samples; "
                "pass the same samples in both"
            )
        least, most = int(labels.min()), int(labels.max())
        if least < 0 or most >= self.num_classes:
            raise ValueError(
                f"z has labels from {least} to {most}; num_classes={self.num_classes} takes "
                f"0 to {self.num_classes - 1}"
            )
        return labels.astype(np.int64)


def _of(measured: Measurement | ManyMeasurement, name: str) -> Uncertain:
    return Uncertain(measured.values[name], measured.errors.get(name, math.nan))


def _average(found: list[Uncertain]) -> Uncertain:
    """Return the average; its error is the average of errors at most, whatever correlates."""
    values, errors = zip(*found, strict=True)
    return Uncertain(statistics.fmean(values), statistics.fmean(errors))
