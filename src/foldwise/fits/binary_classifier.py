"""What Foldwise's own two-class estimators share, in scikit-learn's form."""

from abc import abstractmethod
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from foldwise.arrays import BoolArray, FloatArray
from foldwise.errors import InvalidInputError, first_few

__all__ = ["BinaryClassifier", "LogOddsClassifier"]


class BinaryClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of exactly two classes: subclasses write ``fit`` and `_linear`.

    Attributes
    ----------
    classes_ : array of shape (2,)
        Sorted; the second is the one that high scores mean.
    """

    def _require_two_classes(self, X: Any, y: Any) -> tuple[FloatArray, BoolArray]:
        """Return X as floats and which rows are of the second class; set ``classes_``.

        Raises
        ------
        InvalidInputError
            If ``y`` does not hold exactly two classes.
        """
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) > 2:
            raise InvalidInputError(
                "Only binary classification is supported. The type of the target is "
                f"{type_of_target(y)}: y holds {len(self.classes_)} classes, "
                f"{first_few(self.classes_.tolist())}. Choose the cases first."
            )
        if len(self.classes_) < 2:
            raise InvalidInputError(
                f"Two classes are needed; all {len(y)} rows of y are of one class, "
                f"{self.classes_[0]}."
            )
        return X, np.asarray(y == self.classes_[1])

    @abstractmethod
    def _linear(self, X: FloatArray) -> FloatArray:
        """Return the score of checked rows, shape (n_samples,)."""

    def decision_function(self, X: Any) -> FloatArray:
        """Return the score of each row, above 0 for the second class, shape (n_samples,)."""
        check_is_fitted(self)
        return self._linear(validate_data(self, X, reset=False, dtype=np.float64))

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of each row."""
        above = self.decision_function(X) > 0
        return np.asarray(self.classes_[above.astype(int)])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


class LogOddsClassifier(BinaryClassifier):
    """A two-class classifier whose score is the log-odds of the second class."""

    def predict_proba(self, X: Any) -> FloatArray:
        """Return the probability of both classes, shape (n_samples, 2)."""
        second = expit(self.decision_function(X))
        return np.column_stack([1.0 - second, second])
