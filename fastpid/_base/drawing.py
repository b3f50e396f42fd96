"""What a result gives to be drawn, so that fastpid.plot need not know results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol


class Drawing(NamedTuple):
    """The values of one table."""

    unit: str
    values: Mapping[str, float]
    #: Of values that have one.
    intervals: Mapping[str, tuple[float, float]]
    #: The certified bounds of the union information, where the values are those of a solve.
    bracket: tuple[float, float] | None
    #: What the sources and the target are called, if that is known.
    names: tuple[str, str, str] | None = None

    def band(self, name: str) -> tuple[float, float]:
        """Return what is known of a value: its interval, or what the bracket leaves open."""
        value = self.values[name]
        half = 0.0 if self.bracket is None else 0.5 * (self.bracket[1] - self.bracket[0])
        return self.intervals.get(name, (value - half, value + half))


class Drawable(Protocol):
    """A result that can be drawn."""

    def _drawings(self) -> Sequence[Drawing]:
        """Return one drawing for each table."""
        ...
