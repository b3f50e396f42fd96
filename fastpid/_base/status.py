"""How a solve ended, in words: statuses, methods, and what is raised or warned of."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Status(str, enum.Enum):
    """How a solve ended: a word, and ``Status.X.message`` says what it means and what to do."""

    message: str

    def __new__(cls, word: str, message: str = "") -> Status:
        """Make a word that carries its message."""
        status = str.__new__(cls, word)
        status._value_ = word
        status.message = message
        return status

    # In the order of the kernel's numbers.
    CONVERGED = "converged", "converged: the certified gap is within tol"
    BRACKET = (
        "bracket",
        'closed-form bracket, as requested, wider than tol: use method="auto" to close it, or '
        "take the bounds as they are",
    )
    MAX_ITERATIONS = (
        "max_iterations",
        "stopped at the iteration limit; the bounds hold, the gap is wider than tol: raise "
        "max_iter, or accept a larger tol",
    )
    STALLED = (
        "stalled",
        "no further progress; the bounds hold, the gap is wider than tol: accept the gap "
        "reported, or a larger tol",
    )
    INVALID = "invalid", "not a probability table, or no covariance; its results are NaN"

    __str__ = str.__str__

    @property
    def code(self) -> int:
        """The kernel's number."""
        return STATUSES.index(self)


STATUSES = tuple(Status)


class ConvergenceWarning(UserWarning):
    """Some tables were not solved to the requested tolerance; their bounds still hold."""


class ConvergenceError(RuntimeError):
    """Raised under ``on_failure="raise"``.

    Attributes
    ----------
    result : Decomposition, Estimate or Screen
        Everything that was computed, including the tables that did converge.
    """

    def __init__(self, message: str, result: Any) -> None:
        super().__init__(message)
        self.result = result

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the result as well, so that the error survives the way out of a process."""
        return type(self), (str(self), self.result)


class Words:
    """The statuses or methods of a tensor of tables: codes on its device, compared as words.

    ``words == "exact"`` is a tensor of bools. :meth:`numpy` returns the words themselves.

    Attributes
    ----------
    codes : Tensor of int32
        The place of every word in `words`.
    words : tuple of str
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, codes: Any, words: tuple[str, ...]) -> None:
        self.codes = codes
        self.words = words

    @property
    def shape(self) -> tuple[int, ...]:
        """The batch shape."""
        return tuple(self.codes.shape)

    def _code(self, other: object) -> Any:
        if isinstance(other, Words):
            return other.codes
        # A word that there is not equals none.
        return self.words.index(other) if other in self.words else -1

    def __eq__(self, other: object) -> Any:
        """Return a tensor of bools."""
        if not isinstance(other, (str, Words)):
            return NotImplemented
        return self.codes == self._code(other)

    def __ne__(self, other: object) -> Any:
        """Return a tensor of bools."""
        if not isinstance(other, (str, Words)):
            return NotImplemented
        return self.codes != self._code(other)

    def __getitem__(self, key: Any) -> Words:
        return Words(self.codes[key], self.words)

    def __len__(self) -> int:
        return len(self.codes)

    def __bool__(self) -> bool:
        return True

    def numpy(self) -> NDArray[np.str_]:
        """Return the words as an array of str."""
        words: NDArray[np.str_] = np.array(self.words)[self.codes.cpu().numpy()]
        return words

    def tolist(self) -> Any:
        """Return the words as nested lists; one word for a single table."""
        return self.numpy().tolist()

    def __repr__(self) -> str:
        return f"Words({self.tolist()!r})"
