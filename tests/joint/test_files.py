"""Files of every format, read by one set of rules."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fastpid.joint import (
    from_file,
    from_samples,
)


def numbers(n: int = 500, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


def write(tmp_path: Path) -> list[Path]:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "x": np.round(numbers(900), 6),
            "y": rng.choice(["u", "v"], 900),
            "z": rng.integers(0, 3, 900),
            "w": rng.integers(1, 4, 900) / 2,
        }
    )
    frame.to_csv(tmp_path / "data.csv", index=False)
    frame.to_parquet(tmp_path / "data.parquet")
    return [tmp_path / "data.csv", tmp_path / "data.parquet"]


def test_files_are_read_in_pieces(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    csv, parquet = write(tmp_path)
    frame = pd.read_csv(csv)
    whole = from_samples("x", "y", "z", data=frame, bins=4, weights="w")
    for path in (csv, parquet):
        table = from_file(path, "x", "y", "z", bins=4, weights="w", chunk_rows=100)
        assert table.labels == whole.labels
        assert table.names == ("x", "y", "z")
        np.testing.assert_array_equal(table.counts, whole.counts)
        np.testing.assert_allclose(table.p, whole.p, atol=1e-15)


@pytest.mark.parametrize("chunk_rows", [7, 100, 10_000])
def test_bins_of_files_are_those_of_the_samples(tmp_path: Path, chunk_rows: int) -> None:
    _, parquet = write(tmp_path)
    pd = pytest.importorskip("pandas")
    table = from_file(parquet, "x", "y", "z", bins=3, chunk_rows=chunk_rows)
    assert table == from_samples("x", "y", "z", data=pd.read_parquet(parquet), bins=3)
    assert table.counts_along(0).min() == 300


def test_bad_files(tmp_path: Path) -> None:
    csv, _ = write(tmp_path)
    with pytest.raises(ValueError, match=r"a column 'xx' that .*data.csv does not have"):
        from_file(csv, "xx", "y", "z")
    (tmp_path / "bad.parquet").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"bad.parquet cannot be read"):
        from_file(tmp_path / "bad.parquet", "x", "y", "z")
    (tmp_path / "data.xls").write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(ValueError, match=r"data.xls is a zip archive or an Excel workbook"):
        from_file(tmp_path / "data.xls", "x", "y", "z")
    with pytest.raises(OSError, match=r"no\.csv"):
        from_file(tmp_path / "no.csv", "x", "y", "z")
    (tmp_path / "gap.csv").write_text("x,y,z\n1,a,0\n,b,1\n")
    with pytest.raises(ValueError, match="missing values in 1 of 2 rows"):
        from_file(tmp_path / "gap.csv", "x", "y", "z")
    (tmp_path / "empty.csv").write_text("x,y,z\n")
    with pytest.raises(ValueError, match="has a header and no rows"):
        from_file(tmp_path / "empty.csv", "x", "y", "z")


XOR = "a,b,c\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n"


def save(tmp_path: Path, text: str, name: str = "data.csv") -> Path:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def test_quoted_line_breaks_are_no_rows(tmp_path: Path) -> None:
    row = "0,0,0," + "a" * 43 + "\n"
    cell = '0,0,0,"log:\n' + "1,1,1,a pasted line of some log or another\n" * 3000 + '1,1,1,end"\n'
    path = save(tmp_path, "x,y,z,note\n" + row * 20_000 + cell + row * 100)
    table = from_file(path, "x", "y", "z")
    assert table.n_samples == 20_101
    assert table.labels == ((0,), (0,), (0,))
    # Lines are those of the file, also behind such a cell.
    save(tmp_path, 'x,y,z\n"a\nb",0,0\n\nb,,1\r\n')
    with pytest.raises(ValueError, match=r"y has 1 \(line 5\)"):
        from_file(path, "x", "y", "z")


def test_categories_stay_the_text_that_they_are(tmp_path: Path) -> None:
    path = save(tmp_path, "x,y,z\n01234,1,a\n1234,2,b\n01234,1,a\n")
    assert from_file(path, "x", "y", "z").labels == (("01234", "1234"), (1, 2), ("a", "b"))
    path = save(tmp_path, "x,y,z\n11898508762506083287,1.10,True\n11898508762506083288,1.1,False\n")
    table = from_file(path, "x", "y", "z")
    assert table.labels[0] == ("11898508762506083287", "11898508762506083288")
    assert table.labels[1] == ("1.1", "1.10")
    assert table.labels[2] == ("False", "True")
    path = save(tmp_path, "x,y,z\n" + "".join(f"{i}.10,{i % 2},1\n{i}.1,0,1\n" for i in range(9)))
    assert from_file(path, "x", "y", "z", bins={"x": 3}).is_binned(0)


@pytest.mark.parametrize("count", [100, 90_000])
def test_types_that_change_late(tmp_path: Path, count: int) -> None:
    rows = "".join(f"{i},{i % 2},7\n" for i in range(count))
    path = save(tmp_path, "x,y,note\n" + rows + "7,0,see below\nnone,1,8\n")
    table = from_file(path, "y", "y", "note")
    assert table.labels[2] == ("7", "8", "see below")
    # Numbers, beyond what is held as codes, and then text: read again, as text.
    with pytest.raises(ValueError, match=rf"bins=4 cannot cut x: 1 of its {count + 2} cells"):
        from_file(path, "x", "y", "y", bins=4)
    assert from_file(path, "y", "y", "y").n_samples == count + 2


def test_decimal_commas(tmp_path: Path) -> None:
    path = save(tmp_path, "x;y;z\n" + "".join(f"{i},5;{i % 2};{i % 3}\n" for i in range(30)))
    wanted = from_samples(
        [i + 0.5 for i in range(30)], [i % 2 for i in range(30)], [i % 3 for i in range(30)], bins=3
    )
    options = {"delimiter": ";", "bins": 3}
    assert from_file(path, "x", "y", "z", decimal=",", **options) == wanted
    with pytest.raises(ValueError, match='its numbers have decimal commas; pass decimal=","'):
        from_file(path, "x", "y", "z", **options)


def test_what_counts_as_missing(tmp_path: Path) -> None:
    path = save(tmp_path, "x,y,z\nNa,0,1\nNA,1,0\n?,1,1\n,0,0\n")
    with pytest.raises(ValueError, match=r"x has 2 \(lines 3, 5\)"):
        from_file(path, "x", "y", "z")
    with pytest.raises(ValueError, match=r"x has 2 \(lines 4, 5\)"):
        from_file(path, "x", "y", "z", na_values=["?"])
    table = from_file(path, "x", "y", "z", missing="category")
    assert table.labels[0] == ("?", "Na", None)
    assert from_file(path, "x", "y", "z", missing="drop").n_dropped == 2


def test_columns_that_were_not_named_do_not_matter(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    path = save(tmp_path, "x,y,z,note\n0,0,0,\n0,1,1,1.5\n1,0,1,text\n")
    assert from_file(path, "x", "y", "z").n_samples == 3
    frame = pd.DataFrame(
        {"x": [0, 1], "y": [0, 1], "z": [0, 1], "day": pd.to_datetime("2026-01-01")}
    )
    frame.to_parquet(tmp_path / "data.pq")
    assert from_file(tmp_path / "data.pq", "x", "y", "z").n_samples == 2


def test_categoricals_of_parquet_keep_their_order(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    sizes = pd.Categorical(["L", "S", "L"], ["S", "M", "L"], ordered=True)
    frame = pd.DataFrame({"x": sizes, "y": [0, 1, 1], "z": [1, 0, 1]})
    frame.to_parquet(tmp_path / "data.parquet")
    table = from_file(tmp_path / "data.parquet", "x", "y", "z")
    assert table.labels[0] == ("S", "M", "L")
    assert table == from_samples("x", "y", "z", data=frame)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    for content, words in (
        (gzip.compress(XOR.encode())[:-9], "is a damaged gzip file"),
        (b"PAR1 and nothing", "cannot be read"),
        (b"a,b,c\n\xff\xfe,1,1\n", "line 2 has the byte 0xff"),
        (gzip.compress("a,b,c\né,1,1\n".encode("latin-1")), "line 2 has the byte 0xe9"),
    ):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(ValueError, match=rf"bad.*{words}"):
            from_file(tmp_path / "bad", "a", "b", "c")


def test_a_million_rows_stay_small(tmp_path: Path) -> None:
    """4 to 8 bytes a cell that was named, whatever the width of the file."""
    path = tmp_path / "wide.csv"
    with path.open("w") as file:
        file.write("x,y,z,note\n")
        for i in range(200_000):
            file.write(f"{i * 0.37},{i % 3},{i % 2},{'text ' * 20}\n")
    program = (
        "import resource, sys; from fastpid.joint import from_file\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"from_file({str(path)!r}, 'x', 'y', 'z', bins=4)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 120_000  # kB; the file has 24 MB
