"""What the suites measure, kept for the report and the plots at the end of a run."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Record:
    """One measured solver on one problem; seconds, medians of whole calls."""

    problem: str
    comparator: str
    seconds: float
    solver_seconds: float | None  # what the solver itself reports, without model building
    gap: float
    iterations: int
    error: float  # bits, against the certified answer


@dataclass(frozen=True)
class Rate:
    """Tables per second, all threads together; `one_thread`: on one, timed around those on two."""

    shape: str
    solver: str
    batch: int
    threads: int
    per_second: float
    gap: float  # the largest of the batch
    one_thread: float = 0.0


@dataclass(frozen=True)
class Timing:
    """One table at one tolerance.

    Attributes
    ----------
    series : str
        What grows ("nz = 10": nx = ny grows), or "large" for tables measured by themselves.
    size : int
        Of the axes that grow; of the table for "large".
    reference, reference_seconds : str, float
        What the time is held against (numpy reading the same table, say), timed around it.
    """

    name: str
    series: str
    size: int
    solver: str
    threads: int
    tol: float
    seconds: float
    gap: float
    iterations: int
    reference: str = ""
    reference_seconds: float = 0.0


@dataclass(frozen=True)
class Peak:
    """Memory that one call takes above its input, in bytes."""

    name: str
    table: int
    above: int
    seconds: float


@dataclass(frozen=True)
class GapPoint:
    """The gap a method reached on one table, and in what time."""

    family: str
    shape: str
    solver: str
    tol: float | None  # None: the solver's own tolerances
    seconds: float
    gap: float
    iterations: int
    status: str


@dataclass(frozen=True)
class GradientTiming:
    """One way to a gradient, or a call that makes one, and what it is held against."""

    name: str
    solver: str
    seconds: float
    reference: str
    reference_seconds: float
    error: float  # of the gradient, relative; zero where it is not looked at


@dataclass(frozen=True)
class EstimateTiming:
    """One estimate on `threads`, and the same with every resample solved to 1e-9 bit."""

    name: str
    samples: int
    threads: int
    seconds: float
    tight_seconds: float
    gap: float  # the largest of the default's resamples
    difference: float  # the largest between values, in their standard errors


@dataclass
class Results:
    """Everything measured in one run; `notes` says what was left out, and why."""

    machine: str = ""
    speed: list[Record] = field(default_factory=list)
    throughput: list[Rate] = field(default_factory=list)
    scaling: list[Timing] = field(default_factory=list)
    memory: list[Peak] = field(default_factory=list)
    gaps: list[GapPoint] = field(default_factory=list)
    gradients: list[GradientTiming] = field(default_factory=list)
    estimates: list[EstimateTiming] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def suites(self) -> list[bool]:
        """Say of every suite whether it measured anything."""
        return [
            *map(bool, (self.speed, self.throughput, self.scaling, self.memory)),
            *map(bool, (self.gaps, self.gradients, self.estimates)),
        ]

    def save(self, path: Path) -> None:
        """Write everything as JSON."""
        path.write_text(json.dumps(dataclasses.asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read what :meth:`save` wrote."""
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        kinds = {
            "speed": Record,
            "throughput": Rate,
            "scaling": Timing,
            "memory": Peak,
            "gaps": GapPoint,
            "gradients": GradientTiming,
            "estimates": EstimateTiming,
        }
        rows = {name: [kind(**row) for row in data.get(name, [])] for name, kind in kinds.items()}
        return cls(machine=data["machine"], notes=data["notes"], **rows)
