"""Coverage atoms: what exactly the sources of a set share, from the union information of all sets.

With g(A) the union information of the sources in A, the atoms m(B) are the solution of

    g(A) = sum of m(B) over all B that have a source in common with A,

as the measure of a union of sets is the sum of its parts. What lies in B alone is
h(B) = g(N) - g(N without B) = sum of m(C) over C within B, N being all sources, and Moebius
inversion gives m(B) = sum over C within B of (-1)^(|B| - |C|) h(C). The sum of these signs is
(-1)^(|B| + 1), so every atom is a sum of some g with signs.
"""

from __future__ import annotations

import itertools

Subset = tuple[int, ...]


def subsets_of(sources: Subset) -> list[Subset]:
    """Return all non-empty subsets, the smaller ones first."""
    return [
        subset
        for size in range(1, len(sources) + 1)
        for subset in itertools.combinations(sources, size)
    ]


def coverage_signs(everything: Subset, subset: Subset) -> dict[Subset, int]:
    """Return the sets A whose g(A) make up m(subset), each with the sign that it comes with."""
    signs = {everything: (-1) ** (len(subset) + 1)}
    for part in subsets_of(subset):
        rest = tuple(i for i in everything if i not in part)
        if rest:
            signs[rest] = (-1) ** (len(subset) - len(part) + 1)
    return signs
