"""Exhaustive grid search in scikit-learn's form, all settings and folds as one batch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.model_selection import ParameterGrid
from sklearn.utils.validation import check_is_fitted, validate_data

from foldwise.arrays import FloatArray
from foldwise.errors import InvalidInputError, first_few
from foldwise.evaluation.cross_validation import ask_cross_validation
from foldwise.evaluation.metrics import REGRESSION_METRICS, roc_auc
from foldwise.evaluation.questions import run_question
from foldwise.evaluation.splits import kfold_assignments
from foldwise.fits.estimators import LogisticClassifier, MLPClassifier, MLPRegressor

__all__ = ["FoldwiseSearch"]

_METRICS: dict[str, Callable[[FloatArray, FloatArray], float]] = {
    "roc_auc": roc_auc,
    "r2": REGRESSION_METRICS["r2"],
    "neg_mean_absolute_error": lambda y, prediction: -REGRESSION_METRICS["mae"](y, prediction),
}
_ESTIMATORS = (LogisticClassifier, MLPClassifier, MLPRegressor)


class FoldwiseSearch(MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Search a grid of settings by k-fold cross-validation, trained as one batch.

    Like scikit-learn's ``GridSearchCV``, for Foldwise's own estimators. Folds are always
    shuffled and seeded, stratified for classes; columns are standardised on the training
    rows of each fold. All settings of a fold share its seed: they are compared on the
    same initial weights and row order.

    Parameters
    ----------
    estimator : MLPRegressor, MLPClassifier or LogisticClassifier
        What is searched; its own parameters hold where the grid says nothing.
    param_grid : mapping of str to sequence, or sequence of such mappings
        Values to try, in every combination.
    cv : int, default=5
        Number of folds.
    scoring : {"r2", "neg_mean_absolute_error", "roc_auc"}, optional
        "r2" for numbers and "roc_auc" for classes when None.
    n_jobs : int, optional
        Worker processes; all cores when None. Results do not depend on it.
    random_state : int, default=0
        Seed of folds, initial weights and row orders.

    Attributes
    ----------
    cv_results_ : dict of arrays of shape (n_settings,)
        ``params``, ``mean_test_score``, ``std_test_score``, ``rank_test_score`` and
        ``split0_test_score`` and so on.
    best_params_, best_score_, best_index_
        The first setting of the highest mean.
    best_estimator_ : estimator
        Fitted to all rows with the best setting.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(80, 10))
    >>> search = FoldwiseSearch(LogisticClassifier(l1_ratio=1.0), {"C": [0.001, 0.3]}, n_jobs=1)
    >>> search.fit(X, X[:, 0] > 0).best_params_
    {'C': 0.3}
    """

    def __init__(
        self,
        estimator: Any,
        param_grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Sequence[Any]]],
        *,
        cv: int = 5,
        scoring: str | None = None,
        n_jobs: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.estimator = estimator
        self.param_grid = param_grid
        self.cv = cv
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "FoldwiseSearch":
        """Search on X (n_samples, n_features) and y (n_samples,), and refit the best setting.

        Raises
        ------
        InvalidInputError
            If the estimator is not Foldwise's, a parameter cannot vary within a plan, or
            the folds cannot be drawn.
        """
        settings = self._settings()
        classes = is_classifier(self.estimator)
        checked, target = validate_data(self, X, y, dtype=np.float64, y_numeric=not classes)
        labels = None
        if classes:
            self.classes_ = np.unique(target)
            checked, second = clone(self.estimator)._require_two_classes(checked, target)
            target = labels = second.astype(np.float64)
        folds = kfold_assignments(
            len(checked), n_splits=self.cv, seed=self.random_state, classes=labels
        )
        question = ask_cross_validation(
            np.asarray(target, np.float64),
            folds,
            self._metric(),
            settings=settings,
            seed=self.random_state,
        )
        learner = self.estimator.learner(n_jobs=self.n_jobs)
        values = run_question(question, learner, checked, label="grid search").values[:, 0]
        self.cv_results_ = _results(settings, values)
        self.best_index_ = int(np.argmax(values.mean(axis=1)))
        self.best_params_ = settings[self.best_index_]
        self.best_score_ = float(values[self.best_index_].mean())
        best = clone(self.estimator).set_params(**self.best_params_)
        if "random_state" in best.get_params() and best.random_state is None:
            best.set_params(random_state=self.random_state)
        self.best_estimator_ = best.fit(X, y)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the predictions of the best estimator."""
        check_is_fitted(self)
        return np.asarray(self.best_estimator_.predict(X))

    def score(self, X: Any, y: Any) -> float:
        """Return the score of the best estimator, by the metric of the search."""
        check_is_fitted(self)
        if not is_classifier(self.estimator):
            return self._metric()(np.asarray(y, np.float64), self.predict(X))
        second = np.asarray(y) == self.classes_[1]
        return self._metric()(second.astype(float), self.best_estimator_.decision_function(X))

    def _settings(self) -> list[dict[str, Any]]:
        if not isinstance(self.estimator, _ESTIMATORS):
            known = ", ".join(kind.__name__ for kind in _ESTIMATORS)
            raise InvalidInputError(
                f"FoldwiseSearch trains {known} as one batch, not a "
                f"{type(self.estimator).__name__}. Use scikit-learn's GridSearchCV for that."
            )
        settings = [dict(one) for one in ParameterGrid(self.param_grid)]
        varied = sorted({name for one in settings for name in one})
        fixed = [name for name in varied if name not in self.estimator.in_a_plan]
        if fixed:
            raise InvalidInputError(
                f"The grid varies {first_few(fixed)}, which all fits of a plan share. It may vary "
                f"{', '.join(sorted(self.estimator.in_a_plan))}."
            )
        return settings

    def _metric(self) -> Callable[[FloatArray, FloatArray], float]:
        name = self.scoring or ("roc_auc" if is_classifier(self.estimator) else "r2")
        if name not in _METRICS:
            raise InvalidInputError(f"Unknown scoring {name!r}. Known: {', '.join(_METRICS)}.")
        return _METRICS[name]


def _results(
    settings: list[dict[str, Any]], values: Float[np.ndarray, "setting fold"]
) -> dict[str, Any]:
    """Return the table of a search, as scikit-learn lays it out."""
    mean = values.mean(axis=1)
    return {
        "params": settings,
        "mean_test_score": mean,
        "std_test_score": values.std(axis=1),
        "rank_test_score": 1 + (mean > mean[:, None]).sum(axis=1),
        **{f"split{fold}_test_score": values[:, fold] for fold in range(values.shape[1])},
    }
