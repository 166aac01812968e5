"""Foldwise's learners as scikit-learn estimators: a plan with one fit, or one per seed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import logit
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from foldwise.arrays import FloatArray, RealArray
from foldwise.errors import InvalidInputError, first_few
from foldwise.fits.batch import FitBatch, Learner
from foldwise.fits.binary_classifier import LogOddsClassifier
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.mlp import MlpLearner
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import Standardize, Step

__all__ = ["LogisticClassifier", "MLPClassifier", "MLPRegressor"]


class _NetworkEstimator(BaseEstimator):  # type: ignore[misc]
    """What both networks share: parameters, and an ensemble of seeds trained as one plan."""

    _loss = "squared"

    def __init__(
        self,
        hidden: tuple[int, ...] = (256, 256, 256),
        activation: str = "relu",
        lr: float = 1e-3,
        weight_decay: float = 0.01,
        epochs: int = 250,
        batch_size: int = 256,
        standardize: bool = True,
        n_ensemble: int = 1,
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.lr = lr
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.standardize = standardize
        self.n_ensemble = n_ensemble
        self.device = device
        self.random_state = random_state

    in_a_plan = frozenset({"hidden", "activation", "lr", "weight_decay", "epochs", "batch_size"})
    """Parameters that may differ between the fits of one plan."""

    def learner(self, n_jobs: int | None = None) -> MlpLearner:
        """Return the learner that trains these fits."""
        return MlpLearner(
            hidden=tuple(self.hidden),
            activation=self.activation,
            loss=self._loss,  # type: ignore[arg-type]
            lr=self.lr,
            weight_decay=self.weight_decay,
            epochs=self.epochs,
            batch_size=self.batch_size,
            steps=_steps(self.standardize),
            device=self.device,  # type: ignore[arg-type]
            n_jobs=n_jobs,
        )

    def _train(self, X: FloatArray, y: FloatArray) -> None:
        """Train one network per seed; keep their states."""
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=self.n_ensemble)
        batch = _run(self.learner(), X, y, seeds.astype(np.int64))
        self.states_: tuple[Mapping[str, RealArray], ...] = batch.states
        self.loss_curves_ = [np.asarray(state["train_loss"]) for state in batch.states]
        self.n_iter_ = len(self.loss_curves_[0])

    def _outputs(self, X: FloatArray) -> FloatArray:
        """Return the mean output of the ensemble; in double precision, row by row the same."""
        exact = replace(self.learner(), precision="float64")
        outputs = [exact.predict(_weights_of(state), X) for state in self.states_]
        return np.asarray(np.mean(outputs, axis=0))


def _weights_of(state: Mapping[str, RealArray]) -> dict[str, RealArray]:
    return {name: value for name, value in state.items() if not name.endswith("_loss")}


def _steps(standardize: bool) -> tuple[Step, ...]:
    return (Standardize(),) if standardize else ()


def _run(learner: Learner, X: FloatArray, y: FloatArray, seeds: np.ndarray) -> FitBatch:
    """Train a plan in which every fit learns from every row."""
    every = np.ones((len(seeds), len(X)), bool)
    plan = FitPlan(every, np.zeros_like(every), y, seed=seeds)
    return learner.run(X, plan, keep=("parameters", "preprocessing", "curves"))


class MLPRegressor(RegressorMixin, _NetworkEstimator):  # type: ignore[misc]
    """A network for a number: `MlpLearner` in scikit-learn's form.

    Parameters
    ----------
    hidden, activation, lr, weight_decay, epochs, batch_size, device
        As in `MlpLearner`.
    standardize : bool, default=True
        Whether columns are standardised on the rows of ``fit``.
    n_ensemble : int, default=1
        Networks from as many seeds, trained as one batch; predictions are their mean.
    random_state : int, RandomState or None
        Source of the seeds.

    Attributes
    ----------
    states_ : tuple of mapping
        Learned arrays of each network.
    loss_curves_ : list of float arrays of shape (n_epochs,)
        Training loss per epoch of each network.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> model = MLPRegressor((32,), lr=1e-2, weight_decay=0.0, n_ensemble=2, random_state=0)
    >>> bool(model.fit(X, X[:, 0] ** 2).score(X, X[:, 0] ** 2) > 0.9)
    True
    """

    def fit(self, X: Any, y: Any) -> "MLPRegressor":
        """Fit on X (n_samples, n_features) and y (n_samples,)."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        self._train(X, np.asarray(y, np.float64))
        return self

    def predict(self, X: Any) -> FloatArray:
        """Return predictions, shape (n_samples,)."""
        check_is_fitted(self)
        return self._outputs(validate_data(self, X, reset=False, dtype=np.float64))


class MLPClassifier(LogOddsClassifier, _NetworkEstimator):
    """A network for two classes, trained on the logistic loss.

    Parameters
    ----------
    hidden, activation, lr, weight_decay, epochs, batch_size, device
        As in `MlpLearner`.
    standardize, n_ensemble, random_state
        As in `MLPRegressor`; an ensemble gives the mean of its probabilities.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> model = MLPClassifier((16,), lr=1e-2, random_state=0).fit(X, np.abs(X[:, 0]) > 0.5)
    >>> model.predict([[0.0], [0.9]])
    array([False,  True])
    """

    _loss = "logistic"

    def fit(self, X: Any, y: Any) -> "MLPClassifier":
        """Fit on X (n_samples, n_features) and two-class labels y (n_samples,)."""
        X, second = self._require_two_classes(X, y)
        self._train(X, second.astype(np.float64))
        return self

    def _linear(self, X: FloatArray) -> FloatArray:
        """Return the log-odds of the mean probability."""
        smallest = np.finfo(float).tiny
        return np.asarray(logit(np.clip(self._outputs(X), smallest, 1 - 1e-16)))


class LogisticClassifier(LogOddsClassifier):
    """Logistic regression with no, L2, L1 or elastic-net penalty: `LogisticLearner`'s fit.

    Parameters
    ----------
    C : float, default=1.0
        Inverse penalty; ``inf`` means no penalty.
    l1_ratio : float, default=0.0
        Share of the L1 part.
    standardize : bool, default=True
        Whether the penalty counts in standard deviations of the columns.
    class_weight : None, "balanced" or mapping of label to float, default=None
        Factors of the weights of rows by class, as scikit-learn takes them; labels that are
        absent count 1.

    Attributes
    ----------
    coef_ : float array of shape (1, n_features)
        In log-odds of ``classes_[1]`` per unit of the column as given.
    intercept_ : float array of shape (1,)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(50, 4))
    >>> model = LogisticClassifier(C=0.2, l1_ratio=1.0).fit(X, X[:, 0] > 0)
    >>> (model.coef_[0] != 0).tolist()
    [True, False, False, False]
    """

    def __init__(
        self,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        standardize: bool = True,
        class_weight: Any = None,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.standardize = standardize
        self.class_weight = class_weight

    in_a_plan = frozenset({"C", "l1_ratio"})
    """Parameters that may differ between the fits of one plan."""

    def learner(self, n_jobs: int | None = None) -> LogisticLearner:
        """Return the learner that trains these fits.

        Raises
        ------
        InvalidInputError
            If ``class_weight`` is a mapping: its labels are known to `fit` alone.
        """
        if isinstance(self.class_weight, Mapping):
            raise InvalidInputError(
                f"class_weight is {self.class_weight!r}: fits of a plan know no labels. Use "
                "'balanced' or None, or call fit."
            )
        return self._learner(self.class_weight, n_jobs)

    def _learner(self, class_weight: Any, n_jobs: int | None) -> LogisticLearner:
        return LogisticLearner(
            self.C,
            self.l1_ratio,
            _steps(self.standardize),
            n_jobs=n_jobs,
            class_weight=class_weight,
        )

    def fit(self, X: Any, y: Any) -> "LogisticClassifier":
        """Fit on X (n_samples, n_features) and two-class labels y (n_samples,)."""
        X, second = self._require_two_classes(X, y)
        learner = self._learner(self._weight_by_place(), n_jobs=1)
        batch = _run(learner, X, second.astype(np.float64), np.zeros(1, np.int64))
        state = batch.states[0]
        per_unit = state["coef"] / state.get("scale", np.ones(X.shape[1]))
        center = state.get("center", np.zeros(X.shape[1]))
        self.coef_ = np.asarray(per_unit, np.float64)[None]
        self.intercept_ = np.array([float(state["intercept"] - center @ per_unit)])
        return self

    def _weight_by_place(self) -> Any:
        """Return class weights with 0 and 1 in place of the labels."""
        if not isinstance(self.class_weight, Mapping):
            return self.class_weight
        labels = self.classes_.tolist()
        unknown = [label for label in self.class_weight if label not in labels]
        if unknown:
            raise InvalidInputError(
                f"class_weight names {first_few(unknown)}; y holds {first_few(labels)}."
            )
        return {labels.index(label): weight for label, weight in self.class_weight.items()}

    def _linear(self, X: FloatArray) -> FloatArray:
        """Return the log-odds of the second class."""
        return np.asarray(X @ self.coef_[0] + self.intercept_[0])
