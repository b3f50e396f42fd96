"""What several classifiers predict of held-out samples: all tables of them, and what they say."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_bool, check_labels, check_rows
from fastpid._base.quantities import ATOMS
from fastpid._solve.options import SolveOptions
from fastpid.estimation._prediction_sums import Measurement, PredictionSums, measure
from fastpid.joint._predictions import check_matrix, softmax

RESTS = ("joint", "vote")

#: The largest table that is decomposed at every observation.
_MOST_CELLS = 2**24

Key = tuple[str, ...]  # a modality, and those it stands against


class Uncertain(NamedTuple):
    """A value with its bias taken out, and its standard error."""

    value: float
    error: float


class Reading(NamedTuple):
    """What all tables together say."""

    mi: dict[str, Uncertain]  # of every modality with the label
    unique: dict[str, Uncertain]  # of every modality, against the rest
    redundancy: Uncertain  # averages over all pairs
    synergy: Uncertain
    mi_joint: float  # of a modality and the rest with the label, averaged over modalities
    gap: float
    pairs: dict[tuple[str, str], Mapping[str, float]]


class Observations:
    """Tables of every pair of modalities and, of three or more, of each against the rest."""

    def __init__(
        self,
        modalities: tuple[str, ...],
        num_classes: int,
        soft: bool,
        rest: str,
        design_effect: float,
        options: SolveOptions,
    ) -> None:
        self.modalities = modalities
        self.num_classes = num_classes
        self.soft = soft
        self.rest = rest
        self.design_effect = design_effect
        self.options = options
        k = num_classes
        others = k ** (len(modalities) - 1) if rest == "joint" else k
        if k * others * k > _MOST_CELLS:
            hint = 'use rest="vote"' if k**3 <= _MOST_CELLS else "group the classes"
            raise ValueError(
                f"a table of {k} x {others} predictions and {k} classes has {k * others * k} "
                f"cells, more than the {_MOST_CELLS} supported; {hint}"
            )
        self.pairs = list(itertools.combinations(modalities, 2))
        self._shapes: dict[Key, tuple[int, int, int]] = {pair: (k, k, k) for pair in self.pairs}
        # Where a modality is found: in which table, and whether as x or as y.
        self._place: dict[str, tuple[Key, str]] = {}
        for name in modalities:
            if len(modalities) == 2:
                self._place[name] = (modalities, "x" if name == modalities[0] else "y")
            else:
                key = (name, *(other for other in modalities if other != name))
                self._shapes[key] = (k, others, k)
                self._place[name] = (key, "x")
        self.clear()

    def clear(self) -> None:
        """Forget all samples."""
        self._tables = {key: PredictionSums(shape) for key, shape in self._shapes.items()}

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
        tables = {key: PredictionSums(shape) for key, shape in self._shapes.items()}
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
            table.add_checked(probabilities[key[0]], self._together(others), labels)

    def read(self) -> Reading:
        """Decompose all tables."""
        by_key: dict[Key, Measurement] = {}
        for shape in dict.fromkeys(self._shapes.values()):
            keys = [key for key in self._tables if self._shapes[key] == shape]
            tables = [self._tables[key] for key in keys]
            measured = measure(tables, self.options, self.design_effect)
            by_key.update(zip(keys, measured, strict=True))
        of_pairs = [by_key[pair] for pair in self.pairs]
        of_rest = [by_key[key] for key, _ in self._place.values()]

        def of(what: str) -> dict[str, Uncertain]:
            return {
                name: Uncertain(
                    by_key[key].values[f"{what}_{role}"], by_key[key].errors[f"{what}_{role}"]
                )
                for name, (key, role) in self._place.items()
            }

        def average(what: str) -> Uncertain:
            # Errors of averages are averages of errors at most, however correlated they are.
            return Uncertain(
                statistics.fmean(pair.values[what] for pair in of_pairs),
                statistics.fmean(pair.errors[what] for pair in of_pairs),
            )

        return Reading(
            mi=of("mi"),
            unique=of("unique"),
            redundancy=average("redundancy"),
            synergy=average("synergy"),
            mi_joint=statistics.fmean(rest.values["mi_xy"] for rest in of_rest),
            gap=max(measured.gap for measured in by_key.values()),
            pairs={
                pair: {atom: by_key[pair].values[atom] for atom in ATOMS} for pair in self.pairs
            },
        )

    def _together(self, others: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return the predictions (n, symbols) of several modalities as those of one."""
        if self.rest == "vote":
            return np.asarray(np.mean(others, axis=0))
        product = others[0]
        for rows in others[1:]:
            product = (product[:, :, None] * rows[:, None, :]).reshape(len(rows), -1)
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
