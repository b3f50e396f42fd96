from pathlib import Path

import numpy as np
from numpy.typing import NDArray

def decompose(
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
def solve(
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
def build_info() -> dict[str, str | bool]: ...
def cuda_library() -> Path | None: ...
