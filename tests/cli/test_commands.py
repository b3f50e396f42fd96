from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastpid
from fastpid import cli
from fastpid.cli import main
from fastpid.gates import GATES
from fastpid.result import ATOMS

ROOT = Path(__file__).resolve().parents[2]
PENGUINS = ROOT / "docs" / "data" / "penguins.csv"

XOR = "a,b,c\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n"


@pytest.fixture
def write(tmp_path):
    def _write(content: str | bytes) -> str:
        path = tmp_path / "data.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return _write


def read_answer(text: str) -> dict:
    """Read the one layout of --json; what is about the file beside what is the result."""
    answer = json.loads(text)
    assert set(answer) >= {"format", "fastpid", "command", "result"}
    assert answer["format"] == 1
    result = answer.pop("result")
    return {**answer, **(result if isinstance(result, dict) else {"results": result})}


def decompose(path: str, *options: str) -> int:
    return main(["decompose", path, "--x", "a", "--y", "b", "--z", "c", *options])


@pytest.fixture
def answer(write, capsys):
    """Decompose a text; return the JSON answer and what was said on standard error."""

    def _answer(content: str | bytes, *options: str) -> tuple[dict, str]:
        assert decompose(write(content), "--json", *options) == 0
        said = capsys.readouterr()
        return read_answer(said.out), said.err

    return _answer


@pytest.fixture
def refusal(capsys):
    """Run a command that must fail; return its one line on standard error."""

    def _refusal(*argv: str) -> str:
        assert main(argv) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("fastpid: error: ")
        assert said.err.count("\n") == 1
        return said.err

    return _refusal


@pytest.fixture
def refused(write, refusal):
    def _refused(content: str | bytes, *options: str) -> str:
        path = write(content)
        line = refusal("decompose", path, "--x", "a", "--y", "b", "--z", "c", *options)
        return line.replace(path, "FILE")

    return _refused


def table(rows: list[tuple[object, object, object]]) -> str:
    return "a,b,c\n" + "".join(f"{x},{y},{z}\n" for x, y, z in rows)


# decompose


def test_the_penguins(capsys):
    argv = ["decompose", str(PENGUINS), "--x", "bill_length_mm", "--y", "flipper_length_mm"]
    argv += ["--z", "species", "--bins", "4"]
    assert main(argv) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert f"{PENGUINS}: 342 rows" in said.out
    assert "x  bill_length_mm     4 bins: [32.1, 39.225) (86)" in said.out
    assert "3 categories: Adelie (151), Chinstrap (68), Gentoo (123)" in said.out
    assert "Decomposition (bits)" in said.out
    assert "About species, in bits:" in said.out


def test_the_json_answer_is_that_of_the_library(capsys):
    pd = pytest.importorskip("pandas")
    argv = ["decompose", str(PENGUINS), "--x", "bill_length_mm", "--y", "flipper_length_mm"]
    argv += ["--z", "species", "--bins", "4", "--json", "--unit", "nats", "--strategy", "uniform"]
    assert main(argv) == 0
    answer = read_answer(capsys.readouterr().out)
    frame = pd.read_csv(PENGUINS)
    samples = fastpid.joint.from_samples(
        frame["bill_length_mm"],
        frame["flipper_length_mm"],
        frame["species"],
        bins={"x": 4, "y": 4},
        strategy="uniform",
    )
    result = fastpid.decompose(samples, unit="nats")
    assert {key: answer[key] for key in result.to_dict()} == result.to_dict()
    assert answer["n_samples"] == 342
    assert answer["shape"] == [4, 4, 3]
    for axis, role in enumerate("xyz"):
        column = answer["columns"][role]
        assert column["name"] == samples.names[axis]
        assert column["kind"] == ("categories" if role == "z" else "bins")
        assert column["counts"] == samples.counts_along(axis).tolist()
        assert column["labels"] == json.loads(json.dumps(samples.labels[axis]))


def test_exclusive_or(answer):
    bits, said = answer(XOR)
    assert bits["unit"] == "bits"
    assert [bits[atom] for atom in ATOMS] == pytest.approx([0, 0, 0, 1], abs=1e-8)
    assert bits["lower"] <= bits["union_information"] <= bits["upper"]
    assert bits["converged"] is True
    assert bits["status"] == "converged"
    assert said == ""
    nats, _ = answer(XOR, "--unit", "nats")
    assert nats["synergy"] == pytest.approx(math.log(2), abs=1e-8)


@pytest.mark.parametrize("name", ["tab", r"\t", "\t"])
def test_tabs(answer, name):
    found, _ = answer(XOR.replace(",", "\t"), "--delimiter", name)
    assert found["shape"] == [2, 2, 2]


def test_byte_order_mark_quotes_crlf_and_blank_lines(answer):
    text = '\ufeffa,b,c\r\n\r\n"1,5",p,"two\r\nlines"\r\nü,q,r\r\n\r\nü,p,r\r\nü,p,r\r\n\r\n'
    found, _ = answer(text)
    assert found["n_samples"] == 4
    assert found["columns"]["x"]["labels"] == ["1,5", "ü"]
    assert found["columns"]["z"]["labels"] == ["r", "two\r\nlines"]


def test_without_bins_everything_is_categories(answer):
    rows = [(10, "1.5", "007"), (9, "1.50", "7"), (2, "u", "7"), (10, "u", "7")] * 2
    found, said = answer(table(rows))
    columns = found["columns"]
    assert columns["x"]["labels"] == [2, 9, 10]
    assert columns["y"]["labels"] == ["1.5", "1.50", "u"]
    assert columns["z"]["labels"] == ["007", "7"]
    assert said == ""


def test_a_column_of_nearly_as_many_categories_as_rows_is_warned_about(answer):
    _, said = answer(table([(i * 8, i % 2, i % 3) for i in range(12)]))
    assert said.startswith("fastpid: warning: column 'a' (--x) has 12 categories in 12 rows")
    assert said.count("\n") == 1


def test_bins_cut_numeric_sources_with_more_values_than_bins(answer):
    rows = [(i, i % 3, i) for i in range(12)]
    found, _ = answer(table(rows), "--bins", "3")
    kinds = {role: column["kind"] for role, column in found["columns"].items()}
    assert kinds == {"x": "bins", "y": "categories", "z": "categories"}
    assert found["shape"] == [3, 3, 12]
    found, _ = answer(table([(f"s{i % 2}", i / 2, i / 4) for i in range(12)]), "--bins", "3")
    kinds = {role: column["kind"] for role, column in found["columns"].items()}
    assert kinds == {"x": "categories", "y": "bins", "z": "bins"}


def test_bins_by_name_cut_exactly_those(answer):
    rows = [(i, i / 2, i) for i in range(12)]
    found, said = answer(table(rows), "--bins", "z=2,y=3")
    assert found["shape"] == [12, 3, 2]
    assert found["columns"]["x"]["labels"] == list(range(12))
    assert "column 'a'" in said


def test_a_target_of_labels_that_include_whole_numbers_stays(answer):
    rows = [(i / 2, i / 4, ["K", "1", "2"][i % 3]) for i in range(12)]
    found, _ = answer(table(rows), "--bins", "2")
    assert found["columns"]["z"]["labels"] == ["1", "2", "K"]


def test_merged_bins_are_told(answer):
    rows = [(max(i - 6, 0), i % 2, i % 2) for i in range(10)]
    found, said = answer(table(rows), "--bins", "x=4")
    assert found["shape"][0] == 2
    assert said.startswith("fastpid: warning: x ('a') has 2 quantile bins, not the 4 asked for")


def test_the_same_column_may_serve_twice(write, capsys):
    argv = ["decompose", write(XOR), "--x", "a", "--y", "a", "--z", "a", "--json"]
    assert main(argv) == 0
    said = capsys.readouterr()
    assert read_answer(said.out)["redundancy"] == pytest.approx(1, abs=1e-8)
    assert "--x and --y and --z are the same column, 'a'" in said.err


@pytest.mark.parametrize("method", ["proxy", "gradient", "newton", "exact"])
def test_methods(write, capsys, method):
    assert decompose(write(XOR), "--method", method, "--tol", "1e-3", "--json") == 0
    found = read_answer(capsys.readouterr().out)
    assert found["lower"] - 1e-9 <= 0 <= found["upper"]


def test_a_gap_wider_than_tol_has_its_own_exit_status(tmp_path, capsys):
    file = tmp_path / "data.csv"
    samples = np.random.default_rng(0).integers(0, 5, (2000, 3))
    np.savetxt(file, samples, "%d", ",", header="x,y,z", comments="")
    argv = ["decompose", str(file), "--x", "x", "--y", "y", "--z", "z"]
    argv += ["--method", "gradient", "--tol", "1e-14"]
    assert main(argv) == 1
    said = capsys.readouterr()
    assert "the bounds hold" in said.out
    assert said.err == ""


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["p", "q"]), st.integers(0, 1)),
        min_size=4,
        max_size=20,
    ).filter(lambda rows: all(len(set(column)) > 1 for column in zip(*rows, strict=True))),
    st.randoms(use_true_random=False),
)
def test_rows_count_and_their_order_does_not(answer, rows, random):
    found, _ = answer(table(rows))
    samples = fastpid.joint.from_samples(*(list(column) for column in zip(*rows, strict=True)))
    assert found["n_samples"] == len(rows)
    assert found["columns"]["x"]["counts"] == samples.counts_along(0).tolist()
    total = sum(found[atom] for atom in ATOMS)
    assert total == pytest.approx(found["mi_xy"], abs=1e-12)
    random.shuffle(rows)
    assert answer(table(rows))[0] == found


# What is refused


def test_no_file(refusal, tmp_path):
    options = ("--x", "a", "--y", "b", "--z", "c")
    line = refusal("decompose", str(tmp_path / "none.csv"), *options)
    assert "none.csv'" in line
    assert "No such file" in line
    assert "is a folder" in refusal("decompose", str(tmp_path), *options)
    assert "cannot read" in refusal("decompose", "a\0b", *options)


@pytest.mark.parametrize("content", ["", "\n\n", b"\xef\xbb\xbf"])
def test_empty_file(refused, content):
    assert "FILE is empty" in refused(content)


def test_header_alone(refused):
    assert "has a header and no rows" in refused("a,b,c\n")


def test_bad_encoding(refused):
    line = refused("a,b,c\n1,2,3\nprés,2,3\n".encode("latin-1"))
    assert "FILE is not UTF-8 (nor UTF-16 with a byte-order mark): line 3 has the byte 0xe9" in line


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_byte_order_marks(answer, encoding):
    assert answer(XOR.encode(encoding)) == answer(XOR)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("bill_lenght_mm", "did you mean 'bill_length_mm'? (its columns are 'species', 'island'"),
        ("SPECIES", "did you mean 'species'"),
        (" sex", "did you mean 'sex'"),
        ("qqq", "a column 'qqq' that "),
    ],
)
def test_missing_column(refusal, column, words):
    line = refusal("decompose", str(PENGUINS), "--x", "island", "--y", "year", "--z", column)
    assert words in line


@pytest.mark.parametrize(("char", "word"), [(";", '";"'), ("\t", "tab"), ("|", '"|"')])
def test_another_delimiter_is_suspected(refused, char, word):
    assert f"try --delimiter {word}" in refused(XOR.replace(",", char))


def test_column_named_twice(refused):
    assert "has 2 columns 'a'" in refused("a,a,b,c\n1,2,3,4\n")


@pytest.mark.parametrize("row", ["1,2", "1,2,3,4"])
def test_ragged_row(refused, row):
    line = refused(f'a,b,c\n"1\n1",2,3\n\n{row}\n')
    assert f"line 5: {row.count(',') + 1} cells, where the header (line 1) has 3" in line


def test_broken_quotes(refused):
    assert "line 3: not a valid CSV record" in refused('a,b,c\n1,2,3\n"1,2,3\n')
    assert "line 2: not a valid CSV record" in refused('a,b,c\n"1"1,2,3\n')


@pytest.mark.parametrize("cell", ["", "NA", "  ", "NaN", "nan", "N/A", "null", "-nan"])
def test_missing_values(refused, cell):
    line = refused(f"a,b,c\n1,2,3\n{cell},2,3\n{cell},2,{cell}\n4,5,6\n")
    assert "missing values in 2 of 4 rows" in line
    assert "x ('a') has 2 (lines 3, 4)" in line
    assert "z ('c') has 1 (line 4)" in line
    assert "'b'" not in line
    assert "--missing drop" in line
    assert "--missing category" in line


def test_missing_values_elsewhere_do_not_matter(write):
    text = "a,b,c,d\n0,0,0,\n0,1,1,NA\n1,0,1,\n1,1,0,\n"
    assert decompose(write(text)) == 0


@pytest.mark.parametrize("cell", ["n.d.", "1,5", "1_000", "0x10", "12 mm"])
@pytest.mark.parametrize(("column", "option"), [("a", "4"), ("a", "x=4"), ("c", "4"), ("c", "z=4")])
def test_text_under_bins(refused, cell, column, option):
    rows = [[str(i / 2), "pq"[i % 2], str(i / 4)] for i in range(10)]
    rows[3]["abc".index(column)] = f'"{cell}"'
    line = refused("a,b,c\n" + "".join(",".join(row) + "\n" for row in rows), "--bins", option)
    assert f"cannot cut {'x' if column == 'a' else 'z'} ({column!r})" in line
    assert f"1 of its 10 cells are no numbers (line 5, the first {cell!r})" in line


def test_text_columns_named_under_bins(refused):
    line = refused(table([(i, "pq"[i % 2], i % 3) for i in range(9)]), "--bins", "y=2")
    assert "bins names y ('b'), which is string (line 2 holds 'p')" in line


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e999"])
def test_infinite_cells_under_bins(refused, cell):
    rows: list[tuple[object, object, object]] = [(i / 2, i % 2, i % 2) for i in range(9)]
    rows[2] = (cell, 0, 1)
    assert "x ('a') has 1 infinite values (line 4)" in refused(table(rows), "--bins", "3")


@pytest.mark.parametrize("options", [(), ("--bins", "3")])
@pytest.mark.parametrize("column", ["a", "b", "c"])
@pytest.mark.parametrize("value", ["1.5", "2", "same"])
def test_one_distinct_value(refused, options, column, value):
    rows = [[str(i // 2), "pq"[i % 2], str(i // 2 + 0.5)] for i in range(10)]
    for row in rows:
        row["abc".index(column)] = value
    line = refused("a,b,c\n" + "".join(",".join(row) + "\n" for row in rows), *options)
    assert f"column '{column}'" in line
    shown = repr(value) if value == "same" else value
    assert f"has one distinct value, {shown}, in 10 rows" in line


def test_one_distinct_number_written_in_two_ways(refused):
    rows = [(["1", "1.0"][i % 2], i % 2, i % 2) for i in range(8)]
    assert "x ('a') has one distinct value" in refused(table(rows), "--bins", "x=2")


def test_too_few_distinct_numbers(refused):
    rows = [(i % 3, i % 2, i % 2) for i in range(9)]
    assert "x ('a') has 3 distinct values, fewer than the 5" in refused(
        table(rows), "--bins", "x=5"
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--bins", "0"), "argument --bins: 0 is fewer than the 2 bins"),
        (("--bins", "-3"), "argument --bins"),
        (("--bins", "many"), "'many' is neither a number of bins"),
        (("--bins", "2.5"), "'2.5' is neither"),
        (("--bins", "x=2,3"), "'x=2,3' is neither"),
        (("--bins", "x=2=3"), "bins has the key 'x=2'"),
        (("--bins", "q=2"), "bins has the key 'q'"),
        (("--bins", "=2"), "'=2' is neither"),
        (("--bins", "x=2,x=3"), "must name each column once"),
        (("--bins", "x=2,a=3"), "bins names x ('a') twice"),
        (("--bins", "2"), "--bins 2 cuts no column"),
        (("--strategy", "kmedians"), "argument --strategy: invalid choice: 'kmedians'"),
        (("--unit", "bans"), "argument --unit: invalid choice: 'bans'"),
        (("--method", "fast"), "argument --method: invalid choice: 'fast'"),
        (("--tol", "small"), "argument --tol: invalid float value: 'small'"),
        (("--tol", "0"), "tol must be positive"),
        (("--tol", "nan"), "tol must be positive"),
        (("--delimiter", ""), "not one character"),
        (("--delimiter", ";;"), "not one character"),
        (("--delimiter", '"'), "not one character"),
        (("--colour",), "unrecognized arguments: --colour"),
    ],
)
def test_bad_options(refused, options, words):
    assert words in refused(XOR, *options)


def test_a_method_that_cannot(refused):
    # Every target symbol meets both symbols of either source, in three different proportions.
    rows = [(0, 0, 0), (0, 1, 0), (1, 0, 0), (0, 0, 1), (1, 1, 1), (1, 0, 2), (1, 1, 2), (0, 1, 2)]
    assert "exact" in refused(table(rows), "--method", "exact")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ((), "COMMAND"),
        (("solve",), "'solve'"),
        (("decompose",), "required: FILE, --z"),
        (("decompose", "f.csv", "--x", "a"), "required: --z"),
    ],
)
def test_bad_commands(refusal, argv, words):
    assert words in refusal(*argv)


# gates, info, help


@pytest.mark.parametrize("unit", ["bits", "nats"])
def test_gates(capsys, unit):
    assert main(["gates", "--json", "--unit", unit]) == 0
    answer = read_answer(capsys.readouterr().out)
    assert answer["unit"] == unit
    assert [gate["name"] for gate in answer["results"]] == [gate.name for gate in GATES.values()]
    for gate, row in zip(GATES.values(), answer["results"], strict=True):
        for atom in ATOMS:
            scale = 1.0 if unit == "bits" else math.log(2)
            assert row["known"][atom] == pytest.approx(getattr(gate, atom) * scale)
            assert row["solved"][atom] == pytest.approx(row["known"][atom], abs=1e-8)


def test_gates_as_a_table(capsys):
    assert main(["gates"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(GATES) + 2
    assert all(len(line) <= 110 for line in lines)
    xor = next(line for line in lines if line.startswith("XOR")).split()
    assert xor[1:9] == ["0.00000"] * 6 + ["1.00000"] * 2


def test_info(capsys):
    assert main(["info", "--json"]) == 0
    facts = read_answer(capsys.readouterr().out)
    assert facts["fastpid"] == fastpid.__version__
    assert facts["numpy"] == np.__version__
    assert {"python", "platform", "compiler", "instruction_set", "eigen"} <= set(facts)
    assert isinstance(facts["cuda"], bool)
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert f"instruction set  {facts['instruction_set']}" in out
    assert ("not built" in out) == (not facts["cuda"])


@pytest.mark.parametrize("argv", [["--help"], ["decompose", "--help"], ["gates", "-h"]])
def test_help(capsys, argv):
    assert main(argv) == 0
    assert "usage: fastpid" in capsys.readouterr().out


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"fastpid {fastpid.__version__}\n"


# A good citizen of the shell


def run(*argv: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fastpid", *argv]
    return subprocess.run(command, text=True, capture_output=True, timeout=60, **options)


def test_as_a_module():
    done = run("decompose", "-", "--x", "a", "--y", "b", "--z", "c", "--json", input=XOR)
    assert done.returncode == 0
    assert done.stderr == ""
    assert json.loads(done.stdout)["file"] == "-"
    failed = run("decompose", "none.csv", "--x", "a", "--y", "b", "--z", "c")
    assert failed.returncode == 2
    assert failed.stderr == "fastpid: error: cannot read 'none.csv': No such file or directory\n"


def test_text_that_the_terminal_lacks_is_escaped(write):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    text = table([("ü", 0, 0), ("v", 1, 1)] * 2)
    done = run("decompose", write(text), "--x", "a", "--y", "b", "--z", "c", env=environment)
    assert done.returncode == 0
    assert r"\xfc" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="pipes as POSIX has them")
def test_a_reader_that_went_away():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "fastpid", "info"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(write)
    assert done.stderr == b""
    assert done.returncode == 128 + signal.SIGPIPE


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "fastpid", "info"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr == b"fastpid: error: cannot write the output: No space left on device\n"


def test_interruption(monkeypatch, capsys):
    def interrupt(args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "run_info", interrupt)
    assert main(["info"]) == 130
    assert capsys.readouterr().err == ""
