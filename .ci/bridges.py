"""One call through every bridge to another package, with the package itself.

``python .ci/bridges.py`` tries those whose package is installed and says which are not; ``--all``
fails on a missing one, too.
"""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Callable

import numpy as np

import fastpid

RNG = np.random.default_rng(0)
X, Y = RNG.integers(0, 2, (2, 400))
Z = X ^ Y
COUNTS = np.stack([X, Y, Z, RNG.integers(0, 2, 400)], axis=1)
NAMES = ("a", "b", "c", "d")

BRIDGES: dict[str, Callable[[], None]] = {}


def bridge(package: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register what is to be called if this package is there."""

    def register(call: Callable[[], None]) -> Callable[[], None]:
        BRIDGES[package] = call
        return call

    return register


def check_columns(data: object) -> None:
    """Check that three columns by name give the table of the arrays."""
    table = fastpid.joint.from_samples("a", "b", "c", data=data)
    assert (table.counts == fastpid.joint.from_samples(X, Y, Z).counts).all()


@bridge("pandas")
def _pandas() -> None:
    import pandas as pd

    frame = pd.DataFrame(COUNTS, columns=list(NAMES))
    check_columns(frame)
    table = fastpid.joint.from_counts(pd.crosstab([frame.a, frame.b], frame.c))
    assert fastpid.decompose(table).synergy > 0.9
    assert len(fastpid.screen(frame, "c").to_frame()) == 3


@bridge("polars")
def _polars() -> None:
    import polars as pl

    check_columns(pl.DataFrame(COUNTS, schema=list(NAMES)))


@bridge("pyarrow")
def _pyarrow() -> None:
    import pyarrow as pa

    check_columns(pa.table(dict(zip(NAMES, COUNTS.T, strict=True))))


@bridge("scipy")
def _scipy() -> None:
    from scipy import sparse

    screened = fastpid.screen(sparse.csr_matrix(COUNTS[:, :2]), Z)
    assert screened.records["synergy"][0] > 0.9


@bridge("sklearn")
def _sklearn() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    pipeline = make_pipeline(fastpid.PIDSelector(2), LogisticRegression())
    assert pipeline.fit(COUNTS[:, :3], Z).predict(COUNTS[:, :3]).shape == Z.shape


@bridge("joblib")
def _joblib() -> None:
    assert len(fastpid.screen(COUNTS, Z, n_jobs=2, batch_size=2).records) == 6


@bridge("distributed")
def _distributed() -> None:
    import distributed
    import joblib

    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config("dask"),
    ):
        assert len(fastpid.screen(COUNTS, Z, n_jobs=-1, batch_size=2).records) == 6


@bridge("astropy")
def _astropy() -> None:
    from fastpid.joint import Discretizer

    column = RNG.normal(size=(200, 1))
    assert Discretizer(strategy="bayesian_blocks").fit_transform(column).shape == column.shape


@bridge("anndata")
def _anndata() -> None:
    import anndata
    import pandas as pd
    from scipy import sparse

    counts = sparse.csr_matrix(RNG.poisson(5.0, (200, 4)).astype(np.float32))
    genes = anndata.AnnData(counts, var=pd.DataFrame(index=list(NAMES)))
    assert fastpid.screening.network(genes, bins=2).names == NAMES


@bridge("xarray")
def _xarray() -> None:
    import xarray as xr

    trials = RNG.integers(0, 2, (400, 3))
    x = xr.DataArray(trials, dims=("trial", "time"), coords={"time": [0.0, 0.1, 0.2]})
    course = fastpid.estimate_over(x, Y, Z, n_permutations=0)
    assert course.to_xarray()["synergy"].dims == ("time",)


@bridge("mne")
def _mne() -> None:
    import mne

    info = mne.create_info(["C3", "C4"], sfreq=100.0, ch_types="eeg")
    epochs = mne.EpochsArray(RNG.normal(size=(400, 2, 3)), info, verbose="error")
    course = fastpid.estimate_over(epochs, Y, Z, bins={"x": 2}, n_permutations=0)
    assert course.coords["channel"].tolist() == ["C3", "C4"]


@bridge("dit")
def _dit() -> None:
    import dit

    xor = dit.Distribution(["000", "011", "101", "110"], [0.25] * 4)
    assert abs(fastpid.decompose(fastpid.joint.from_dit(xor)).synergy - 1.0) < 1e-9


@bridge("cvxpy")
def _cvxpy() -> None:
    table = fastpid.gates.and_()
    found = fastpid.reference.cvx_pid(table).union_information
    assert abs(found - fastpid.decompose(table).union_information) < 1e-5


@bridge("matplotlib")
def _matplotlib() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    assert fastpid.decompose(fastpid.gates.and_()).plot() is not None


@bridge("torch")
def _torch() -> None:
    import torch

    table = torch.rand(3, 3, 2, dtype=torch.float64, requires_grad=True)
    fastpid.decompose(table / table.sum()).synergy.backward()
    assert table.grad is not None
    assert bool(table.grad.isfinite().all())


@bridge("lightning")
def _lightning() -> None:
    from fastpid.torch.training.lightning import LightningCallback

    assert LightningCallback.__mro__[1].__module__.startswith("lightning")


@bridge("transformers")
def _transformers() -> None:
    from fastpid.torch.training.transformers import TrainerCallback

    assert TrainerCallback.__mro__[1].__module__.startswith("transformers")


def main(arguments: list[str]) -> int:
    """Call every bridge; return how many did not hold."""
    failed = 0
    for package, call in BRIDGES.items():
        if importlib.util.find_spec(package) is None:
            print(f"missing  {package}")
            failed += "--all" in arguments
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of others
                call()
        except Exception as error:
            print(f"FAILED   {package}: {type(error).__name__}: {error}")
            failed += 1
        else:
            print(f"ok       {package}")
    return failed


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
