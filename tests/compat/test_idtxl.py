"""The class of IDTxl: lags, joint sources, replications."""

from __future__ import annotations

import types

import numpy as np
import pytest

import fastpid
from fastpid.compat.idtxl import BivariatePID

RNG = np.random.default_rng(0)
DATA = RNG.integers(0, 2, (4, 60, 25))
DATA[3, 3:] = DATA[0, 2:-1] ^ DATA[1, :-3]  # lags 1 and 3


def test_lags() -> None:
    settings = {"pid_estimator": "TartuPID", "lags_pid": [1, 3], "alph_s1": 2}
    found = BivariatePID().analyse_single_target(settings, DATA, 3, [0, 1]).get_single_target(3)
    assert found["syn_s1_s2"] > 0.99
    assert found["source_1"] == [(0, 1)]
    assert found["source_2"] == [(1, 3)]
    assert found["selected_vars_sources"] == [(0, 1), (1, 3)]
    assert found["current_value"] == (3, 3)
    assert found["n_realisations"] == 57 * 25
    x, y, z = DATA[0, 2:-1], DATA[1, :-3], DATA[3, 3:]
    d = fastpid.decompose(fastpid.joint.from_samples(x.ravel(), y.ravel(), z.ravel()))
    assert found["unq_s1"] == d.unique_x
    assert found["shd_s1_s2"] == d.redundancy
    assert found["joint_mi_s1s2_t"] == d.mi_xy
    assert found["decomposition"] == d


def test_the_default_is_a_lag_of_one() -> None:
    chain = RNG.integers(0, 3, (3, 500))
    chain[2, 1:] = chain[0, :-1]
    found = BivariatePID().analyse_single_target({}, chain, 2, [0, 1]).get_single_target(2)
    assert found["unq_s1"] > 1.5
    assert found["source_2"] == [(1, 1)]
    now = BivariatePID().analyse_single_target({"lags_pid": [0, 0]}, chain, 2, [0, 1])
    assert now.get_single_target(2)["unq_s1"] < 0.1
    assert now.get_single_target(2)["n_realisations"] == 500


def test_joint_sources() -> None:
    three = RNG.integers(0, 2, (4, 2000))
    three[3, 2:] = three[0, 1:-1] ^ three[1, :-2] ^ three[2, 1:-1]
    pid = BivariatePID()
    for lags in ([[1, 2], 1], [[1, 2], [1]]):
        found = pid.analyse_single_target({"lags_pid": lags}, three, 3, [[0, 1], 2])
        assert found.get_single_target(3)["syn_s1_s2"] > 0.99
        assert found.get_single_target(3)["source_1"] == [(0, 1), (1, 2)]
    wrong = pid.analyse_single_target({"lags_pid": [1, 1]}, three, 3, [[0, 1], 2])
    assert wrong.get_single_target(3)["joint_mi_s1s2_t"] < 0.05


def test_networks_and_objects_that_hold_data(capsys: pytest.CaptureFixture[str]) -> None:
    settings = {"lags_pid": [[1, 3], [1, 1]], "verbose": True}
    held = types.SimpleNamespace(data=DATA)
    found = BivariatePID().analyse_network(settings, held, [3, 2], [[0, 1], [0, 1]])
    assert found.targets_analysed == [3, 2]
    assert found.get_single_target(3)["syn_s1_s2"] > 0.99
    assert found.get_single_target(2)["syn_s1_s2"] < 0.05
    assert "target 3" in repr(found)
    assert capsys.readouterr().out.count("syn_s1_s2") == 2
    assert settings["lags_pid"] == [[1, 3], [1, 1]]
    with pytest.raises(KeyError, match="target 1 was not analysed"):
        found.get_single_target(1)


def test_bad_arguments() -> None:
    pid = BivariatePID()
    for lags, target, sources, words in (
        ([1, 1], 3, [0], "must be two each"),
        ([1], 3, [0, 1], "must be two each"),
        ([1, 1], 4, [0, 1], "target is 4: there is no such process"),
        ([1, 1], 3, [0, 7], "a source is 7"),
        ([1, 1], 3, [0, 3], "must not be among the sources"),
        ([1, -1], 3, [0, 1], "lags must be from 0 to 59"),
        ([1, 60], 3, [0, 1], "lags must be from 0 to 59"),
        ([[1, 1], 1], 3, [0, 1], "a joint source needs one lag"),
        ([1, 1], "x", [0, 1], "must be the index"),
    ):
        with pytest.raises(ValueError, match=words):
            pid.analyse_single_target({"lags_pid": lags}, DATA, target, sources)
    with pytest.raises(TypeError, match=r"must be integers.*normalise=False"):
        pid.analyse_single_target({}, DATA / 2, 3, [0, 1])
    with pytest.raises(ValueError, match="two or three axes"):
        pid.analyse_single_target({}, DATA[0, 0], 3, [0, 1])
    with pytest.raises(ValueError, match="same length; got 2, 1 and 2"):
        pid.analyse_network({}, DATA, [2, 3], [[0, 1]])
    with pytest.raises(ValueError, match="differ from one another"):
        pid.analyse_network({}, DATA, [3, 3], [[0, 1]] * 2)
