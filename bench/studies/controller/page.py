"""The tables of docs/controller.md that quote the study, between comments that name them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from controller.report import (
    METHODS,
    OURS,
    PAPERS,
    VARIANTS,
    holm,
    paired,
    percent,
    rows_of_accuracy,
    table,
)

#: The experiments that the page shows, and how it calls them.
COMPARED = {
    "synthetic, dominance 4": "synthetic, one modality dominates (4)",
    "synthetic, dominance 8": "synthetic, one modality dominates (8)",
    "synthetic, dominance 0": "synthetic, none dominates (0)",
    "synthetic, synergy": "synthetic, one label bit is an exclusive or",
    "watch": "watch, accelerometer and gyroscope, other subjects",
    "multiple features": "multiple features, a strong and a weak view",
    "digits halves": "digits, left and right half",
    "audio-visual digits": "audio-visual digits (paired by class, artificially)",
}
#: Those that no setting of any method was tuned on.
FURTHER = {
    "synthetic, dominance 1": "synthetic, dominance 1",
    "synthetic, dominance 2": "synthetic, dominance 2",
    "synthetic, label noise": "synthetic, dominance 1, a fifth of the labels wrong",
    "synthetic, slow y": "synthetic, one modality learnt slowly",
    "synthetic, three modalities": "synthetic, three modalities, one dominates (4)",
    "audio-visual digits, raw": "audio-visual digits, series and images, convolutions",
    "multiple features, three": "multiple features, three views",
    "multiple features, six": "multiple features, six views",
}
LATER = tuple(name for name in VARIANTS if name.endswith("fusion later"))


def tables(runs: pd.DataFrame) -> dict[str, list[str]]:
    """Return the lines of every table of the page, by its name."""
    return {
        "accuracy": accuracy(runs, COMPARED),
        "skill": differences(runs, OURS, COMPARED),
        "pid": differences(runs, PAPERS, COMPARED),
        "further": accuracy(runs, FURTHER),
        "further skill": differences(runs, OURS, FURTHER),
        "fusion": along(runs),
    }


def accuracy(runs: pd.DataFrame, experiments: Mapping[str, str]) -> list[str]:
    """Return the table of mean accuracies."""
    return table(["accuracy / %", "seeds", *METHODS], rows_of_accuracy(runs, experiments))


def differences(runs: pd.DataFrame, ours: str, experiments: Mapping[str, str]) -> list[str]:
    """Return a table of paired differences, in bold where p < 0.05 after Holm's adjustment."""
    others = [m for m in METHODS if m != ours]
    rows = []
    for name, title in experiments.items():
        rows.append([title, *bold([paired(runs, name, ours, other) for other in others])])
    return table([f"{ours}, less", *others], run(rows))


def along(runs: pd.DataFrame) -> list[str]:
    """Return a table of what methods of two stages gain by training the fusion along."""
    rows = []
    for name, title in COMPARED.items():
        rows.append([title, *bold([paired(runs, name, VARIANTS[m], m) for m in LATER])])
    return table(["fusion along, less later", *(VARIANTS[m] for m in LATER)], run(rows))


def bold(found: Sequence[tuple[float, float, float]]) -> list[str]:
    """Return differences as cells of one row, in bold those beyond chance (Holm)."""
    cells = []
    for (mean, half, _), p in zip(found, holm([p for _, _, p in found]), strict=True):
        text = "-" if pd.isna(mean) else percent(mean, half, "+")
        cells.append(f"**{text}**" if p < 0.05 else text)
    return cells


def run(rows: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Return the rows of what has been run."""
    return [row for row in rows if set(row[1:]) != {"-"}]


def refresh(page: Path, runs: Path) -> None:
    """Write the tables of a page anew; ValueError if it does not name one of them."""
    text = page.read_text()
    for name, lines in tables(pd.read_csv(runs)).items():
        between = re.compile(f"(<!-- study: {name} -->\n).*?(<!-- /study -->)", re.DOTALL)
        body = "\n".join(["", *lines, "", ""])
        text, count = between.subn(lambda m, body=body: m[1] + body + m[2], text)
        if count != 1:
            raise ValueError(f"{page} names the table {name!r} {count} times, not once")
    page.write_text(text)
