"""What the decomposition of a covariance is, beside that of a table."""

from __future__ import annotations

from typing import Any

from fastpid.result import Decomposition, V_co


class GaussianDecomposition(Decomposition[V_co]):
    """The BROJA partial information decomposition of jointly Gaussian sources and target.

    Everything is as in :class:`fastpid.Decomposition`; the solution behind it is that of
    covariances. Made by :func:`fastpid.gaussian.decompose`.
    """

    def coupling(self) -> Any:
        """Return the covariance of X and Y under the coupling that attains the upper bound.

        Returns
        -------
        ndarray or Tensor, shape (..., m, n)
            With it in the place of Cov(X, Y), the covariance keeps the marginals of (X, Z) and
            (Y, Z), and I(X, Y; Z) is `upper`, or above it by what an information inequality took
            off.
        """
        return super().coupling()

    @property
    def potentials(self) -> tuple[Any, Any]:
        """The dual solution (W, Q), shapes (..., d, m + n) and (..., d, d).

        W estimates Z from (X, Y), and Q is the inverse covariance of its error, both for the
        optimal coupling. Every W and positive definite Q bound the union information from below:
        with W = [W_x, W_y], S_z, S_x and S_y the covariances, S_x|z and S_y|z those given Z,
        C = S_xz S_z^-1 S_zy and P = W_x' Q W_y, in nats::

            2 I_union >= log det Q + log det S_z + d
                         - tr Q (S_z - 2 W S_(xy)z + W_x S_x W_x' + W_y S_y W_y')
                         - 2 tr P' C - 2 || S_x|z^1/2 P S_y|z^1/2 ||_*

        where || ||_* sums singular values. Where the target's covariance is singular, Q is that of
        target variables that are independent, and zero elsewhere.
        """
        return super().potentials
