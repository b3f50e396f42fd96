"""What an estimate from models of any number of sources is."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from fastpid._many import UnionInformation
from fastpid._many._coverage import Subset
from fastpid.estimation._many_problem import ManyProblem
from fastpid.estimation._many_values import ManyValues
from fastpid.models._estimates import ModelEstimates


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ManyModelEstimate(ManyValues, ModelEstimates):
    """What posteriors of models of M sources say about a target, and how far that can be trusted.

    It is about the models: what they did not learn is missing from all values. Values go by the
    names that :class:`fastpid.ManyEstimate` has for them, sources counted from 0: "unique_0" and so
    on, "synergy", "mi_0" and so on, "mi_joint", "union_1_2" and so on, "union_information"; of two
    and three sources, and under ``subsets="all"``, also the coverage atoms "shared_0_1" and so on
    and "redundancy". Estimates pickle and compare.

    Attributes
    ----------
    posteriors : tuple of M + 1 ndarrays (n, nz)
        Of every source and of all together, calibrated, in the order of the samples; of several
        refits the first.
    names : tuple of str
        What the sources are called.
    codes : ndarray of int (n,)
        The class of every sample, a place in `classes`.
    classes : tuple
        What the classes are: labels, or intervals of a continuous target.
    unions : mapping of tuple of int to UnionInformation
        By set of sources the certified union information of the posteriors as they are (of the
        first refit).
    subsets : str
        Which sets were asked for.
    models : tuple of M + 1 str
        The classifiers; empty for posteriors that were handed in.
    calibration : str
        How posteriors were calibrated.
    bias : str
        How the union informations of the sample were corrected.
    excess : mapping of tuple of int to float
        By set what was taken out of its union information.
    used : dict of str to str
        By information ("mi_0" and so on, "mi_joint"): "posteriors" if it is the one that posteriors
        claim, or "cross_entropy" if it is the one that labels confirm, because they contradict
        the claim; union informations then keep their relative place between the largest
        information of their sources and their sum.
    cross_entropy : dict of str to float
        By information, H(Z) less the cross-entropy of labels: a lower bound, up to the errors of
        its samples.
    plug_in : dict of str to float
        What posteriors claim, nothing corrected.
    corrected : dict of str to float
        What is believed: of the informations that are used, the excess taken out, averaged over
        refits. Values add up, and may be negative.
    values : dict of str to float
        The same within 0 and H(Z); coverage atoms that may be negative are not cut at 0.
    confidence_level : float
        What the intervals are meant to cover.
    intervals, raw_intervals : dict of str to (float, float)
        Of `values` and of `corrected`: errors over samples and refits, half of the certified gaps,
        and the excess of every union information in it once more to the side it may be larger on.
        What models did not learn is not in them. Empty without a bootstrap.
    p_values : dict of str to float
        By atom; empty without a bootstrap.
    null_p_values : dict of str to float
        Of permutations: "0" (a source says something), "0 given 1" (it says something beyond
        another one), "all given 0" (all together say more than one) and so on. Empty if nothing was
        permuted.
    draws : dict of str to ndarray
        The corrected values of all resamples.
    refits : dict of str to ndarray
        The corrected values of every refit.
    seed : dict
        What all draws came from: ``rng=numpy.random.SeedSequence(**seed)`` repeats them.
    units : str
        What was resampled: "samples" or "groups".
    n_units : int
        How many of them there are.
    unit : str
        "bits" or "nats", of every number.
    """

    names: tuple[str, ...]
    unions: Mapping[Subset, UnionInformation]
    excess: Mapping[Subset, float]
    subsets: str

    @property
    def n_sources(self) -> int:
        """M."""
        return len(self.names)

    @functools.cached_property
    def _problem(self) -> ManyProblem:
        return ManyProblem(self.n_sources, len(self.classes), self.subsets == "all")

    def _solved(self) -> dict[str, Any]:
        def key(subset: Subset) -> str:
            return ",".join(map(str, subset))

        return {
            "names": list(self.names),
            "subsets": self.subsets,
            "unions": {
                key(subset): {
                    "lower": found.lower,
                    "upper": found.upper,
                    "status": found.status.value,
                    "method": found.method,
                }
                for subset, found in self.unions.items()
            },
            "excess": {key(subset): excess for subset, excess in self.excess.items()},
        }

    def _rows(self) -> list[tuple[str, str]]:
        rows = self._atom_rows(self.names)
        rows += [(f"mi_{i}", f"I({name};Z)") for i, name in enumerate(self.names)]
        return [*rows, ("union_information", "union of all"), ("mi_joint", "I(all;Z)")]

    def _excess(self) -> float:
        return self.excess[tuple(range(self.n_sources))]
