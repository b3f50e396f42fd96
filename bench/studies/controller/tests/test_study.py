"""The study of the controller: its methods are what they say, and all of it runs."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch", reason="torch is an extra: pip install fastpid[torch]")

from controller import held_out, methods, page, report, strength, study
from controller.data import synthetic
from controller.methods import METHODS, Budget, Run
from scipy import stats

BUDGET = Budget(epochs=6, rate=0.02)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def a_run(seed: int = 0, **options) -> Run:
    return Run(synthetic(seed, n=800, **options), BUDGET, seed)


@pytest.mark.parametrize("method", METHODS)
def test_methods_learn_within_one_budget(method: str) -> None:
    run = a_run()
    METHODS[method](run)
    assert run.steps == BUDGET.epochs * len(run.loader) * 2
    assert run.accuracy("train") > 0.3  # of 8 classes
    again = a_run()
    METHODS[method](again)
    assert again.accuracy("test") == run.accuracy("test")


@pytest.mark.parametrize("method", METHODS)
def test_three_modalities_take_as_many_steps(method: str) -> None:
    run = a_run(modalities=3)
    METHODS[method](run)
    assert run.steps == BUDGET.epochs * len(run.loader) * 3 == run.budgeted


def test_fixed_starts_from_the_state_at_its_epoch() -> None:
    found = methods.fixed(a_run())
    assert (found["switch"], found["restore_0"], found["restore_1"]) == (2, 2, 2)
    assert (found["held_0"], found["held_1"]) == (0, 0)


@pytest.mark.parametrize("method", methods.TWO_STAGES)
def test_the_fusion_that_trains_along_leaves_the_modalities_alone(method: str) -> None:
    """Each says the same; the fusion has learnt when the second stage starts."""
    runs, found = [], []
    schedule = {} if method == "fixed" else {"patience": 1}  # so that one is held
    for name in (method, methods.later(method)):
        run = a_run(dominance=8)
        seen = []

        def joint_epoch(run: Run = run, seen: list = seen) -> None:
            if not seen:  # the second stage starts
                seen.append({k: v.clone() for k, v in run.net.state_dict().items()})
                seen.append(run.accuracy("valid"))
            Run.joint_epoch(run)

        run.joint_epoch = joint_epoch
        found.append(methods.train(run, name, schedule))
        runs.append(seen)
    assert found[0] == found[1]
    assert method != "PID controller" or found[0]["held_0"] > 0
    (along, right), (later, at_random) = runs
    for key, value in along.items():
        assert torch.equal(value, later[key]) != key.startswith("fusion"), key
    assert right > at_random + 0.2


@pytest.mark.parametrize("criterion", ["pid", "mi", "skill"])
def test_controllers_differ_in_what_they_go_by(
    criterion: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = []
    train = methods.two_stage

    def spy(run, controller, along):
        used.append(controller)
        return train(run, controller, along)

    monkeypatch.setattr(methods, "two_stage", spy)
    names = {"pid": "PID controller", "mi": "MI controller", "skill": "skill controller"}
    found = METHODS[names[criterion]](a_run())
    assert [c.criterion for c in used] == [criterion]
    assert {"synergy", "redundancy", "unique_0", "unique_1", "mi_0", "mi_1"} <= set(found)


def test_modulated_gradients_are_what_the_optimizer_steps_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    still = {"x": torch.tensor(0.0), "y": torch.tensor(1.0)}
    monkeypatch.setattr(methods, "modulation", lambda scores, alpha: still)
    monkeypatch.setattr(torch, "randn_like", torch.zeros_like)
    run = a_run()
    run.budget = Budget(epochs=1, decay=0.0)
    run.optimizer = run.new_optimizer()
    before = {name: p.clone() for name, p in run.net.named_parameters()}
    methods.ogm_ge(run, share=1.0)
    moved = {name for name, p in run.net.named_parameters() if not torch.equal(p, before[name])}
    assert {name.split(".")[1] for name in moved if name.startswith("encoders")} == {"y"}
    assert any(name.startswith("fusion") for name in moved)
    monkeypatch.undo()
    # Noise is added to them, so that even a modality that is held moves.
    monkeypatch.setattr(methods, "modulation", lambda scores, alpha: still)
    methods.ogm_ge(run, share=1.0)
    assert any(
        not torch.equal(p, before[name])
        for name, p in run.net.named_parameters()
        if name.startswith("encoders.x")
    )


def test_modulation_is_that_of_the_paper() -> None:
    scores = {"audio": torch.tensor(30.0), "video": torch.tensor(20.0)}
    factors = methods.modulation(scores, alpha=0.4)
    assert factors["audio"].item() == pytest.approx(1 - np.tanh(0.4 * 1.5))
    assert factors["video"].item() == 1.0
    scores["text"] = torch.tensor(10.0)
    factors = methods.modulation(scores, alpha=0.4)
    assert factors["audio"].item() == pytest.approx(1 - np.tanh(0.4 * 2.0))
    assert factors["video"].item() == factors["text"].item() == 1.0


def test_a_modality_alone_is_the_fusion_without_the_others() -> None:
    run = a_run()
    views, _ = run.parts["valid"]
    features = run.net.features(views)
    silent = {**features, "y": torch.zeros_like(features["y"])}
    found = run.net.contributions(features)["x"]
    torch.testing.assert_close(found, run.net.fuse(silent))
    torch.testing.assert_close(run.net(views), run.net.fuse(features))


def test_statistics_are_the_textbooks() -> None:
    rng = np.random.default_rng(0)
    rows = [
        {"experiment": "e", "method": method, "seed": seed, "accuracy": value}
        for method in ("PID controller", "fixed")
        for seed, value in enumerate(rng.random(12))
    ]
    runs = pd.DataFrame(rows).sample(frac=1.0, random_state=0)
    ours, other = (
        runs[runs["method"] == m].sort_values("seed")["accuracy"]
        for m in ("PID controller", "fixed")
    )
    mean, half, p = report.paired(runs, "e", "PID controller", "fixed")
    expected = stats.ttest_rel(ours, other)
    interval = expected.confidence_interval(0.95)
    assert mean == pytest.approx(ours.mean() - other.mean())
    assert (mean - half, mean + half) == pytest.approx((interval.low, interval.high))
    assert p == pytest.approx(expected.pvalue)


def test_differences_that_are_all_the_same_but_for_rounding_have_no_p_value() -> None:
    rows = [
        {"experiment": "e", "method": method, "seed": seed, "accuracy": accuracy}
        for seed, accuracy in enumerate((0.1, 0.7, 0.3))
        for method, accuracy in (("fixed", accuracy), ("same", accuracy), ("more", accuracy + 0.2))
    ]
    runs = pd.DataFrame(rows)
    assert report.paired(runs, "e", "same", "fixed")[::2] == (0.0, 1.0)
    mean, _, p = report.paired(runs, "e", "more", "fixed")
    assert mean == pytest.approx(0.2)
    assert np.isnan(p)


def test_correlations_are_by_rank_and_their_interval_is_over_seeds() -> None:
    rng = np.random.default_rng(0)
    rows = []
    for seed in range(8):
        for start in range(6):
            accuracy = rng.normal()
            rows.append({"seed": seed, "start": start, "accuracy": accuracy})
            rows[-1] |= {"up": np.exp(accuracy), "noise": rng.normal(), "down": -accuracy}
    sweep = pd.DataFrame(rows)
    assert report.spearman(sweep, "up") == pytest.approx((1.0, 1.0, 1.0))
    assert report.spearman(sweep, "down") == pytest.approx((-1.0, -1.0, -1.0))
    rho, low, high = report.spearman(sweep, "noise")
    assert rho == pytest.approx(stats.spearmanr(sweep["noise"], sweep["accuracy"]).statistic)
    assert low < 0.0 < high


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    table = study.Table(path, "experiment", "seed")
    first = {"experiment": "a", "seed": 0, "accuracy": 0.5}
    second = {"experiment": "b", "seed": 0, "accuracy": 0.25, "switch": 3}
    ran = []

    def job(row: dict[str, object]) -> list[dict[str, object]]:
        ran.append(row)
        return [row]

    for row in (first, second):
        study.work([(table, functools.partial(job, row))], float("inf"), 1)
        assert report.read(path) == ran
    again = study.Table(path, "experiment", "seed")
    assert again.has("a", 0)
    assert not again.has("a", 1)
    study.work([(again, functools.partial(job, first))], 0.0, 1)
    assert ran == [first, second], "there was no time for it"


def test_the_jobs_left_are_those_that_have_no_row(tmp_path: Path) -> None:
    chosen = [study.Experiment("e", synthetic, range(3), True, ("joint only", "fixed"))]
    jobs = study.jobs_of(chosen, BUDGET, tmp_path)
    assert len(jobs) == 3 * (2 + 1 + 1)
    jobs[0][0].add([{"experiment": "e", "seed": 0, "method": "joint only"}])
    assert len(study.jobs_of(chosen, BUDGET, tmp_path)) == len(jobs) - 1


def test_every_method_is_tuned_by_as_many_rates_and_no_more_than_three_schedules() -> None:
    assert set(methods.SCHEDULES) == {*METHODS, *map(methods.later, methods.TWO_STAGES)}
    assert all(len(of) in (1, 3) for of in methods.SCHEDULES.values())
    experiment = study.Experiment("e", functools.partial(synthetic, n=400), range(1), False)
    rows = []
    for method, schedules in methods.SCHEDULES.items():
        setting = methods.Setting(0.01, schedules[-1])
        (row,) = study.compare(experiment, method, 0, Budget(epochs=4), setting, "valid")
        rows += [row, {**row, "rate": 0.5, "accuracy": row["accuracy"] - 0.01}]
    said = report.tuning(rows)
    for method, schedules in methods.SCHEDULES.items():
        assert any(line.startswith(f"| e | {method} | 0.01 | {schedules[-1]}") for line in said)
    best = study.best_settings(rows)
    assert best == {m: methods.Setting(0.01, of[-1]) for m, of in methods.SCHEDULES.items()}


def test_settings_are_those_of_the_experiment_or_the_best_overall(tmp_path: Path) -> None:
    of = {"method": "fixed", "seed": 0}
    rows = [
        {"experiment": name, **of, "rate": rate, "schedule": str({"share": share}), "accuracy": a}
        for name, found in (
            (study.TUNED_ON[0], ((0.01, 0.5, 0.9), (0.02, 0.3, 0.8))),
            (study.TUNED_ON[1], ((0.01, 0.5, 0.1), (0.02, 0.3, 0.8))),
            (study.RATES_TUNED_ON[0], ((0.04, 0.3, 0.7),)),
        )
        for rate, share, a in found
    ]
    study.Table(tmp_path / "tuning.csv", "experiment", "rate").add(rows)
    settings = study.Settings(tmp_path / "tuning.csv")
    assert settings.of(study.TUNED_ON[0], "fixed") == methods.Setting(0.01, {"share": 0.5})
    assert settings.of(study.TUNED_ON[1], "fixed") == methods.Setting(0.02, {"share": 0.3})
    assert settings.of(study.RATES_TUNED_ON[0], "fixed") == methods.Setting(0.04, {"share": 0.3})
    # Elsewhere the schedule that did best in the first two, and the best rate of all three.
    assert settings.of("CREMA-D", "fixed") == methods.Setting(0.02, {"share": 0.3})
    later = methods.later("fixed")
    assert settings.of(study.RATES_TUNED_ON[0], later) == methods.Setting(0.04, {"share": 0.3})


def test_a_variant_differs_in_what_it_is_named_for(monkeypatch: pytest.MonkeyPatch) -> None:
    used = []
    monkeypatch.setattr(methods, "two_stage", lambda run, c, along: used.append((c, along)) or {})
    names = [name for name, (base, _) in methods.VARIANTS.items() if base == "PID controller"]
    for name in names:
        methods.train(a_run(), name, {"margin": 0.5})
    assert names[0] == methods.later("PID controller")
    assert [along for _, along in used] == [False, *[True] * (len(names) - 1)]
    first, *others = (controller.state_dict()["config"] for controller, _ in used)
    configs = dict(zip(names[1:], others, strict=True))
    differ = {n: {k for k in first if c[k] != first[k]} for n, c in configs.items()}
    assert differ == {
        "waits": {"patience"},
        "holds nobody": {"balance"},
        "margin 2": {"margin"},
        "hard predictions": {"soft"},
        "union": {"criterion", "plateau", "own"},
    }


def test_holms_adjustment_is_the_textbooks() -> None:
    found = report.holm([0.01, float("nan"), 0.04, 0.03, 0.005])
    np.testing.assert_allclose(found, [0.03, np.nan, 0.06, 0.06, 0.02])


def test_the_weakest_encoder_trains_alone_first(monkeypatch: pytest.MonkeyPatch) -> None:
    run = a_run(dominance=4)
    before = {name: p.clone() for name, p in run.net.named_parameters()}
    moved = []
    update = Run.update

    def spy(self, loss, encoders, then=None):
        update(self, loss, encoders, then)
        if self is run:
            now = dict(run.net.named_parameters())
            moved.append(
                {
                    m
                    for m in "xy"
                    if not all(
                        torch.equal(now[k], v)
                        for k, v in before.items()
                        if k.startswith(f"encoders.{m}")
                    )
                }
            )

    monkeypatch.setattr(Run, "update", spy)
    methods.prioritised(run, share=0.5, teaching=0.2)
    assert moved[0] == {"y"}  # the weaker one
    assert moved[-1] == {"x", "y"}
    assert moved.index({"x", "y"}) == pytest.approx(0.5 * run.budgeted, abs=1)


def test_the_strength_is_of_gradients_and_logits() -> None:
    rows = strength.strength("e", functools.partial(synthetic, n=800, dominance=4), 0, BUDGET)
    assert [row["start"] for row in rows] == [0, 1, 2, 3]
    for row in rows:
        assert row["gradient_0"] + row["gradient_1"] == pytest.approx(1.0)
        assert row["logits_0"] + row["logits_1"] == pytest.approx(1.0)
    # The one that dominates, and has been learnt, gives most of the logits.
    assert rows[-1]["logits_0"] > 0.6


def smoke(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> str:
    monkeypatch.setattr(study.tempfile, "mkdtemp", lambda: str(folder))
    monkeypatch.setattr(sys, "argv", ["study.py", "--smoke", *arguments])
    study.main()
    return (folder / "report.md").read_text()


def test_the_study_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = smoke(monkeypatch, tmp_path)
    runs = pd.read_csv(tmp_path / "runs.csv")
    assert len(runs) == 2 * 2 * len(METHODS)
    assert set(runs["method"]) == set(report.METHODS) == set(METHODS)
    assert runs["accuracy"].between(0.3, 1.0).all()
    controlled = runs[runs["method"] == "PID controller"]
    assert (controlled[["restore_0", "restore_1"]].max(axis=1) <= controlled["switch"]).all()
    assert (controlled["switch"] <= 4).all()
    sweep = pd.read_csv(tmp_path / "sweep.csv")
    assert sweep.groupby(["experiment", "seed"])["start"].nunique().eq(6).all()
    # Joint training from the start is what "joint only" is, at the same rate.
    budget = Budget(epochs=8)
    at_once = sweep[sweep["start"] == 0]
    for name, seed, accuracy in at_once[["experiment", "seed", "accuracy"]].itertuples(index=False):
        experiment = study.Experiment(name, study.DATA[name], range(2), False)
        setting = methods.Setting(budget.rate, {})
        (row,) = study.compare(experiment, "joint only", seed, budget, setting)
        assert row["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    for title in (
        "Accuracy",
        "What the controllers did",
        "Cost",
        "What tells the final accuracy",
        "Who gets",
    ):
        assert f"## {title}" in said
    plots = {path.name for path in tmp_path.glob("*.svg")}
    drawn = ("differences", "run", "starts", "strength")
    assert plots == {f"controller-{name}.svg" for name in drawn}


def test_cremad_is_an_experiment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(180) % 6
    clear = np.eye(6)[labels]
    features = tmp_path / "clips.npz"
    np.savez(
        features,
        audio=np.hstack([clear, clear]) + rng.normal(size=(180, 12)),
        video=clear + rng.normal(size=(180, 6)),
        labels=labels,
        actor=np.arange(180) // 12,
    )
    said = smoke(monkeypatch, tmp_path, "--cremad", str(features))
    assert "| CREMA-D | 2 |" in said


def test_the_simulation_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(held_out, "SETS", 40)
    monkeypatch.setattr(held_out, "POPULATION", 20_000)
    held_out.main()
    for line in capsys.readouterr().out.splitlines()[2:]:
        truth, plug_in, corrected, _, error = map(float, line.split("|")[2:-1])
        assert abs(corrected - truth) < plug_in - truth
        assert 0.0 < error < 0.1


def test_the_pages_tables_are_those_of_the_runs(tmp_path: Path) -> None:
    assert {**page.COMPARED, **page.FURTHER}.keys() == study.DATA.keys()
    assert {name: base for name, (base, _) in methods.VARIANTS.items()} == report.VARIANTS
    rng = np.random.default_rng(0)
    better = {report.OURS: 0.9, "fixed": 0.8, methods.later("fixed"): 0.6}
    rows = [
        {"experiment": name, "method": method, "seed": seed, "accuracy": a + rng.normal() / 100}
        for name in ("watch", "synthetic, slow y")
        for seed in range(12 if name == "watch" else 5)
        for method, a in better.items()
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "runs.csv")
    text, named = tmp_path / "page.md", page.tables(pd.DataFrame(rows))
    text.write_text("".join(f"a\n<!-- study: {n} -->\nold\n<!-- /study -->\nb\n" for n in named))
    page.refresh(text, tmp_path / "runs.csv")
    once = text.read_text()
    page.refresh(text, tmp_path / "runs.csv")
    assert text.read_text() == once
    assert "old" not in once
    assert once.count("a\n<!--") == once.count("-->\nb") == len(named)
    (line,) = (x for x in named["accuracy"] if x.startswith(f"| {page.COMPARED['watch']} | 12 |"))
    assert line.count("**") == 2
    assert line.endswith("** |")  # the default, which is last
    runs = pd.DataFrame(rows)
    for name, one, other in (
        ("skill", report.OURS, "fixed"),
        ("fusion", "fixed", methods.later("fixed")),
    ):
        mean, half, _ = report.paired(runs, "watch", one, other)
        assert f"**{report.percent(mean, half, '+')}**" in "".join(named[name])
    assert "slow" in "".join(named["further"])
    assert "slow" not in "".join(named["accuracy"])
    assert "halves" not in "".join(named["skill"])
    text.write_text("no tables")
    with pytest.raises(ValueError, match="'accuracy' 0 times"):
        page.refresh(text, tmp_path / "runs.csv")


def test_an_unknown_experiment_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["study.py", "weather"])
    with pytest.raises(SystemExit):
        study.main()
    assert "unknown: weather" in capsys.readouterr().err
