"""What is compared: posteriors of models, clusters, and the neural estimator."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

import fastpid

from . import neural
from .worlds import ATOMS, Sample


def posteriors(sample: Sample, seed: int) -> dict[str, float]:
    """Take the default of fastpid.models.estimate, without intervals and tests."""
    found = fastpid.models.estimate(
        sample.x, sample.y, sample.z, rng=seed, n_bootstrap=0, n_permutations=0, threads=1
    )
    return {atom: found.corrected[atom] for atom in ATOMS}


def clusters(sample: Sample, seed: int) -> dict[str, float]:
    """Follow the usual recipe: principal components, 20 clusters by k-means, a table."""
    symbols = []
    for view in (sample.x, sample.y):
        scaled = StandardScaler().fit_transform(view)
        reduced = PCA(min(10, view.shape[1]), random_state=seed).fit_transform(scaled)
        symbols.append(KMeans(20, n_init=3, random_state=seed).fit_predict(reduced))
    found = fastpid.decompose(fastpid.joint.from_samples(*symbols, sample.z), on_failure="ignore")
    return {atom: getattr(found, atom) for atom in ATOMS}


def network(sample: Sample, seed: int) -> dict[str, float]:
    """Train the neural estimator."""
    torch.set_num_threads(1)
    return neural.atoms(sample.x, sample.y, sample.z, seed)


def oracle(sample: Sample, seed: int) -> dict[str, float]:
    """Take the true posteriors, where they are known."""
    found = fastpid.models.from_posteriors(
        *sample.posteriors, sample.z, calibration="none", rng=seed, n_bootstrap=0, n_permutations=0
    )
    return {atom: found.corrected[atom] for atom in ATOMS}


METHODS: dict[str, Callable[[Sample, int], dict[str, float]]] = {
    "posteriors": posteriors,
    "clusters": clusters,
    "neural": network,
    "oracle": oracle,
}


def run(method: str, sample: Sample, seed: int) -> tuple[dict[str, float], float]:
    """Return what a method finds, and the seconds of processor time that it takes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        found = METHODS[method](sample, seed)
        return found, time.process_time() - start


def sharpened(rows: np.ndarray, power: float) -> np.ndarray:
    """Return posteriors that are too certain."""
    sharp = rows**power
    return sharp / sharp.sum(axis=1, keepdims=True)
