"""The arguments that say which columns of which file, and what is done with them."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastpid._base.quantities import ROLES
from fastpid.cli._common import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fastpid.joint._files import DataFile
    from fastpid.joint._samples import CodedSamples

NUMBER_RULES = """\
FILE is a CSV file with a header row, or a Parquet or Feather file (these need pyarrow); "-" reads
standard input. The columns that are named have to be numbers. Several columns, --x a,b, are one
variable; a name that holds a comma is given by itself, as these options may be repeated.
"""

COLUMN_RULES = """\
FILE is a CSV file (UTF-8, or UTF-16 with a byte-order mark; also gzipped) with a header row, or a
Parquet or Feather file (these need pyarrow); "-" reads standard input. Its first bytes tell which.
Only the columns that are named are read and judged. In a CSV file blank lines are no rows, and

  * a column is numeric if all its cells are numbers (1,5 with --decimal ,); 007 is text;
  * cells that are empty or say NA, N/A, NaN, null and the like are missing: --na-values names
    others, --missing says what to do about them;
  * anything else is a category, and stays the text that it is.

Whole numbers and text are categories as they are; other numbers have to be cut: --bins N cuts every
numeric column with more than N distinct values, but for a target of whole numbers, which are
classes. --bins x=4,z=3 cuts exactly the columns named. A bin holds its left edge and not its right
one; the last bin holds both. Where ties leave fewer quantile bins than asked for, a warning says
how many.
"""


def bins_argument(text: str) -> int | dict[str, int]:
    """Parse a number of bins, or NAME=N,NAME=N."""
    try:
        if "=" not in text:
            return _bin_count(text)
        pairs = [part.rsplit("=", 1) for part in text.split(",")]
        counts = {name.strip(): _bin_count(count) for name, count in pairs}
        if not all(counts):
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a number of bins nor a list such as x=4,z=3"
        ) from None
    if len(counts) < len(pairs):
        raise argparse.ArgumentTypeError(f"{text!r} must name each column once")
    return counts


def _bin_count(text: str) -> int:
    count = int(text)
    if count < 2:
        raise argparse.ArgumentTypeError(f"{count} is fewer than the 2 bins needed")
    return count


def delimiter_argument(text: str) -> str:
    """Parse the character that separates cells."""
    char = "\t" if text in ("tab", r"\t") else text
    if len(char) != 1 or char in '\r\n"':
        raise argparse.ArgumentTypeError(f"{text!r} is not one character that can separate cells")
    return char


def decimal_argument(text: str) -> str:
    """Parse the decimal mark."""
    if text not in (".", ","):
        raise argparse.ArgumentTypeError(f'{text!r} is neither "." nor ","')
    return text


def add_file(parser: argparse.ArgumentParser) -> None:
    """Add the file, how it is read, and how its columns are cut."""
    parser.add_argument("file", metavar="FILE", help='the data; "-" reads standard input')
    _add_bins(parser)
    parser.add_argument(
        "--missing",
        choices=("raise", "drop", "category"),
        default="raise",
        help="refuse missing values, drop their rows, or make them a category "
        "(default: %(default)s)",
    )
    _add_format(parser)


def add_numeric_file(parser: argparse.ArgumentParser) -> None:
    """Add the file, and how its columns of numbers are read."""
    parser.add_argument("file", metavar="FILE", help='the data; "-" reads standard input')
    parser.add_argument(
        "--missing",
        choices=("raise", "drop"),
        default="raise",
        help="refuse missing values, or drop their rows (default: %(default)s)",
    )
    _add_format(parser)


def _add_bins(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--bins",
        type=bins_argument,
        metavar="N",
        help="cut numeric columns into N bins, or some columns by name: x=4,age=3",
    )
    parser.add_argument(
        "--strategy",
        choices=("quantile", "uniform", "kmeans", "bayesian_blocks"),
        default="quantile",
        help="bins of equal counts or widths, by k-means or Bayesian blocks (default: %(default)s)",
    )


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--na-values",
        type=lambda text: text.split(","),
        metavar="WORD,WORD",
        help="which cells of a CSV are missing, beside empty ones (default: NA, N/A, NaN, ...)",
    )
    parser.add_argument(
        "--delimiter",
        type=delimiter_argument,
        default=",",
        metavar="CHAR",
        help='what separates the cells of a CSV; "tab" for a tab (default: a comma)',
    )
    parser.add_argument(
        "--decimal",
        type=decimal_argument,
        default=".",
        metavar="CHAR",
        help="the decimal mark of numbers in a CSV (default: a point)",
    )


def add_roles(parser: argparse.ArgumentParser) -> None:
    """Add which columns are the sources and the target."""
    for role, meaning in zip(ROLES, ("first source", "second source", "target"), strict=True):
        parser.add_argument(
            f"--{role}",
            metavar="COL",
            required=role == "z",
            help=f"the column that is the {meaning}",
        )
    parser.add_argument(
        "--sources",
        metavar="COL,COL,COL",
        action="append",
        help="any number of sources, in the place of --x and --y; repeatable, once a column whose "
        "name holds a comma",
    )
    parser.add_argument(
        "--subsets",
        choices=("all", "leave_one_out"),
        help="of --sources, the sets whose union information is found (default: all)",
    )


def check_roles(args: argparse.Namespace) -> None:
    """Refuse sources that are named in no way, or in both.

    Raises
    ------
    UserError
    """
    pair = [f"--{role}" for role in ("x", "y") if getattr(args, role) is not None]
    if args.sources is None:
        if len(pair) < 2:
            raise UserError("name the sources: --x and --y, or --sources of any number")
        if args.subsets is not None:
            raise UserError("--subsets is for --sources; leave it out")
    elif pair:
        raise UserError(f"--sources stands in the place of --x and --y; leave out {pair[0]}")


def _source_names(args: argparse.Namespace, file: DataFile) -> list[str]:
    if args.sources is None:
        return [args.x, args.y]
    return split_names(args.sources, file)


def open_file(args: argparse.Namespace) -> DataFile:
    """Return the file that add_file() asked for.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    from fastpid.joint._files import DataFile

    if args.delimiter == args.decimal:
        raise UserError(
            f"--delimiter and --decimal are both {args.decimal!r}; with decimal commas cells are "
            'separated by something else, often --delimiter ";"'
        )
    try:
        return DataFile(
            args.file,
            delimiter=args.delimiter,
            decimal=args.decimal,
            na_values=args.na_values,
        )
    except OSError as error:
        raise UserError(f"cannot read {args.file!r}: {error.strerror or error}") from None


def split_names(texts: Sequence[str], file: DataFile) -> list[str]:
    """Return the names in lists; a name that holds commas is one name."""
    return [name for text in texts for name in ([text] if text in file.names else text.split(","))]


def read_numbers(
    args: argparse.Namespace, file: DataFile, names: Sequence[str]
) -> tuple[dict[str, NDArray[np.float64]], int]:
    """Return columns of numbers by name, and how many rows were dropped.

    Raises
    ------
    ValueError, TypeError
        For columns that are no numbers, or miss values.
    """
    import numpy as np

    from fastpid.joint._columns import as_float, refuse_infinite, refuse_missing

    columns = file.read([(name, name) for name in dict.fromkeys(names)])
    for column in columns:
        if not column.is_numeric and column.kind != "boolean":
            raise TypeError(
                f"{args.file}: column {column} is {column.kind}, and must be numbers; symbols are "
                "for fastpid decompose, estimate and screen"
            )
    if args.missing == "raise":
        refuse_missing(columns, 'drop these rows with missing="drop", or impute them')
    keep = ~np.logical_or.reduce([column.missing for column in columns])
    if not keep.any():
        raise ValueError(f"{args.file}: every row misses a value of some column")
    left = [column.take(keep) for column in columns]
    refuse_infinite(left)
    return {column.name: as_float(column) for column in left}, int(np.count_nonzero(~keep))


def read_samples(args: argparse.Namespace) -> tuple[CodedSamples, list[str]]:
    """Return the samples that add_file() and add_roles() asked for, and what to warn about.

    Raises
    ------
    UserError, ValueError, TypeError, ImportError
        For a file or columns that cannot be used.
    """
    from fastpid.joint._from_file import code_file

    file = open_file(args)
    sources = _source_names(args, file)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        samples = code_file(
            file,
            sources,
            args.z,
            bins=args.bins,
            strategy=args.strategy,
            missing=args.missing,
        )
    notes = [str(warning.message) for warning in caught]
    names = [*sources, args.z]
    options = [*(["--x", "--y"] if args.sources is None else ["--sources"] * len(sources)), "--z"]
    for name in dict.fromkeys(names):
        same = [option for option, other in zip(options, names, strict=True) if other == name]
        if len(same) > 1:
            notes.append(f"{' and '.join(same)} are the same column, {name!r}")
    if samples.n_dropped:
        total = samples.n_dropped + samples.n_samples
        notes.append(f"{samples.n_dropped} of {total} rows miss a value and were dropped")
    for option, name, labels in zip(options, samples.names, samples.labels, strict=True):
        if len(labels) == 1:
            raise UserError(
                f"{args.file}: column {name!r} ({option}) has one distinct value, {labels[0]!r}, "
                f"in {samples.n_samples} rows, so it carries no information; choose another column"
            )
        if 2 * len(labels) > samples.n_samples:
            notes.append(
                f"column {name!r} ({option}) has {len(labels)} categories in {samples.n_samples} "
                "rows, fewer than two rows each: the result says little beyond these rows; "
                "--bins cuts numeric columns"
            )
    return samples, notes
