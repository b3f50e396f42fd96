from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

def solve_tables(
    p: NDArray[np.float64],
    method: int,
    tol: float,
    max_iter: int,
    threads: int,
    normalize: bool,
    mass_tolerance: float,
    potentials: bool,
) -> tuple[
    NDArray[np.float64],
    NDArray[np.int32],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
]: ...
def soft_table(
    rows: tuple[NDArray[np.floating[Any]], ...],
    z: NDArray[np.int64],
    weights: NDArray[np.float64],
    nz: int,
    logits: bool,
    tolerance: float,
) -> tuple[NDArray[np.float64], tuple[NDArray[np.float64], ...], tuple[int, int, int, float]]: ...
def soft_table_gradient(
    rows: tuple[NDArray[np.floating[Any]], ...],
    probabilities: tuple[NDArray[np.float64], ...],
    z: NDArray[np.int64],
    weights: NDArray[np.float64],
    by_table: NDArray[np.float64],
    logits: bool,
) -> tuple[NDArray[np.floating[Any]], ...]: ...
def loss_step(
    own: NDArray[np.float64],
    before: NDArray[np.float64],
    decay: float,
    pays: float,
    weights: NDArray[np.float64],
    differentiate: bool,
    tol: float,
    threads: int,
    mass_tolerance: float,
) -> tuple[float, int, NDArray[np.float64], NDArray[np.float64]]: ...
def loss_of_predictions(
    rows: tuple[NDArray[np.floating[Any]], ...],
    z: NDArray[np.int64],
    sample_weights: NDArray[np.float64],
    nz: int,
    logits: bool,
    tolerance: float,
    before: NDArray[np.float64],
    decay: float,
    pays: float,
    weights: NDArray[np.float64],
    differentiate: bool,
    tol: float,
    threads: int,
    mass_tolerance: float,
) -> (
    tuple[tuple[int, int, int, float]]
    | tuple[
        NDArray[np.floating[Any]], int, NDArray[np.float64], tuple[NDArray[np.floating[Any]], ...]
    ]
): ...
def decompose_marginals(
    xz: NDArray[np.float64],
    yz: NDArray[np.float64],
    method: int,
    tol: float,
    max_iter: int,
    threads: int,
    normalize: bool,
    mass_tolerance: float,
    potentials: bool,
) -> tuple[
    NDArray[np.float64],
    NDArray[np.int32],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
]: ...
def gradient(
    p: NDArray[np.float64],
    xz: NDArray[np.float64],
    yz: NDArray[np.float64],
    lam: NDArray[np.float64],
    mu: NDArray[np.float64],
    weights: NDArray[np.float64],
    normalize: bool,
    threads: int,
) -> NDArray[np.float64]: ...
def marginal_gradients(
    given_xz: NDArray[np.float64],
    given_yz: NDArray[np.float64],
    xz: NDArray[np.float64],
    yz: NDArray[np.float64],
    lam: NDArray[np.float64],
    mu: NDArray[np.float64],
    weights: NDArray[np.float64],
    normalize: bool,
    threads: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
def solve_marginals(
    xz: NDArray[np.float64],
    yz: NDArray[np.float64],
    method: int,
    tol: float,
    max_iter: int,
    threads: int,
    coupling: bool,
) -> tuple[
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
]: ...
def solve_gaussian(
    cov: NDArray[np.float64],
    m: int,
    n: int,
    d: int,
    tol: float,
    max_iter: int,
    threads: int,
    solution: bool,
) -> tuple[
    NDArray[np.float64],
    NDArray[np.int32],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
]: ...
def decompose_many(
    p: NDArray[np.float64],
    subsets: list[tuple[int, ...]],
    method: int,
    tol: float,
    max_iter: int,
    threads: int,
    normalize: bool,
    mass_tolerance: float,
) -> tuple[
    NDArray[np.float64],
    NDArray[np.int32],
    NDArray[np.float64],
    list[tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]],
]: ...
def union_information(
    marginals: list[NDArray[np.float64]],
    method: int,
    tol: float,
    max_iter: int,
    threads: int,
    coupling: bool,
) -> tuple[
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.int32],
    list[NDArray[np.float64]],
    NDArray[np.float64],
]: ...
def layout() -> dict[str, list[str]]: ...
def build_info() -> dict[str, str | bool]: ...
def cuda_library() -> Path | None: ...
def count_pairs(
    sources: NDArray[np.uint16],
    target: NDArray[np.uint16],
    weights: NDArray[np.float64] | None,
    pairs: NDArray[np.int32],
    nx: int,
    ny: int,
    nz: int,
    threads: int,
) -> NDArray[np.float64]: ...
def count_triples(
    sources: NDArray[np.uint16],
    weights: NDArray[np.float64] | None,
    triples: NDArray[np.int32],
    nx: int,
    ny: int,
    nz: int,
    threads: int,
) -> NDArray[np.float64]: ...
def permute(
    cell: NDArray[np.int32],
    moved: NDArray[np.int32],
    strata: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    cells: int,
    seeds: NDArray[np.uint32],
    threads: int,
) -> NDArray[np.float64]: ...
def weigh(
    cell: NDArray[np.int32], cells: int, weights: NDArray[np.float64], threads: int
) -> NDArray[np.float64]: ...
def rearrange(
    cell: NDArray[np.int32],
    moved: NDArray[np.int32],
    stratum: NDArray[np.int32],
    num_strata: int,
    cells: int,
    ends: NDArray[np.int64],
    order: NDArray[np.int32],
    weights: NDArray[np.float64],
    threads: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
