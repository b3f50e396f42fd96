"""fastpid estimate and fastpid screen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import fastpid
from fastpid.cli import main

PENGUINS = Path(__file__).resolve().parents[2] / "docs" / "data" / "penguins.csv"
COLUMNS = ["--x", "a", "--y", "b", "--z", "z"]
QUICK = ["--n-bootstrap", "50", "--n-permutations", "50", "--rng", "3"]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.integers(0, 3, (200, 5)), columns=list("abcde"))
    frame["z"] = (frame.a + frame.b) % 2
    frame.to_csv(tmp_path / "data.csv", index=False)
    frame.to_parquet(tmp_path / "data.parquet")
    return tmp_path / "data.csv", tmp_path / "data.parquet"


def test_estimate_is_that_of_python(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.read_csv(files[0])
    options = {"n_bootstrap": 50, "n_permutations": 50, "rng": 3}
    expected = fastpid.estimate("a", "b", "z", data=frame, **options).to_dict()
    for path in files:
        assert main(["estimate", str(path), *COLUMNS, *QUICK, "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        found = {**answer, **answer["result"]}
        assert found["columns"]["x"]["labels"] == [0, 1, 2]
        for key in ("corrected", "p_values", "null_means"):
            assert found[key] == pytest.approx(expected[key])
        for name, ends in expected["intervals"].items():
            assert found["intervals"][name] == pytest.approx(ends)


def test_estimate_prints_and_draws(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "atoms.png"
    assert main(["estimate", str(files[0]), *COLUMNS, *QUICK, "--plot", str(out)]) == 0
    text = capsys.readouterr().out
    for word in ("about z", "unique to a", "95% interval", "bias: qe", "synergy"):
        assert word in text
    assert out.read_bytes().startswith(b"\x89PNG")
    status = main(["estimate", str(files[0]), *COLUMNS, *QUICK, "--plot", str(tmp_path / "a.xyz")])
    assert status == 2
    assert "--plot must end in .png" in capsys.readouterr().err


@pytest.mark.parametrize("what", [0, 1])
def test_screen_is_that_of_python(
    files: tuple[Path, Path], what: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("matplotlib")
    expected = fastpid.screen(pd.read_csv(files[0]), "z")
    for name in ("pairs.parquet", "pairs.csv"):
        out, plot = tmp_path / name, tmp_path / "map.svg"
        options = ["--z", "z", "--top-k", "2", "--out", str(out), "--plot", str(plot), "--force"]
        assert main(["screen", str(files[what]), *options]) == 0
        text = capsys.readouterr().out
        assert "10 pairs, in bits, by synergy" in text
        read = pd.read_parquet(out) if name.endswith("parquet") else pd.read_csv(out)
        np.testing.assert_allclose(read["synergy"], expected.values("synergy"), atol=1e-12)
        assert "<svg" in plot.read_text()
    assert main(["screen", str(files[what]), "--z", "z", "--top-k", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["result"]
    assert found["n_pairs"] == 10
    assert (found["top"][0]["x"], found["top"][0]["y"]) == ("a", "b")


def test_screen_of_triples_is_that_of_python(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.read_csv(files[0])
    expected = fastpid.screening.screen_triples(frame, "z", test="g")
    command = ["screen", str(files[0]), "--z", "z", "--triples"]
    out = tmp_path / "triples.csv"
    assert main([*command, "--test", "g", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "10 triples, in bits, by synergy" in text
    assert "unique_2" in text
    read = pd.read_csv(out)
    np.testing.assert_allclose(read["synergy"], expected.values("synergy"), atol=1e-12)
    np.testing.assert_allclose(read["p_redundancy"], expected.values("p_redundancy"))
    assert main([*command, "--top-k", "1", "--by", "union_information", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["result"]
    assert (found["n_triples"], len(found["top"])) == (10, 1)
    assert found["top"][0]["union_information"] == expected.values("union_information").max()
    assert main([*command, "--fdr", "0.05", "--by", "synergy", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["result"]
    assert found["test"] == "g"
    assert found["n_significant"] == len(expected.significant(0.05, "synergy"))
    for wrong, words in (
        (["--test", "permutation"], "--triples have no permutations"),
        (["--plot", str(tmp_path / "map.png")], "--plot draws a heat map of pairs"),
        (["--fdr", "0.1", "--by", "unique_x"], "--fdr needs an atom in --by, one of unique_0"),
    ):
        assert main([*command, *wrong]) == 2
        assert words in capsys.readouterr().err


def test_screen_of_some_columns_leaves_the_others_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("pyarrow")
    sources = "bill_length_mm,bill_depth_mm,flipper_length_mm"
    options = ["--z", "species", "--sources", sources, "--bins", "4", "--json"]
    assert main(["screen", str(PENGUINS), *options]) == 0
    assert json.loads(capsys.readouterr().out)["result"]["n_pairs"] == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["screen", "{csv}", "--z", "zz"], "asked for a column 'zz'"),
        (["screen", "{csv}", "--z", "z", "--sources", "a,f"], "asked for a column 'f'"),
        (["screen", "{csv}", "--z", "z", "--by", "luck"], "by must be one of"),
        (["screen", "{csv}", "--z", "z", "--out", "a.xls"], "--out must end in"),
        (["screen", "{csv}", "--z", "z", "--fdr", "1.5"], "--fdr must lie between 0 and 1"),
        (["screen", "{csv}", "--z", "z", "--fdr", "0.1", "--by", "mi_xy"], "--fdr needs an atom"),
        (["screen", "{csv}", "--z", "z", "--fdr", "0.1", "--test", "none"], "needs p-values"),
        (
            ["screen", "{csv}", "--z", "z", "--fdr", "0.1", "--n-permutations", "9"],
            "take 100 or more",
        ),
        (["screen", "{csv}", "--z", "z", "--adjust", "by"], "--adjust needs tests"),
        (["screen", "{csv}", "--z", "z", "--n-permutations", "200"], "needs tests"),
        (
            ["screen", "{csv}", "--z", "z", "--test", "g", "--n-permutations", "200"],
            "needs --test permutation",
        ),
        (["screen", "no.csv", "--z", "z"], "cannot read 'no.csv'"),
        (["screen", str(PENGUINS), "--z", "species"], "missing values in 9 of 342 rows"),
        (["estimate", "no.parquet", *COLUMNS], "cannot read 'no.parquet'"),
        (["estimate", "{parquet}", "--x", "A", "--y", "b", "--z", "z"], "did you mean 'a'"),
        (
            ["estimate", "{csv}", *COLUMNS, "--confidence-level", "2"],
            "confidence_level must lie between 0 and 1",
        ),
        (
            ["estimate", "{csv}", *COLUMNS, "--n-bootstrap", "1"],
            "n_bootstrap=1 resamples are too few",
        ),
        (["estimate", "{csv}", *COLUMNS, "--tol", "0"], "tol must be positive"),
    ],
)
def test_bad_input_is_one_line(
    files: tuple[Path, Path], arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [a.format(csv=files[0], parquet=files[1]) for a in arguments]
    assert main(filled) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_names_with_commas_and_columns_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"{i % 2},{i // 2 % 2},{i % 3},,{(i + i // 2) % 2}\n" for i in range(24)]
    path = tmp_path / "data.csv"
    path.write_text('a,"b, c",d,empty,z\n' + "".join(rows))
    command = ["screen", str(path), "--z", "z", "--json"]

    def names(*options: str) -> set[str]:
        assert main([*command, *options]) == 0
        top = json.loads(capsys.readouterr().out)["result"]["top"]
        return {name for pair in top for name in (pair["x"], pair["y"])}

    assert names("--sources", "a", "--sources", "b, c") == {"a", "b, c"}
    assert names("--exclude", "empty") == {"a", "b, c", "d"}
    assert names("--exclude", "empty,d") == {"a", "b, c"}
    assert main(command) == 2
    assert "empty has 24" in capsys.readouterr().err


def test_every_format_is_read_by_every_command(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.read_csv(files[0])
    folder = files[0].parent
    frame.to_feather(folder / "data.feather")
    frame.to_csv(folder / "data.csv.gz", index=False)
    frame.to_csv(folder / "data.txt", index=False, encoding="utf-16", sep=";")
    for command in (
        ["decompose", *COLUMNS],
        ["estimate", *COLUMNS, *QUICK],
        ["screen", "--z", "z"],
    ):
        answers = []
        for path in (*files, folder / "data.feather", folder / "data.csv.gz", folder / "data.txt"):
            options = ["--delimiter", ";"] if path.suffix == ".txt" else []
            assert main([command[0], str(path), *command[1:], *options, "--json"]) == 0
            answers.append(json.loads(capsys.readouterr().out))
            answers[-1].pop("file")
        assert all(answer == answers[0] for answer in answers)


def test_a_screen_with_tests_is_that_of_python(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.read_csv(files[0])
    expected = fastpid.screen(frame, "z", test="permutation", n_permutations=200, rng=4)
    out = tmp_path / "pairs.csv"
    options = ["--z", "z", "--n-permutations", "200", "--rng", "4", "--adjust", "by"]
    command = ["screen", str(files[0]), *options, "--fdr", "0.05"]
    assert main([*command, "--out", str(out), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["result"]
    assert (answer["test"], answer["adjust"], answer["fdr"]) == ("permutation", "by", 0.05)
    wanted = expected.significant(0.05, method="by")
    assert answer["n_significant"] == len(wanted) == len(answer["top"]) > 0
    assert (answer["top"][0]["x"], answer["top"][0]["y"]) == ("a", "b")
    adjusted = expected.adjusted("synergy", "by")
    assert answer["top"][0]["adjusted_p_synergy"] == adjusted[0]
    written = pd.read_csv(out)
    assert len(written) == len(expected)
    np.testing.assert_allclose(written["adjusted_p_synergy"], adjusted)
    np.testing.assert_allclose(written["p_unique_x"], expected.values("p_unique_x"))
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "significant at 0.05 (by)" in said
    assert "adjusted_p_synergy" in said
