"""Plots of decompositions, estimates and screens. Needs matplotlib.

Colours are those of Okabe and Ito, which colour-blind readers can tell apart; hatches and markers
tell the atoms apart without any colour. Every function draws into the Axes given, or into new ones,
and returns them.
"""

from fastpid.plot._atoms import KINDS as KINDS
from fastpid.plot._atoms import atoms, venn
from fastpid.plot._cells import pointwise
from fastpid.plot._courses import course, over_time
from fastpid.plot._learning import learning_curve
from fastpid.plot._many import coverage
from fastpid.plot._power import power
from fastpid.plot._screens import heatmap
from fastpid.plot._style import COLORS
from fastpid.plot._training import decisions

__all__ = [
    "COLORS",
    "atoms",
    "course",
    "coverage",
    "decisions",
    "heatmap",
    "learning_curve",
    "over_time",
    "pointwise",
    "power",
    "venn",
]
