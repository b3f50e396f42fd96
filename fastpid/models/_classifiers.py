"""Which classifiers are fitted: those given, or the best of some that need no settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice
from fastpid._base.extras import import_extra

#: Up to so many features trees are tried: beyond, they are slow, and embeddings are not for them.
_MOST_FOR_TREES = 32
NAMES = ("auto", "linear", "network", "trees")


class Recipe(NamedTuple):
    """How to make a classifier that is not fitted yet."""

    name: str
    make: Callable[[int], Any]  # from a seed
    takes_nan: bool = False


def read_models(model: Any, n_sources: int = 2) -> list[Any]:
    """Return what is asked for each source and for all together: a name, or a classifier."""
    several = isinstance(model, (tuple, list))
    models = list(model) if several else [model] * (n_sources + 1)
    if len(models) != n_sources + 1:
        wanted = (
            "three of them (for x, y and both)"
            if n_sources == 2
            else f"{n_sources + 1} of them (for each of {n_sources} sources, and for all together)"
        )
        raise ValueError(f"model must be one classifier, or {wanted}; got {len(models)}")
    for each in models:
        if isinstance(each, str):
            check_choice("model", each, NAMES)
        elif isinstance(each, type) or not hasattr(each, "fit"):
            what = each.__name__ if isinstance(each, type) else type(each).__name__
            raise TypeError(
                f"model must be a classifier with fit() and predict_proba(); got {what}"
            )
        elif not hasattr(each, "predict_proba"):
            raise TypeError(
                f"model {type(each).__name__} has no predict_proba; wrap it in "
                "sklearn.calibration.CalibratedClassifierCV, or take one that says probabilities"
            )
    return models


def recipes(model: Any, n_features: int) -> list[Recipe]:
    """Return the candidates behind a name, or the one behind a classifier."""
    if not isinstance(model, str):
        return [Recipe(type(model).__name__, lambda seed: _clone(model, seed), _takes_nan(model))]
    if model != "auto":
        return [_NAMED[model]]
    names = ["linear", "network", *(["trees"] if n_features <= _MOST_FOR_TREES else [])]
    return [_NAMED[name] for name in names]


def check_nan(name: str, features: NDArray[Any], candidates: Sequence[Recipe]) -> None:
    """Refuse NaN, unless all of the classifiers take it."""
    if features.dtype.kind != "f" or not np.isnan(features).any():
        return
    for recipe in candidates:
        if not recipe.takes_nan:
            rows = int(np.isnan(features).any(axis=1).sum())
            raise ValueError(
                f"{name} has NaN in {rows} samples, which {recipe.name} does not take; leave them "
                'out, impute them, or pass model="trees", which takes them'
            )


def _clone(model: Any, seed: int) -> Any:
    """Return a copy that is not fitted, with its seeds set where they were left open."""
    copy = import_extra("sklearn.base", "fastpid.models").clone(model)
    parameters = copy.get_params()
    seeds = [name for name in parameters if name.split("__")[-1] == "random_state"]
    return copy.set_params(**{name: seed for name in seeds if parameters[name] is None})


def _takes_nan(model: Any) -> bool:
    """Whether a classifier takes NaN; one that does not say is left to say so itself."""
    if not hasattr(model, "__sklearn_tags__"):
        return True
    return bool(model.__sklearn_tags__().input_tags.allow_nan)


def _linear(seed: int) -> Any:
    linear_model = import_extra("sklearn.linear_model", "fastpid.models")
    pipeline = import_extra("sklearn.pipeline", "fastpid.models")
    preprocessing = import_extra("sklearn.preprocessing", "fastpid.models")
    return pipeline.make_pipeline(
        preprocessing.StandardScaler(),
        linear_model.LogisticRegression(C=0.1, max_iter=1000, random_state=seed),
    )


def _network(seed: int) -> Any:
    import_extra("sklearn", "fastpid.models")
    from fastpid.models._network import Network

    return Network(random_state=seed)


def _trees(seed: int) -> Any:
    ensemble = import_extra("sklearn.ensemble", "fastpid.models")
    return ensemble.HistGradientBoostingClassifier(
        learning_rate=0.05, max_leaf_nodes=15, early_stopping=True, random_state=seed
    )


_NAMED = {
    "linear": Recipe("linear", _linear),
    "network": Recipe("network", _network),
    "trees": Recipe("trees", _trees, takes_nan=True),
}
