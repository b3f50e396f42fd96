"""What is no covariance, or asks for what there is not, is refused in words that help."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gaussian_families import covariance

import fastpid
import fastpid.gaussian

GOOD = covariance("random", (2, 2, 2), np.random.default_rng(30))
SIZES = (2, 2, 2)


def changed(i: int, j: int, value: float) -> Any:
    cov = GOOD.copy()
    cov[i, j] = cov[j, i] = value
    return cov


@pytest.mark.parametrize(
    ("cov", "sizes", "error", "words"),
    [
        (GOOD[:, :5], SIZES, ValueError, "cov must be square.*shape \\(6, 5\\)"),
        (np.ones(3), SIZES, ValueError, "cov must be square"),
        (np.empty((0, 6, 6)), SIZES, ValueError, "cov has an empty axis"),
        (GOOD + 0j, SIZES, TypeError, "cov must be real"),
        (GOOD > 0, SIZES, TypeError, "cov must hold numbers"),
        ([[1.0, 0.0], [0.0]], SIZES, ValueError, "cov is ragged"),
        (changed(1, 4, np.nan), SIZES, ValueError, r"nan at \(x\[1\], z\[0\]\) \(2 of 36"),
        (changed(0, 0, np.inf), SIZES, ValueError, r"inf at \(x\[0\], x\[0\]\)"),
        (changed(2, 2, -1.0), SIZES, ValueError, r"variance of y\[0\] is -1;"),
        (changed(3, 3, 0.0), SIZES, ValueError, r"y\[1\] has no variance, but covariances"),
        (GOOD + np.eye(6, k=1), SIZES, ValueError, r"not symmetric: .*\(cov \+ cov.T\) / 2"),
        (changed(0, 2, 100.0), SIZES, ValueError, r"not positive semidefinite.*eigenvalue of -"),
        (GOOD, (2, 2), TypeError, "sizes must be three numbers"),
        (GOOD, 6, TypeError, "sizes must be three numbers"),
        (GOOD, "222", TypeError, "sizes must be three numbers"),
        (GOOD, (2, 2, 3), ValueError, r"2 \+ 2 \+ 3 = 7 do not add up to the 6 rows"),
        (GOOD, (2, 4, 0), ValueError, "z needs a dimension or more; got 0"),
        (GOOD, (2.0, 2, 2), TypeError, "sizes must be three numbers or three lists"),
        (GOOD, ([0], [1], 2), TypeError, "not some of both"),
        (GOOD, ([0], [1], []), ValueError, "z needs a column or more"),
        (GOOD, ([0], [1], [6]), ValueError, "column 6 of z is not among the 6 rows"),
        (GOOD, ([0], [1, 0], [2]), ValueError, "column 0 is named twice"),
        (GOOD, ([0], [1], [2.5]), TypeError, "columns of z must be integers"),
    ],
)
def test_bad_arguments(cov: Any, sizes: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        fastpid.gaussian.decompose(cov, sizes)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"tol": 0.0}, ValueError),
        ({"unit": "bit"}, ValueError),
        ({"max_iter": 0}, ValueError),
        ({"threads": 0}, ValueError),
        ({"on_failure": "maybe"}, ValueError),
        ({"tol": "small"}, TypeError),
    ],
)
def test_bad_options(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(options))):
        fastpid.gaussian.decompose(GOOD, SIZES, **options)


def test_by_how_much_a_matrix_is_not_a_covariance() -> None:
    cov = np.eye(3)
    cov[0, 1] = cov[1, 0] = 0.8
    cov[1, 2] = cov[2, 1] = 0.8
    cov[0, 2] = cov[2, 0] = -0.8
    with pytest.raises(ValueError, match=r"eigenvalue of -0\.6"):
        fastpid.gaussian.decompose(cov, (1, 1, 1))


@pytest.mark.parametrize("sizes", [(3, 1, 1), (1, 3, 1), (1, 1, 3), (1, 2, 2), (2, 2, 1)])
def test_no_block_hides_that_a_matrix_is_no_covariance(sizes: tuple[int, int, int]) -> None:
    loop = np.full((3, 3), -0.8) + 1.8 * np.eye(3)
    # As above; and variables without variance, beside the others, that share something.
    pair = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0 - 1e-6], [1.0, 1.0 - 1e-6, 1.0]])
    for bad in (loop, pair):
        for rows in ([0, 1, 2], [2, 3, 4], [0, 2, 4], [1, 2, 3]):
            cov = np.eye(5)
            cov[np.ix_(rows, rows)] = bad
            with pytest.raises(ValueError, match="not positive semidefinite"):
                fastpid.gaussian.decompose(cov, sizes)


def test_infinite_information_names_what_is_determined() -> None:
    mix = np.vstack([np.eye(4), [[1.0, 0.0, 0.0, -2.0]]])  # a fifth: x[0] - 2 * the fourth
    cov = mix @ np.diag([1.0, 2.0, 3.0, 4.0]) @ mix.T
    alone = [[0, 4], [1], [2, 3]]
    with pytest.raises(ValueError, match=r"X determines z\[1\] of the target.*infinite"):
        fastpid.gaussian.decompose(cov, alone)
    with pytest.raises(ValueError, match=r"Y determines z\[1\] of the target"):
        fastpid.gaussian.decompose(cov, ([1], [0, 4], [2, 3]))
    with pytest.raises(ValueError, match=r"X and Y together determine z\[1\] of the target"):
        fastpid.gaussian.decompose(cov, ([0], [4], [2, 3]))
    # A little noise makes it finite.
    cov[4, 4] += 1e-6
    assert fastpid.gaussian.decompose(cov, ([0], [4], [2, 3])).converged


def test_what_double_precision_cannot_tell_is_refused() -> None:
    # Two variables of X 2e-14 of their variance apart: how much their difference says is rounding.
    cov = np.eye(4)
    cov[0, 1] = cov[1, 0] = 1.0 - 1e-14
    cov[0, 3] = cov[3, 0] = 0.5
    cov[1, 3] = cov[3, 1] = 0.5 + 1e-8
    with pytest.raises(ValueError, match=r"to working precision|infinite"):
        fastpid.gaussian.decompose(cov, (2, 1, 1))
    cov[0, 1] = cov[1, 0] = 1.0 - 1e-7
    d = fastpid.gaussian.decompose(cov, (2, 1, 1), tol=1e-7)
    assert d.converged


def test_a_batch_keeps_its_good_ones() -> None:
    cov = np.stack([GOOD, changed(0, 0, np.nan), GOOD, changed(0, 2, 100.0)])
    with pytest.warns(fastpid.ConvergenceWarning, match=r"cov\[1\] is nan.*2 of 4"):
        d = fastpid.gaussian.decompose(cov, SIZES)
    assert d.status.tolist() == ["converged", "invalid", "converged", "invalid"]
    assert np.isnan(d.redundancy).tolist() == [False, True, False, True]
    assert np.isnan(d.coupling()[1]).all()
    assert np.isnan(d.potentials[1][3]).all()
    assert d[0] == fastpid.gaussian.decompose(GOOD, SIZES)
    with pytest.raises(ValueError, match="cov\\[1\\] is nan"):
        fastpid.gaussian.decompose(cov, SIZES, on_failure="raise")
    with pytest.raises(ValueError, match="2 of 2 covariances are refused"):
        fastpid.gaussian.decompose(cov[[1, 3]], SIZES, on_failure="ignore")


def test_asymmetry_of_rounding_is_none() -> None:
    cov = GOOD * (1.0 + 1e-12 * np.arange(36).reshape(6, 6))
    d = fastpid.gaussian.decompose(cov, SIZES)
    assert abs(d.synergy - fastpid.gaussian.decompose(GOOD, SIZES).synergy) <= 3e-9
