"""The values of single cells or samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import NATS_PER_UNIT, Terms, Unit

Floats = NDArray[np.float64]


class HasPointwiseValues:
    """What holds the terms of every cell or sample in nats, and shows them in its unit."""

    decomposition: Any  # whose atoms these make up
    _terms: Terms

    def _value(self, name: str) -> Floats:
        value: Floats = getattr(self._terms, name) * (1.0 / NATS_PER_UNIT[self.unit])
        return value

    @property
    def redundancy(self) -> Floats:
        """What either source says about the target."""
        return self._value("redundancy")

    @property
    def unique_x(self) -> Floats:
        """What X alone says about the target."""
        return self._value("unique_x")

    @property
    def unique_y(self) -> Floats:
        """What Y alone says about the target."""
        return self._value("unique_y")

    @property
    def synergy(self) -> Floats:
        """What only X and Y together say about the target."""
        return self._value("synergy")

    @property
    def mi_x(self) -> Floats:
        """``log(p(z | x) / p(z))``."""
        return self._value("mi_x")

    @property
    def mi_y(self) -> Floats:
        """``log(p(z | y) / p(z))``."""
        return self._value("mi_y")

    @property
    def mi_xy(self) -> Floats:
        """``log(p(z | x, y) / p(z))``."""
        return self._value("mi_xy")

    @property
    def union_information(self) -> Floats:
        """The share of the union information: ``lam[x, z] + mu[y, z] - log p(z)``."""
        return self._value("union_information")

    @property
    def unit(self) -> Unit:
        """The unit of all values: "bits" or "nats"."""
        unit: Unit = self.decomposition.unit
        return unit
