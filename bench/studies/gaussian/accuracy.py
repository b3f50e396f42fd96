"""Hostile covariances: how many reach the tolerance, in how many steps, and how fast.

    python bench/studies/gaussian/accuracy.py           some minutes on one core
    python bench/studies/gaussian/accuracy.py --smoke   seconds, prints only

Systems up to 10 + 10 + 10 of all families of tests/helpers/gaussian_families.py, in coordinates
whose scales differ by up to 10^spread. The swapped system is solved as well: two brackets of one
number must overlap. Writes results.md beside this file.
"""

from __future__ import annotations

import argparse
import dataclasses
import platform
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

from gaussian_families import FAMILIES, Floats, Sizes, covariance

import fastpid
import fastpid.gaussian
from fastpid._solve import kernel

TOL = 1e-9  # bits
SPREADS = (0.0, 2.0, 4.0)
#: Systems of one size are solved as one batch.
BATCH = 20
SPEEDS = ((1, 1, 1), (2, 2, 2), (5, 5, 5), (10, 10, 10), (30, 30, 5), (50, 60, 4), (100, 100, 5))


@dataclasses.dataclass
class Tally:
    """What came out of the systems of a family."""

    systems: int = 0
    refused: int = 0
    unconverged: int = 0
    gap: float = 0.0
    crossing: float = 0.0  # how far the brackets of a system and its mirror are apart
    steps: list[int] = dataclasses.field(default_factory=list)

    def add(self, one: fastpid.Decomposition, mirror: fastpid.Decomposition) -> None:
        """Count a batch and the same with X and Y swapped."""
        good = (one.status != "invalid") & (mirror.status != "invalid")
        self.systems += good.size
        self.refused += int((~good).sum())
        self.unconverged += int((good & ~one.converged).sum())
        if good.any():
            self.gap = max(self.gap, float(one.gap[good].max()))
            apart = np.maximum(one.lower - mirror.upper, mirror.lower - one.upper)[good]
            self.crossing = max(self.crossing, float(apart.max()))
            self.steps += one.iterations[good].tolist()

    def row(self, name: str) -> str:
        """Return a row of the table."""
        return (
            f"| {name} | {self.systems:,} | {self.refused} | {self.unconverged} | {self.gap:.1e} | "
            f"{self.crossing:.1e} | {np.median(self.steps):.0f} | {max(self.steps)} |"
        )


def solve(cov: Floats, sizes: object) -> fastpid.Decomposition:
    try:
        return fastpid.gaussian.decompose(cov, sizes, tol=TOL, on_failure="ignore")
    except ValueError:  # all of a batch refused: one good one beside them, and gone again
        m, n, d = map(len, sizes) if not isinstance(sizes[0], int) else sizes
        good = np.eye(m + n + d)[None]
        return fastpid.gaussian.decompose(
            np.concatenate([cov, good]), sizes, tol=TOL, on_failure="ignore"
        )[:-1]


def hostile(systems: int, rng: np.random.Generator) -> list[str]:
    lines = [
        "| family | systems | refused | unconverged | worst gap, bits | brackets apart "
        "| median steps | most |",
        "|---|---|---|---|---|---|---|---|",
    ]
    each = systems // (len(FAMILIES) * len(SPREADS))
    for family in FAMILIES:
        for spread in SPREADS:
            tally = Tally()
            while tally.systems < each:
                m, n, d = sizes = tuple(int(i) for i in rng.integers(1, 11, 3))
                cov = np.stack([covariance(family, sizes, rng, spread) for _ in range(BATCH)])
                x, y, z = (list(p) for p in np.split(np.arange(m + n + d), [m, m + n]))
                tally.add(solve(cov, (x, y, z)), solve(cov, (y, x, z)))
            lines.append(tally.row(f"{family}, 10^{spread:.0f}"))
            print(lines[-1], flush=True)
    return lines


def wishart(sizes: Sizes, count: int, rng: np.random.Generator) -> Floats:
    k = sum(sizes)
    samples = rng.normal(size=(count, k, 2 * k))
    out: Floats = samples @ samples.transpose(0, 2, 1)
    return out


def speeds(seconds: float, rng: np.random.Generator) -> list[str]:
    """Time batches of sample covariances of noise on one thread, in CPU time."""
    lines = [
        "| dimensions | systems a second | each | median steps | worst gap, bits |",
        "|---|---|---|---|---|",
    ]
    for sizes in SPEEDS:
        cov = wishart(sizes, max(20, 60_000 // sum(sizes) ** 2), rng)
        times: list[float] = []
        begun = time.perf_counter()
        while len(times) < 3 or time.perf_counter() - begun < seconds:
            start = time.process_time()
            d = fastpid.gaussian.decompose(cov, sizes, tol=TOL, threads=1, on_failure="raise")
            times.append((time.process_time() - start) / len(cov))
        each = float(np.median(times))
        lines.append(
            f"| {' + '.join(map(str, sizes))} | {1 / each:,.0f} | {1e6 * each:,.1f} us | "
            f"{np.median(d.iterations):.0f} | {float(d.gap.max()):.1e} |"
        )
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--systems", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="seconds, prints only")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    systems = 1_000 if options.smoke else options.systems
    begun = time.perf_counter()
    table = hostile(systems, rng)
    timings = speeds(0.1 if options.smoke else 2.0, rng)
    if options.smoke:
        return
    text = [
        "# Hostile covariances",
        "",
        f"Written by `python bench/studies/gaussian/accuracy.py --systems {systems} --seed "
        f"{options.seed}` in {(time.perf_counter() - begun) / 60:.1f} minutes, Python "
        f"{platform.python_version()}, kernel "
        f"{kernel.build_info()['instruction_set']}, tol 1e-9 bit.",
        "",
        "Up to 10 + 10 + 10 dimensions; 10^2 and 10^4: in coordinates whose standard deviations",
        "differ by up to that. Refused: not to be told from infinite information, or from no",
        "covariance, in double precision. Unconverged: the rounding of the covariance leaves more",
        "open than tol, which is then part of the gap. Brackets apart: of a system and of the same",
        "with X and Y swapped, at worst; zero where all of them overlap.",
        "",
        *table,
        "",
        "## Speed",
        "",
        "One thread, median CPU time of batches of Wishart matrices.",
        "",
        *timings,
    ]
    (HERE / "results.md").write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
