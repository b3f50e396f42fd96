"""The four atoms of what holds its values by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, Protocol, TypeVar

V_co = TypeVar("V_co", covariant=True)


class _Valued(Protocol[V_co]):
    @property
    def values(self) -> Mapping[str, V_co]: ...


class HasAtoms(Generic[V_co]):
    """What has values by name, and the atoms among them as attributes."""

    @property
    def redundancy(self: _Valued[V_co]) -> V_co:
        """The corrected redundancy."""
        return self.values["redundancy"]

    @property
    def unique_x(self: _Valued[V_co]) -> V_co:
        """The corrected unique information of x."""
        return self.values["unique_x"]

    @property
    def unique_y(self: _Valued[V_co]) -> V_co:
        """The corrected unique information of y."""
        return self.values["unique_y"]

    @property
    def synergy(self: _Valued[V_co]) -> V_co:
        """The corrected synergy."""
        return self.values["synergy"]
