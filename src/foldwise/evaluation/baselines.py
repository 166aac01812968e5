"""Baselines that stand beside every model; one that does not beat them has failed."""

from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor

from foldwise.arrays import FloatArray
from foldwise.evaluation.metrics import column_aucs
from foldwise.fits.binary_classifier import BinaryClassifier
from foldwise.fits.preprocessing import MedianFill, Standardize, Step
from foldwise.fits.sklearn_learner import SklearnLearner

__all__ = ["BestSingleFeature", "classification_baselines", "regression_baselines"]


class BestSingleFeature(BinaryClassifier):
    """Score by the one column whose AUC on the training rows is farthest from 1/2.

    Attributes
    ----------
    feature_ : int
        The chosen column.
    sign_ : float
        -1 where low values mean the second class.
    threshold_ : float
        Middle between the medians of the two classes; `predict` divides there.
    """

    def fit(self, X: Any, y: Any) -> "BestSingleFeature":
        """Choose the column on X (n_samples, n_features) and two-class labels y."""
        X, second = self._require_two_classes(X, y)
        distance = column_aucs(X, second.astype(float)) - 0.5
        self.feature_ = int(np.argmax(np.abs(distance)))
        self.sign_ = 1.0 if distance[self.feature_] >= 0 else -1.0
        chosen = X[:, self.feature_]
        self.threshold_ = float(np.median(chosen[second]) + np.median(chosen[~second])) / 2
        return self

    def _linear(self, X: FloatArray) -> FloatArray:
        """Return the chosen column, turned so that high means the second class."""
        return np.asarray(self.sign_ * (X[:, self.feature_] - self.threshold_))


def classification_baselines(
    n_jobs: int | None = None, steps: tuple[Step, ...] = (MedianFill(),)
) -> dict[str, SklearnLearner]:
    """Return the learners every classifier has to beat, by name.

    Parameters
    ----------
    n_jobs : int, optional
        Worker processes.
    steps : tuple of Step
        Preprocessing that leaves no missing cell; scaling changes nothing here.
    """
    return {
        "best-single-metabolite": SklearnLearner(BestSingleFeature(), steps, n_jobs),
        "majority": SklearnLearner(DummyClassifier(strategy="prior"), steps, n_jobs),
    }


def regression_baselines(n_jobs: int | None = None) -> dict[str, SklearnLearner]:
    """Return the learners every network has to beat, by name.

    The training mean; the nearest training row; ridge regression (alpha 1 on
    standardised inputs); 200 extremely randomised trees.
    """
    scaled = (MedianFill(), Standardize())
    return {
        "mean": SklearnLearner(DummyRegressor(), (MedianFill(),), n_jobs),
        "nearest-neighbour": SklearnLearner(KNeighborsRegressor(n_neighbors=1), scaled, n_jobs),
        "ridge": SklearnLearner(Ridge(alpha=1.0), scaled, n_jobs),
        "extra-trees": SklearnLearner(ExtraTreesRegressor(n_estimators=200), scaled, n_jobs),
    }
