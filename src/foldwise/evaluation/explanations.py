"""SHAP values on held-out rows: exact for linear models, by the package shap for forests."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from foldwise.arrays import BoolArray, Design, FloatArray
from foldwise.errors import InvalidInputError
from foldwise.evaluation.held_out import dense_of_batch, held_out_rows
from foldwise.fits.batch import FitBatch
from foldwise.fits.preprocessing import apply_steps

__all__ = ["Explanations", "forest_shap", "linear_shap"]


@dataclass(frozen=True, eq=False)
class Explanations:
    """What each feature adds to the output for each row, by fits that did not see the row.

    ``base + values.sum(axis=1)`` is the mean output of those fits, in the unit the function
    names. A SHAP value tells how a model came to its output; it is not causal.

    Parameters
    ----------
    values : float array of shape (n_rows, n_features)
        Mean over the fits that held the row out. Features are those that leave the steps:
        columns a step has added come last.
    base : float array of shape (n_rows,)
        Mean over those fits of the output expected over their training rows.
    rows : bool array of shape (n_samples,)
        Rows that some fit held out; only these have values, in their order.
    """

    values: Float[np.ndarray, "row feature"]
    base: Float[np.ndarray, " row"]
    rows: Bool[np.ndarray, " sample"]

    @property
    def mean_size(self) -> FloatArray:
        """Mean absolute value of each feature over rows, shape (n_features,)."""
        return np.asarray(np.abs(self.values).mean(axis=0))


def linear_shap(batch: FitBatch, X: Design) -> Explanations:
    r"""Return exact SHAP values of linear fits, in log-odds (or units of the target).

    With features varied independently of each other, the Shapley value of feature j is

    .. math:: \phi_j(x) = w_j (z_j - \bar z_j)

    where z is the row as the fit's own preprocessing leaves it and the mean is over the
    fit's training rows: they add up to the linear output minus its mean in training. A
    missing cell counts as what the fit filled in.

    Parameters
    ----------
    batch : FitBatch
        That kept "parameters" and "preprocessing".
    X : float array of shape (n_samples, n_features)
        Inputs the batch was trained on.

    Raises
    ------
    InvalidInputError
        If the batch kept no coefficients, or a fit has no held-out row.

    References
    ----------
    .. [1] Lundberg & Lee (2017), NeurIPS 30, corollary 1.
    .. [2] Strumbelj & Kononenko (2014), Knowl. Inf. Syst. 41, 647, section 2.

    Examples
    --------
    >>> from foldwise.fits.logistic_learner import LogisticLearner
    >>> from foldwise.fits.plan import FitPlan
    >>> X = np.random.default_rng(0).normal(size=(30, 2))
    >>> train = np.arange(30) % 3 != np.arange(3)[:, None]
    >>> batch = LogisticLearner(C=0.5).run(X, FitPlan(train, ~train, (X[:, 0] > 0).astype(float)),
    ...     keep=("scores", "parameters", "preprocessing"))
    >>> found = linear_shap(batch, X)
    >>> output = found.base + found.values.sum(axis=1)
    >>> score = np.where(train, 0.0, batch.scores).sum(axis=0)
    >>> bool(np.allclose(1 / (1 + np.exp(-output)), score))
    True
    """
    dense = dense_of_batch(batch, X)
    learner: Any = batch.learner
    coef, intercept = batch.stacked("coef"), batch.stacked("intercept")
    learned = set(batch.states[0]) - {"coef", "intercept"}
    if learner is None or (learner.steps and not learned):
        raise InvalidInputError(
            "The batch did not keep what its preprocessing learned. Run the learner with "
            'keep=("scores", "parameters", "preprocessing").'
        )

    def explain(fit: int, rows: BoolArray) -> tuple[FloatArray, float]:
        ready = apply_steps(learner.steps, batch.states[fit], dense)
        middle = ready[batch.plan.train[fit]].mean(axis=0)
        expected = float(middle @ coef[fit] + intercept[fit])
        return coef[fit] * (ready[rows] - middle), expected

    return _averaged(batch, dense, explain)


def forest_shap(batch: FitBatch, X: Design) -> Explanations:
    """Return SHAP values of forests and trees, in probability of the second class.

    By ``shap.TreeExplainer`` with the training rows' paths through the trees as background
    ("tree_path_dependent"). The package is installed with the extra ``foldwise[shap]``.

    Parameters
    ----------
    batch : FitBatch
        Of a `SklearnLearner` without Pipeline, that kept "estimators" and, where it has
        steps, "preprocessing".
    X : float array of shape (n_samples, n_features)
        Inputs the batch was trained on.

    Raises
    ------
    InvalidInputError
        If shap is not installed, the batch kept no estimators, or a fit has no held-out row.

    References
    ----------
    .. [1] Lundberg et al. (2020), Nature Machine Intelligence 2, 56.
    """
    tree_explainer = _tree_explainer()
    dense = dense_of_batch(batch, X)
    if not batch.estimators:
        raise InvalidInputError(
            'The batch kept no estimators. Run it with keep=("scores", "estimators", '
            '"preprocessing").'
        )
    steps = getattr(batch.learner, "steps", ())
    states = batch.states or ({},) * batch.plan.n_fits

    def explain(fit: int, rows: BoolArray) -> tuple[FloatArray, float]:
        explainer = tree_explainer(
            batch.estimators[fit], feature_perturbation="tree_path_dependent"
        )
        ready = apply_steps(steps, states[fit], dense[rows])
        values = np.asarray(explainer.shap_values(ready, check_additivity=False), float)
        expected = np.ravel(explainer.expected_value)[-1]
        # (row, feature, class) of a classifier, else (row, feature)
        return (values[..., -1] if values.ndim == 3 else values), float(expected)

    return _averaged(batch, dense, explain)


def _tree_explainer() -> Any:
    try:
        from shap import TreeExplainer
    except ImportError as error:
        raise InvalidInputError(
            "SHAP values of forests need the package shap, which is not installed. Run "
            "pip install 'foldwise[shap]'. Those of linear models need nothing else."
        ) from error
    return TreeExplainer


def _averaged(
    batch: FitBatch,
    X: FloatArray,
    explain: Callable[[int, BoolArray], tuple[FloatArray, float]],
) -> Explanations:
    """Return the mean, over the fits that held a row out, of its values and its base."""
    values, base = np.zeros((len(X), 0)), np.zeros(len(X))
    times = np.zeros(len(X))
    for fit, rows in held_out_rows(batch):
        own, expected = explain(fit, rows)
        if not times.any():  # steps may have added columns
            values = np.zeros((len(X), own.shape[1]))
        values[rows] += own
        base[rows] += expected
        times[rows] += 1
    seen = times > 0
    return Explanations(values[seen] / times[seen, None], base[seen] / times[seen], seen)
