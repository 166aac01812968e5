"""Logistic regression that has converged: exact zeros, free intercept."""

import warnings
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from foldwise.arrays import FloatArray
from foldwise.fits.binary_classifier import LogOddsClassifier

__all__ = ["PenalizedLogistic", "solve_split"]


class PenalizedLogistic(LogOddsClassifier):
    r"""Logistic regression with no, L2, L1 or elastic-net penalty, for two classes.

    Minimises, as scikit-learn writes it,

    .. math:: C \sum_i \log(1 + e^{-s_i (x_i w + b)})
              + \rho \lVert w \rVert_1 + \tfrac{1 - \rho}{2} \lVert w \rVert_2^2

    with :math:`s_i = \pm 1` and an intercept ``b`` that is never penalised.
    One fit at a time; `LogisticLearner` takes many.
    Without an L1 part this is scikit-learn's own lbfgs; without penalty on separable rows
    it ends where scikit-learn's default tolerance stops it. With an L1 part scikit-learn
    offers saga, which needs more than 10,000 passes on 100 rows x 750
    correlated columns, and liblinear, which penalises the intercept; here L-BFGS-B
    runs on the positive and negative parts of ``w`` (Andrew & Gao 2007 use the same
    split), whose bounds give exact zeros.

    Parameters
    ----------
    C : float, default=1.0
        Inverse penalty; ``inf`` means no penalty.
    l1_ratio : float, default=0.0
        Share rho of the L1 part: 0 is ridge, 1 is the lasso.
    tol : float, default=1e-5
        Largest projected gradient at a solution with an L1 part, in units of the loss
        (times C) or of the penalty, whichever is smaller.
    max_iter : int, default=10_000
        Iterations allowed; fewer than needed is reported by a warning.

    Attributes
    ----------
    coef_ : float array of shape (1, n_features)
        In log-odds of ``classes_[1]`` per unit of the feature.
    intercept_ : float array of shape (1,)
        Log-odds at X = 0.

    Examples
    --------
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]])
    >>> model = PenalizedLogistic(C=1.0, l1_ratio=1.0).fit(X, [0, 0, 1, 1])
    >>> bool(model.coef_[0, 1] == 0.0)
    True
    """

    def __init__(
        self, C: float = 1.0, l1_ratio: float = 0.0, tol: float = 1e-5, max_iter: int = 10_000
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: Any, y: Any) -> "PenalizedLogistic":
        """Fit on X (n_samples, n_features) and two-class labels y (n_samples,)."""
        X, second = self._require_two_classes(X, y)
        if self.l1_ratio == 0 or np.isinf(self.C):
            # The default of 1e-4 leaves errors of 1e-3 in coefficients. Separable rows without
            # penalty have no optimum to come closer to.
            tol = 1e-4 if np.isinf(self.C) else 1e-9
            inner = LogisticRegression(C=self.C, tol=tol, max_iter=self.max_iter).fit(X, second)
            self.coef_, self.intercept_ = inner.coef_, inner.intercept_
            self.n_iter_ = int(inner.n_iter_[0])
            return self
        weights, intercept, self.n_iter_, converged = solve_split(
            X,
            second.astype(float),
            np.ones(len(X)),
            C=self.C,
            l1_ratio=self.l1_ratio,
            tol=self.tol,
            max_iter=self.max_iter,
        )
        if not converged:
            _warn_not_converged(self.n_iter_)
        self.coef_, self.intercept_ = weights[None], np.array([intercept])
        return self

    def _linear(self, X: FloatArray) -> FloatArray:
        """Return the log-odds of the second class."""
        return np.asarray(X @ self.coef_[0] + self.intercept_[0])


def solve_split(
    X: FloatArray,
    y: FloatArray,
    weight: FloatArray,
    *,
    C: float,
    l1_ratio: float,
    tol: float,
    max_iter: int = 10_000,
    start: tuple[FloatArray, float] | None = None,
) -> tuple[FloatArray, float, int, bool]:
    """Return coefficients, intercept, iterations and whether L-BFGS-B converged.

    Parameters
    ----------
    X : float array of shape (n_samples, n_features)
    y : float array of shape (n_samples,)
        Classes 0 and 1.
    weight : float array of shape (n_samples,)
        Of each row's loss.
    C, l1_ratio, tol, max_iter
        As in `PenalizedLogistic`; C is finite.
    start : (float array of shape (n_features,), float), optional
        Coefficients and intercept to start from; 0 where absent.
    """
    n_features = X.shape[1]
    sign, ridge = 2 * y - 1, 1.0 - l1_ratio
    w0, b0 = (np.zeros(n_features), 0.0) if start is None else start

    def objective(parts: FloatArray) -> tuple[float, FloatArray]:
        w = parts[:n_features] - parts[n_features:-1]  # w = u - v with u, v >= 0
        margin = sign * (X @ w + parts[-1])
        residual = -C * weight * sign * expit(-margin)  # d loss / d linear predictor
        gradient = X.T @ residual + ridge * w
        value = C * (weight * np.logaddexp(0.0, -margin)).sum() + 0.5 * ridge * (w @ w)
        value += l1_ratio * parts[:-1].sum()
        return float(value), np.concatenate(
            [gradient + l1_ratio, l1_ratio - gradient, [residual.sum()]]
        )

    found = minimize(
        objective,
        np.concatenate([np.maximum(w0, 0.0), np.maximum(-w0, 0.0), [b0]]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None)] * (2 * n_features) + [(None, None)],
        options={
            "maxiter": max_iter,
            "maxfun": 2 * max_iter,
            "ftol": 1e-14,
            "gtol": tol * min(1.0, C),
            "maxcor": 20,
        },
    )
    u, v = found.x[:n_features], found.x[n_features:-1]
    return u - v, float(found.x[-1]), int(found.nit), found.status != 1


def _warn_not_converged(n_iter: int) -> None:
    warnings.warn(
        f"L-BFGS-B stopped after {n_iter} iterations before it converged.",
        ConvergenceWarning,
        stacklevel=3,
    )
