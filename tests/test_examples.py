"""The examples of the documents do what the documents say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples"


def test_train_for_synergy() -> None:
    torch = pytest.importorskip("torch", reason="torch is an extra: pip install fastpid[torch]")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    spec = importlib.util.spec_from_file_location("example", EXAMPLES / "train_for_synergy.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    try:
        _, redundant = example.train("informative each", steps=60)
        _, synergistic = example.train("synergy - redundancy", steps=150)
    finally:
        torch.set_num_threads(threads)
    assert redundant.redundancy > 0.9
    assert redundant.synergy < 0.05
    assert synergistic.synergy > 0.9
    assert synergistic.redundancy < 0.05
