"""A discretiser with scikit-learn's face, in numpy: fastpid.joint names it."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid.joint._coding import Bins, Coding, Options, fit_coding
from fastpid.joint._columns import Column, check_rows, read_column, refuse_infinite, refuse_missing
from fastpid.joint._bins import STRATEGIES
from fastpid._base.checks import check_bool, check_choice, check_seed

__all__ = ["Discretizer"]


class Discretizer:
    """Turns a column, or a source of several columns, into symbols 0 to n_symbols - 1.

    Fitted on one set of samples and applied to another, it keeps the symbols the same: pass it as
    an entry of `bins` wherever these are taken.

    Parameters
    ----------
    bins : int or array-like of float, optional
        How many bins (or, of several columns, clusters), or the increasing edges of bins. None
        takes the values as categories.
    strategy : {"quantile", "uniform", "kmeans", "bayesian_blocks"}
        Where the edges of an int lie: at equally spaced quantiles, equally spaced, halfway between
        the centres of a one-dimensional k-means (scikit-learn), or where the optimal piecewise
        constant density changes (astropy; it finds the number of bins itself, so `bins` is None,
        and takes a time quadratic in the number of samples). Several columns are always clustered
        by k-means, on mini-batches from 10,000 samples on.
    outside : {"error", "nearest"}
        What transform() does with numbers beyond the outer edges.
    standardize : bool
        Whether several columns are scaled to unit variance before they are clustered.
    n_components : int, optional
        Project several columns on so many principal components before they are clustered.
    seed : int
        Of k-means and of the principal components.

    Attributes
    ----------
    labels_ : tuple
        What the symbols are: categories, intervals, or names of clusters.
    n_symbols_ : int
    n_features_in_ : int
        The number of columns it was fitted to.

    Examples
    --------
    >>> from fastpid.joint import Discretizer
    >>> bins = Discretizer(2).fit([1.0, 2.0, 3.0, 4.0])
    >>> bins.transform([1.5, 3.5]), bins.labels_
    (array([0, 1]), ([1, 2.5), [2.5, 4]))
    """

    labels_: tuple[Any, ...]
    n_symbols_: int
    n_features_in_: int

    def __init__(
        self,
        bins: Any = None,
        *,
        strategy: str = "quantile",
        outside: str = "error",
        standardize: bool = True,
        n_components: int | None = None,
        seed: int = 0,
    ) -> None:
        self.bins = bins
        self.strategy = strategy
        self.outside = outside
        self.standardize = standardize
        self.n_components = n_components
        self.seed = seed

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the constructor by name."""
        names = list(inspect.signature(type(self).__init__).parameters)[1:]
        return {name: getattr(self, name) for name in names}

    def set_params(self, **params: Any) -> Discretizer:
        """Set parameters of the constructor by name.

        Raises
        ------
        ValueError
            For a name that is none.
        """
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise ValueError(f"{name!r} is no parameter; they are {', '.join(known)}")
            setattr(self, name, value)
        return self

    def fit(self, X: Any, y: Any = None) -> Discretizer:  # noqa: N803 - scikit-learn's names
        """Learn the symbols.

        Parameters
        ----------
        X : array-like, shape (n_samples,) or (n_samples, n_features)
        y : ignored

        Returns
        -------
        Discretizer
            Itself.

        Raises
        ------
        ValueError, TypeError, ImportError
            As :func:`fastpid.joint.from_samples` does.
        """
        column = self._read(X)
        self.fit_column(column)
        return self

    def transform(self, X: Any) -> NDArray[np.intp]:  # noqa: N803 - scikit-learn's names
        """Return the symbols of samples.

        Parameters
        ----------
        X : array-like, shape (n_samples,) or (n_samples, n_features)

        Returns
        -------
        ndarray (n_samples,) of int

        Raises
        ------
        ValueError
            For missing or infinite values, for categories that were not there when it was fitted,
            for numbers outside the edges (unless ``outside="nearest"``); if it is not fitted.
        """
        return self.coding.codes(self._read(X))

    def fit_transform(self, X: Any, y: Any = None) -> NDArray[np.intp]:  # noqa: N803
        """Fit, and return the symbols of the same samples."""
        return self.fit(X).transform(X)

    @property
    def coding(self) -> Coding:
        """The fitted rule."""
        coding: Coding | None = getattr(self, "_coding", None)
        if coding is None:
            raise ValueError("the Discretizer is not fitted yet; call fit() first")
        return coding

    @property
    def is_fitted(self) -> bool:
        """Whether fit() was called."""
        return hasattr(self, "_coding")

    def fit_column(self, column: Column) -> Coding:
        """Learn the rule from a column that was read and checked."""
        options = Options(
            check_choice("strategy", self.strategy, STRATEGIES),
            check_seed(self.seed),
            check_bool("standardize", self.standardize),
            self.n_components,
        )
        check_choice("outside", self.outside, ("error", "nearest"))
        spec = self.bins
        if self.strategy == "bayesian_blocks" and column.kind != "features":
            if spec is not None:
                raise ValueError(
                    'strategy="bayesian_blocks" finds the number of bins itself: leave bins out'
                )
            spec = "auto"
        coding = fit_coding(column, spec, options)
        if isinstance(coding, Bins):
            coding = Bins(coding.edges, self.outside)
        self.n_features_in_ = column.values.shape[1] if column.kind == "features" else 1
        self.adopt(coding)
        return coding

    def adopt(self, coding: Coding) -> None:
        """Take a rule that was learnt elsewhere."""
        self._coding = coding
        self.labels_ = coding.labels
        self.n_symbols_ = len(coding.labels)

    def _read(self, values: Any) -> Column:
        name = str(getattr(values, "name", None) or "X")
        if getattr(values, "ndim", 1) == 2 and values.shape[1] == 1:  # a column as a frame
            values = np.asarray(values)[:, 0]
        column = read_column("X", name, values, features=True)
        check_rows([column])
        refuse_missing([column])
        refuse_infinite([column])
        return column

    def __repr__(self) -> str:
        """Return how it was made, the defaults left out."""
        defaults = {
            name: p.default for name, p in inspect.signature(type(self).__init__).parameters.items()
        }
        shown = (
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if repr(value) != repr(defaults[name])
        )
        return f"Discretizer({', '.join(shown)})"
