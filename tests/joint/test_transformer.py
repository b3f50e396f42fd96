"""Discretizer is a transformer of scikit-learn's."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="an extra: pip install fastpid[estimate]")

from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from fastpid.joint import Discretizer, from_samples

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(300, 3))
Z = (X[:, 0] + 0.3 * RANDOM.normal(size=300) > 0).astype(int)


def frame():
    pd = pytest.importorskip("pandas")
    words = np.array(["low", "high"])[(X[:, 2] > 0).astype(int)]
    return pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "word": words}, index=range(5, 305))


def test_output_is_a_column() -> None:
    for values in (X[:, 0], X[:, :1], X[:, 0].tolist(), frame()["a"], frame()[["a"]]):
        codes = Discretizer(4).fit_transform(values)
        assert codes.shape == (300, 1)
        np.testing.assert_array_equal(np.bincount(codes[:, 0]), [75] * 4)
    clusters = Discretizer(5).fit_transform(X)
    assert clusters.shape == (300, 1)


def test_columns_are_transformed_one_by_one() -> None:
    data = frame()
    columns = ColumnTransformer(
        [("a", Discretizer(4), ["a"]), ("b", Discretizer(3), ["b"]), ("w", Discretizer(), ["word"])]
    )
    codes = columns.fit_transform(data)
    assert codes.shape == (300, 3)
    assert [len(np.unique(column)) for column in codes.T] == [4, 3, 2]
    assert columns.get_feature_names_out().tolist() == ["a__a", "b__b", "w__word"]
    columns.set_output(transform="pandas")
    as_frame = columns.fit_transform(data)
    assert list(as_frame.columns) == ["a__a", "b__b", "w__word"]
    assert (as_frame.index == data.index).all()
    np.testing.assert_array_equal(as_frame.to_numpy(), codes)
    table = from_samples(*as_frame.to_numpy().T)
    assert table.shape == (4, 3, 2)


def test_it_is_a_step_of_pipelines() -> None:
    pipeline = make_pipeline(
        ColumnTransformer([("a", Discretizer(), [0])]), OneHotEncoder(), LogisticRegression()
    )
    search = GridSearchCV(
        pipeline,
        {"columntransformer__a__bins": [2, 6], "columntransformer__a__outside": ["nearest"]},
    )
    assert search.fit(X, Z).best_score_ > 0.8
    union = FeatureUnion([("rough", Discretizer(2)), ("fine", Discretizer(8))])
    chosen = Pipeline([("bins", union), ("best", SelectKBest(chi2, k=1))]).fit(X[:, :1], Z)
    assert chosen.transform(X[:, :1]).shape == (300, 1)
    assert union.get_feature_names_out(["a"]).tolist() == ["rough__a", "fine__a"]


def test_output_frames() -> None:
    import sklearn

    data = frame()[["a"]]
    bins = Discretizer(4).set_output(transform="pandas")
    out = bins.fit_transform(data)
    assert list(out.columns) == ["a"]
    assert (out.index == data.index).all()
    assert isinstance(bins.set_output(transform="default").transform(data), np.ndarray)
    with sklearn.config_context(transform_output="pandas"):
        assert list(Discretizer(3).fit_transform(X[:, 0]).columns) == ["x0"]
        assert list(Discretizer(3).fit_transform(X).columns) == ["discretizer0"]
    polars = pytest.importorskip("polars")
    out = bins.set_output(transform="polars").fit_transform(polars.DataFrame({"a": X[:, 0]}))
    assert out.columns == ["a"]
    with pytest.raises(ValueError, match="transform must be one of default, pandas, polars"):
        bins.set_output(transform="list")


def test_tags_clones_and_fits() -> None:
    tags = get_tags(Discretizer())
    assert tags.input_tags.one_d_array
    assert tags.input_tags.string
    assert not tags.target_tags.required
    bins = Discretizer([0.0, 1.0, 2.0], outside="nearest")
    again = clone(bins)
    assert again.get_params() == bins.get_params()
    with pytest.raises(NotFittedError):
        check_is_fitted(bins)
    with pytest.raises(NotFittedError, match="call fit"):
        bins.transform(X[:, 0])
    check_is_fitted(bins.fit(X[:, 0]))
    same = pickle.loads(pickle.dumps(bins))
    np.testing.assert_array_equal(same.transform(X[:, 0]), bins.transform(X[:, 0]))
    assert bins.fit(frame()[["a"]]).feature_names_in_.tolist() == ["a"]
    assert not hasattr(bins.fit(X[:, 0]), "feature_names_in_")


def test_random_states() -> None:
    for state in (0, None, np.random.RandomState(0), np.random.default_rng(0)):
        assert Discretizer(3, random_state=state).fit(X).n_symbols_ == 3
    with pytest.raises(TypeError, match="random_state must be"):
        Discretizer(3, random_state="now").fit(X)


def test_nothing_internal_is_public() -> None:
    public = {name for name in dir(Discretizer(2).fit(X[:, 0])) if not name.startswith("_")}
    assert public == {
        *("bins", "strategy", "outside", "standardize", "n_components", "random_state"),
        *("fit", "transform", "fit_transform", "get_params", "set_params", "set_output"),
        *("get_feature_names_out", "labels_", "n_symbols_", "n_features_in_"),
    }


def test_it_needs_no_scikit_learn() -> None:
    program = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from fastpid.joint import Discretizer\n"
        "bins = Discretizer(2)\n"
        "assert bins.fit_transform([1.0, 2.0, 3.0, 4.0]).tolist() == [[0], [0], [1], [1]]\n"
        "try:\n    Discretizer(2).transform([1.0])\n"
        "except ValueError as error:\n    assert 'not fitted' in str(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
