"""Cells of a CSV file: what is missing, what is a number, and what stays the text it was."""

from __future__ import annotations

import contextlib
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid.joint._columns import Column, Rows

#: Cells that say "no value", compared without surrounding blanks; those of pandas.
NA_VALUES = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)

#: Up to so many distinct cells a column is held as codes; beyond, as numbers if it can be.
_MOST_WORDS = 2**16

# As int would print it and inside 64 bits: 007, and 20 digits, are text.
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_NUMBER = re.compile(
    r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?[iI]nf(?:inity)?"
)
_INTEGERS = re.compile(rf"(?:(?:{_INTEGER.pattern})\n)+")
_NUMBERS = re.compile(rf"(?:(?:{_NUMBER.pattern})\n)+")


class NotNumbersError(Exception):
    """A column that was held as numbers turned out to be text."""


class Cells:
    """The cells of one column, in the order of the file.

    Held as codes of the distinct cells as long as these are few, then as numbers; text of many
    distinct cells has to be asked for (`as_text`), as its first cells are forgotten as numbers.
    """

    def __init__(self, na_values: frozenset[str], decimal: str, as_text: bool) -> None:
        self._na_values = na_values
        self._decimal = decimal
        self._as_text = as_text
        self._index: dict[str, int] = {}
        self._codes: list[NDArray[np.int32]] = []
        self._numbers: list[NDArray[Any]] | None = None

    def add(self, cells: list[str]) -> None:
        """Take in more cells.

        Raises
        ------
        NotNumbersError
            If a cell is no number, after the others were held as numbers.
        """
        if self._numbers is not None:
            self._numbers.append(self._parse(cells))
            return
        index = self._index
        codes = [index.setdefault(cell, len(index)) for cell in cells]
        self._codes.append(np.array(codes, dtype=np.int32))
        if len(index) > _MOST_WORDS and not self._as_text:
            try:
                words = self._parse(list(index))
            except NotNumbersError:
                self._as_text = True
            else:
                self._numbers = [words[part] for part in self._codes]
                self._codes, self._index = [], {}

    def _parse(self, cells: list[str]) -> NDArray[Any]:
        """Return numbers, NaN where a value is missing; integers where all are."""
        text = "\n".join(cells) + "\n"
        # All cells at once, which is several times faster; one with a line break fails below.
        with contextlib.suppress(ValueError):
            if _INTEGERS.fullmatch(text):
                return np.array(list(map(int, cells)), dtype=np.int64)
            if self._decimal == "." and _NUMBERS.fullmatch(text):
                return np.array(list(map(float, cells)))
        return np.array([self._number(cell) for cell in cells], dtype=np.float64)

    def _number(self, cell: str) -> float:
        text = cell.strip()
        if self._decimal != ".":
            text = text.replace(self._decimal, ".")
        if _NUMBER.fullmatch(text):
            return float(text)
        if text in self._na_values:
            return float("nan")
        raise NotNumbersError

    def column(self, role: str, name: str, rows: Rows) -> Column:
        """Return the column."""
        if self._numbers is not None:
            values = np.concatenate(self._numbers)
            kind = "integer" if values.dtype.kind == "i" else "float"
            missing = np.isnan(values) if kind == "float" else np.zeros(len(values), dtype=bool)
            return Column(role, name, kind, values, missing, rows=rows)
        codes = np.concatenate(self._codes) if self._codes else np.zeros(0, dtype=np.int32)
        words = list(self._index)
        absent = np.array([word.strip() in self._na_values for word in words], dtype=bool)
        missing = absent[codes] if len(words) else np.zeros(0, dtype=bool)
        present = [word for word, gone in zip(words, absent.tolist(), strict=True) if not gone]
        if present and all(map(_INTEGER.fullmatch, present)):
            values = np.array(
                [0 if gone else int(w) for w, gone in zip(words, absent, strict=True)]
            )
            return Column(role, name, "integer", values[codes], missing, rows=rows)
        numbers = None
        with contextlib.suppress(NotNumbersError):
            numbers = np.array([self._number(word) for word in words], dtype=np.float64)
        if numbers is not None and len(set(numbers[~absent].tolist())) == len(present) > 0:
            return Column(role, name, "float", numbers[codes], missing, rows=rows)
        # Text, or numbers of several spellings (1.10 and 1.1), which only bins take for numbers.
        order = sorted(range(len(words)), key=words.__getitem__)
        order = [place for place in order if not absent[place]]
        ranks = np.zeros(len(words), dtype=np.intp)
        ranks[order] = np.arange(len(order))
        return Column(
            role,
            name,
            "string",
            ranks[codes],
            missing,
            tuple(words[place] for place in order),
            rows,
            None if numbers is None or not present else numbers[codes],
        )


def describe_mixture(column: Column, *, classes: bool = False) -> str:
    """Say why a column of numbers was taken for text: "" if it is text.

    Either the decimal mark is another one, or most cells are numbers and some are not. Text among
    whole numbers is no mixture where these may be `classes`.
    """
    if column.kind != "string" or column.numbers is not None or column.missing.all():
        return ""
    words, codes = column.categories, column.values
    if not column.is_coded:
        present = np.where(column.missing, "", column.values).astype(str)
        distinct, codes = np.unique(present, return_inverse=True)
        words = tuple(distinct.tolist())
    there = ~column.missing
    used = np.bincount(codes[there], minlength=len(words)) > 0
    if any("," in word for word in words) and all(
        "." not in word and _NUMBER.fullmatch(word.strip().replace(",", ".", 1))
        for word, is_used in zip(words, used, strict=True)
        if is_used
    ):
        return 'its numbers have decimal commas; pass decimal=","'
    is_text = np.array([_NUMBER.fullmatch(word.strip()) is None for word in words])
    numbers = [word for word, text in zip(words, is_text & used, strict=True) if not text]
    if classes and all(map(_INTEGER.fullmatch, numbers)):
        return ""
    bad = is_text[codes] & there
    if 2 * np.count_nonzero(bad) >= np.count_nonzero(there) or not bad.any():
        return ""
    word = words[codes[int(np.flatnonzero(bad)[0])]]
    return (
        f"{np.count_nonzero(bad)} of its {len(column)} cells are no numbers "
        f"({column.rows.text(bad)}, the first {word!r}); correct these"
    )
