"""Entropy and mutual information: identities, batches, exact zeros, errors."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable

import numpy as np
import pytest
from families import FAMILIES, SHAPES, table
from hypothesis import given, settings
from hypothesis import strategies as st

from fastpid import information
from fastpid.information import conditional_mutual_information, entropy, mutual_information

tables = st.builds(
    table, st.sampled_from(sorted(FAMILIES)), st.sampled_from(SHAPES), st.integers(0, 2**32 - 1)
)


def test_it_is_independent_of_the_kernel() -> None:
    tree = ast.parse(inspect.getsource(information))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert modules | names == {
        "__future__",
        "typing",
        "numpy",
        "numpy.typing",
        "fastpid._base.checks",
        "fastpid._base.quantities",
    }


@pytest.mark.parametrize("n", [1, 2, 7, 256])
def test_uniform_and_sure(n: int) -> None:
    assert entropy(np.full(n, 1.0 / n)) == pytest.approx(np.log2(n), abs=1e-13)
    assert entropy(np.full(n, 1.0 / n), unit="nats") == pytest.approx(np.log(n), abs=1e-13)
    sure = entropy(np.eye(n)[0])
    assert sure == 0.0
    assert not np.signbit(sure)


def test_zeros_are_exact_and_tiny_entries_are_not_lost() -> None:
    p = np.array([0.25, 0.75])
    assert entropy(np.concatenate([p, np.zeros(1000)])) == pytest.approx(entropy(p), abs=1e-15)
    tiny = 1e-300
    assert entropy([1.0, tiny]) == pytest.approx(-tiny * np.log2(tiny), rel=1e-12)


@given(p=tables)
@settings(max_examples=60, deadline=None)
def test_mutual_information_is_a_divergence_from_the_product(p: np.ndarray) -> None:
    joint = p.sum(axis=1)
    product = joint.sum(axis=1)[:, None] * joint.sum(axis=0)
    held = product > 0  # which leaves out cells whose product underflows, of no weight either
    held &= joint > 0
    divergence = np.sum(joint[held] * np.log2(joint[held] / product[held]))
    assert mutual_information(joint) == pytest.approx(divergence, abs=1e-12)
    assert mutual_information(joint.T) == pytest.approx(mutual_information(joint), abs=1e-13)
    assert mutual_information(product / product.sum()) == pytest.approx(0.0, abs=1e-13)


@given(p=tables)
@settings(max_examples=60, deadline=None)
def test_chain_rule(p: np.ndarray) -> None:
    nx, ny, nz = p.shape
    whole = mutual_information(p.reshape(nx * ny, nz))
    # I(X,Y; Z) = I(Y; Z) + I(X; Z | Y)
    rest = conditional_mutual_information(p.transpose(0, 2, 1))
    assert whole == pytest.approx(mutual_information(p.sum(axis=0)) + rest, abs=1e-12)


@given(p=tables)
@settings(max_examples=30, deadline=None)
def test_conditional_information_is_the_mean_over_the_condition(p: np.ndarray) -> None:
    p_z = p.sum(axis=(0, 1))
    parts = [p_z[z] * mutual_information(p[:, :, z] / p_z[z]) for z in np.flatnonzero(p_z)]
    assert conditional_mutual_information(p) == pytest.approx(sum(parts), abs=1e-12)


def test_batches_are_singles() -> None:
    p = np.stack([table("dense", (3, 4, 5), seed) for seed in range(6)]).reshape(2, 3, 3, 4, 5)
    joint = p.sum(axis=-2)
    for function, batch in (
        (mutual_information, joint),
        (conditional_mutual_information, p),
        (lambda q: entropy(q, axis=(-2, -1)), joint),
    ):
        values = function(batch)
        assert values.shape == (2, 3)
        for index in np.ndindex(2, 3):
            assert isinstance(function(batch[index]), float)
            assert values[index] == pytest.approx(function(batch[index]), abs=1e-14)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: entropy([0.5, -0.5]), "non-negative"),
        (lambda: entropy([0.5, np.nan]), "finite"),
        (lambda: entropy([0.5, 0.5], unit="hartleys"), "unit must be one of bits, nats"),
        (lambda: mutual_information([0.5, 0.5]), r"at least 2 axes .* shape \(2,\)"),
        (lambda: mutual_information([[0.5, np.inf]]), "finite"),
        (lambda: conditional_mutual_information(np.eye(2) / 2), r"at least 3 axes .*\(2, 2\)"),
    ],
)
def test_bad_arguments_are_named(call: Callable[[], object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()
