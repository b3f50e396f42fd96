"""A small network for what linear models miss, whose decay of weights does not stifle it."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler


class Network(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Two hidden layers on standardised features, trained with little decay, then with much.

    Much decay is what keeps posteriors of a few thousand samples honest. From the start on, it
    holds the network at zero, where what only features together say - an exclusive or - cannot be
    found: so it comes second.
    """

    def __init__(
        self,
        *,
        width: int = 128,
        decay: float = 4.0,
        epochs: tuple[int, int] = (20, 30),
        random_state: int | None = None,
    ) -> None:
        self.width = width
        self.decay = decay
        self.epochs = epochs
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Network:  # noqa: N803
        """Fit to features (n, d) and classes (n,)."""
        self.scaler_ = StandardScaler().fit(X)
        scaled = self._scaled(X)
        first, second = self.epochs
        # As many steps for many samples as for a few thousand. What decay is worth is divided by
        # the samples of a batch: a prior's, which counts less the more samples there are.
        batch = min(max(128, len(scaled) // 32), 1024, len(scaled))
        self.network_ = MLPClassifier(
            (self.width, self.width),
            alpha=0.025 * self.decay,
            max_iter=first,
            batch_size=batch,
            learning_rate_init=2e-3 * math.sqrt(batch / 128.0),
            n_iter_no_change=first + second,
            warm_start=True,
            random_state=self.random_state,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the epochs are the stopping rule
            self.network_.fit(scaled, y)
            self.network_.set_params(alpha=self.decay, max_iter=second).fit(scaled, y)
        self.classes_ = self.network_.classes_
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Return the posteriors of samples."""
        probabilities: NDArray[np.float64] = self.network_.predict_proba(self._scaled(X))
        return probabilities

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """Return the most probable classes."""
        classes: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return classes

    def _scaled(self, features: Any) -> NDArray[np.float32]:
        # In single precision it takes half the time.
        scaled: NDArray[np.float32] = self.scaler_.transform(features).astype(np.float32)
        return scaled
