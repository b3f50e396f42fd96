"""What a batch of problems is given as, tables or pairs of marginals: what both can do."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fastpid._solve.options import SolveOptions

Floats = NDArray[np.float64]
#: Terms and codes by rows, the marginals and the potentials of a batch.
KernelRows = tuple[Floats, NDArray[np.int32], Floats, Floats, Floats, Floats]
#: The marginals and the potentials, of which gradients are made.
Gradients = tuple[Floats, Floats, Floats, Floats]


class Given(Protocol):
    """A checked batch of problems, as it was given."""

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The leading axes; () for one problem."""
        ...

    def __len__(self) -> int: ...

    def solve(self, options: SolveOptions, potentials: bool) -> KernelRows:
        """Run the kernel."""
        ...

    def gradients(
        self, solved: Gradients, weights: Floats, threads: int, normalize: bool
    ) -> tuple[Floats, ...]:
        """Return the gradient by each array that was given."""
        ...

    def explain_invalid(self, flat: int, index: tuple[int, ...], normalize: bool) -> str:
        """Say what is wrong with a problem that the kernel refused."""
        ...

    def explain_batch(self) -> str:
        """Say what may be meant by a batch with such problems in it."""
        ...

    def target_symbols(self, flat: int) -> int:
        """Return how many target symbols of a problem have mass."""
        ...
