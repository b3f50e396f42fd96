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
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]: ...
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
