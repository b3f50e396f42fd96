"""What a screen of triples of sources is."""

from __future__ import annotations

import dataclasses

from fastpid.screening._ranked import RankedRecords
from fastpid.screening._source_triples import SOURCES


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TripleScreen(RankedRecords):
    """What triples of columns say about targets, as three sources.

    Attributes
    ----------
    records : structured ndarray
        One record a triple, in the order of the screen or, with `top_k`, the best first: the
        columns `x0`, `x1`, `x2` and the `target` as indices into the names; the coverage atoms
        `unique_0`, `unique_1`, `unique_2`, `shared_0_1`, `shared_0_2`, `shared_1_2` and
        `redundancy`, of which those of two or three sources may be negative
        (:class:`fastpid.ManyDecomposition`), and the total `synergy`; `mi_0`, `mi_1`, `mi_2`, the
        union informations `union_0_1`, `union_0_2`, `union_1_2` and `union_information`,
        `mi_joint`, and `gap`, the widest bracket of a union information; how much of the triple's
        distribution the samples have seen, `coverage`, and `samples_per_occupied_cell`
        (:class:`fastpid.joint.Sampling`); the atoms less their bias by the numbers of occupied
        cells (Miller and Madow), `corrected_` and the atom's name, in which union informations
        keep their relative place between their bounds; and p-values, `p_` and the atom's name, NaN
        for tests that were not made.
    names : tuple of str
        The names of the columns.
    targets : tuple of str
        The names of the targets.
    unit : str
        "bits" or "nats".
    by : str
        What triples are ranked by.
    n_dropped : int
        How many samples were left out under ``missing="drop"``.
    test : str
        How p-values came about.
    n_screened : int
        How many triples were screened, over all targets, whether they are kept or not.
    family : dict of str to ndarray, optional
        By atom the p-values of all triples that were tested, sorted; None without tests, and for
        blocks of a screen that are given as they are finished.
    """

    SOURCES = SOURCES
    WHAT = "triples"
    JOINT = "mi_joint"
