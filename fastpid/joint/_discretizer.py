"""A rule of discretisation with scikit-learn's face, in numpy alone."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_bool, check_choice
from fastpid._base.extras import import_extra
from fastpid._base.random import integer_seed
from fastpid.joint._bins import STRATEGIES
from fastpid.joint._coding import Bins, Coding, CodingOptions, fit_coding
from fastpid.joint._columns import (
    Column,
    check_lengths,
    read_column,
    refuse_infinite,
    refuse_missing,
)
from fastpid.joint._frames import column_names, is_frame, name_of

_CONTAINERS = ("default", "pandas", "polars")


class Discretizer:
    """Turns a column, or a source of several columns, into symbols 0 to n_symbols - 1.

    Fitted on one set of samples and applied to another, it keeps the symbols the same: pass it as
    an entry of `bins` wherever these are taken. It is a scikit-learn transformer as well, for
    pipelines and column transformers, and does not need scikit-learn for itself.

    Parameters
    ----------
    bins : int or array-like of float, optional
        How many bins (or, for several columns, clusters), or the increasing edges of bins. None
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
        Project several columns onto this many principal components before they are clustered.
    random_state : int, RandomState, Generator or None
        Seed for k-means and the principal components.

    Attributes
    ----------
    labels_ : tuple
        What the symbols are: categories, intervals, or names of clusters.
    n_symbols_ : int
        The number of symbols.
    n_features_in_ : int
        The number of columns it was fitted to.
    feature_names_in_ : ndarray of str
        Their names, if they have any.

    Examples
    --------
    >>> from fastpid.joint import Discretizer
    >>> bins = Discretizer(2).fit([1.0, 2.0, 3.0, 4.0])
    >>> bins.transform([1.5, 3.5]).ravel(), bins.labels_
    (array([0, 1]), ([1, 2.5), [2.5, 4]))
    """

    labels_: tuple[Any, ...]
    n_symbols_: int
    n_features_in_: int
    feature_names_in_: NDArray[Any]

    def __init__(
        self,
        bins: Any = None,
        *,
        strategy: str = "quantile",
        outside: str = "error",
        standardize: bool = True,
        n_components: int | None = None,
        random_state: Any = 0,
    ) -> None:
        self.bins = bins
        self.strategy = strategy
        self.outside = outside
        self.standardize = standardize
        self.n_components = n_components
        self.random_state = random_state

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the constructor by name."""
        names = list(inspect.signature(type(self).__init__).parameters)[1:]
        return {name: getattr(self, name) for name in names}

    def set_params(self, **params: Any) -> Discretizer:
        """Set parameters of the constructor by name.

        Raises
        ------
        ValueError
            For an unknown name.
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
        fit_column(self, _read(X))
        names = list(map(str, column_names(X))) if is_frame(X) else [name_of(X)]
        if None not in names:
            self.feature_names_in_ = np.asarray(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803 - scikit-learn's names
        """Return the symbols of samples.

        Parameters
        ----------
        X : array-like, shape (n_samples,) or (n_samples, n_features)

        Returns
        -------
        ndarray (n_samples, 1) of int
            Or a frame of one column, if :meth:`set_output` says so.

        Raises
        ------
        ValueError
            For missing or infinite values, for categories that were not there when it was fitted,
            for numbers outside the edges (unless ``outside="nearest"``); if it is not fitted.
        """
        codes = coding_of(self).codes(_read(X)).reshape(-1, 1)
        container = self._output_container()
        if container == "default":
            return codes
        names = self.get_feature_names_out().tolist()
        if container == "polars":
            return import_extra("polars", 'set_output(transform="polars")').DataFrame(codes, names)
        pd = import_extra("pandas", 'set_output(transform="pandas")')
        return pd.DataFrame(codes, columns=names, index=getattr(X, "index", None))

    def fit_transform(self, X: Any, y: Any = None) -> Any:  # noqa: N803
        """Fit, and return the symbols of the same samples."""
        return self.fit(X).transform(X)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return the name of the column of symbols: that of the column it was fitted to.

        Parameters
        ----------
        input_features : sequence of str, optional
            Names of the columns, by default those it was fitted with.

        Returns
        -------
        ndarray (1,) of str
            "discretizer0" for several columns.
        """
        coding_of(self)
        if self.n_features_in_ > 1:
            return np.array(["discretizer0"], dtype=object)
        names = input_features
        if names is None:
            names = getattr(self, "feature_names_in_", ["x0"])
        return np.asarray(names, dtype=object)

    def set_output(self, *, transform: str | None = None) -> Discretizer:
        """Choose what :meth:`transform` returns.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, optional
            An array, or a frame; None leaves it as it is.
        """
        if transform is not None:
            self._container = check_choice("transform", transform, _CONTAINERS)
        return self

    def _output_container(self) -> str:
        sklearn = sys.modules.get("sklearn")
        default = "default" if sklearn is None else sklearn.get_config()["transform_output"]
        return str(getattr(self, "_container", default))

    def __sklearn_is_fitted__(self) -> bool:
        """Whether fit() was called."""
        return hasattr(self, "_coding")

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: a transformer that takes one column of any type."""
        utils = import_extra("sklearn.utils", "scikit-learn's tags")
        return utils.Tags(
            estimator_type=None,
            target_tags=utils.TargetTags(required=False),
            transformer_tags=utils.TransformerTags(preserves_dtype=[]),
            input_tags=utils.InputTags(
                one_d_array=True, two_d_array=True, string=True, categorical=True
            ),
        )

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


def fit_column(discretizer: Discretizer, column: Column) -> Coding:
    """Fit a discretiser to a column that was read and checked; return the rule."""
    options = CodingOptions(
        check_choice("strategy", discretizer.strategy, STRATEGIES),
        _seed_of(discretizer.random_state),
        check_bool("standardize", discretizer.standardize),
        discretizer.n_components,
    )
    check_choice("outside", discretizer.outside, ("error", "nearest"))
    spec = discretizer.bins
    if discretizer.strategy == "bayesian_blocks" and column.kind != "features":
        if spec is not None:
            raise ValueError(
                'strategy="bayesian_blocks" finds the number of bins itself: leave bins out'
            )
        spec = "auto"
    coding = fit_coding(column, spec, options)
    if isinstance(coding, Bins):
        coding = Bins(coding.edges, discretizer.outside)
    adopt(discretizer, coding)
    discretizer.n_features_in_ = column.values.shape[1] if column.kind == "features" else 1
    return coding


def adopt(discretizer: Discretizer, coding: Coding) -> None:
    """Give a discretiser a rule that was learnt elsewhere from one column."""
    discretizer._coding = coding  # type: ignore[attr-defined]
    discretizer.labels_ = coding.labels
    discretizer.n_symbols_ = len(coding.labels)
    discretizer.n_features_in_ = 1


def coding_of(discretizer: Discretizer) -> Coding:
    """Return the rule of a fitted discretiser.

    Raises
    ------
    ValueError
        If it is not fitted; scikit-learn's NotFittedError where that is there.
    """
    coding: Coding | None = getattr(discretizer, "_coding", None)
    if coding is None:
        exceptions = sys.modules.get("sklearn.exceptions")
        error = ValueError if exceptions is None else exceptions.NotFittedError
        raise error("the Discretizer is not fitted yet; call fit() first")
    return coding


def is_fitted(discretizer: Discretizer) -> bool:
    """Whether a discretiser has a rule."""
    return discretizer.__sklearn_is_fitted__()


def _seed_of(random_state: Any) -> int:
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 2**31))
    return integer_seed(random_state, "random_state")


def _read(values: Any) -> Column:
    shape: tuple[int, ...] = getattr(values, "shape", ())
    if len(shape) == 2 and shape[1] == 1:  # a column as a frame
        if hasattr(values, "iloc"):
            values = values.iloc[:, 0]
        elif hasattr(values, "to_series"):
            values = values.to_series()
        else:
            values = np.ma.asanyarray(values)[:, 0]
    column = read_column("X", name_of(values) or "X", values, features=True)
    check_lengths([column])
    refuse_missing([column])
    refuse_infinite([column])
    return column
