"""Seeds: whatever numpy takes for one (SPEC 7 of Scientific Python)."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

#: What `rng` may be. A string, since numpy imports its generators when they are first named.
RNG: TypeAlias = (
    "int | np.random.SeedSequence | np.random.Generator | np.random.BitGenerator | None"
)


def seed_sequence(rng: Any, name: str = "rng") -> np.random.SeedSequence:
    """Return the seed sequence behind `rng`; of a Generator, one drawn from it.

    Raises
    ------
    TypeError, ValueError
        If numpy takes no such seed.
    """
    if isinstance(rng, np.random.SeedSequence):
        # A copy: spawning from the caller's would give other children at the next call.
        return np.random.SeedSequence(rng.entropy, spawn_key=rng.spawn_key, pool_size=rng.pool_size)
    if isinstance(rng, np.random.BitGenerator):
        rng = np.random.Generator(rng)
    if isinstance(rng, np.random.Generator):
        return np.random.SeedSequence(rng.integers(0, 2**32, 4).tolist())
    try:
        if isinstance(rng, (bool, np.bool_, str, bytes)):
            raise TypeError
        return np.random.SeedSequence(rng)
    except TypeError:
        raise TypeError(
            f"{name} must be a non-negative integer, a numpy Generator or SeedSequence, or None; "
            f"got {type(rng).__name__}"
        ) from None
    except ValueError:
        raise ValueError(f"{name} must be a non-negative integer; got {rng!r}") from None


def integer_seed(rng: Any, name: str = "rng") -> int:
    """Return a seed of 32 bits, as scikit-learn takes them; a small integer is its own."""
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool) and 0 <= rng < 2**32:
        return int(rng)
    return int(seed_sequence(rng, name).generate_state(1)[0])
