"""Baselines are what plain scikit-learn gives on the same rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from foldwise.evaluation.baselines import (
    BestSingleFeature,
    classification_baselines,
    column_aucs,
    regression_baselines,
)
from foldwise.fits.plan import FitPlan


@parametrize_with_checks([BestSingleFeature()])
def test_the_best_single_feature_keeps_the_habits_of_scikit_learn(
    estimator: BestSingleFeature, check: Callable[[Any], None]
) -> None:
    check(estimator)


def test_the_auc_of_each_column_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(50) < 0.3).astype(float)
    X = rng.integers(0, 5, size=(50, 8)).astype(float) + y[:, None] * np.linspace(-2, 2, 8).round()
    expected = [roc_auc_score(y, column) for column in X.T]
    assert column_aucs(X, y) == pytest.approx(expected, abs=1e-12)  # sums in another order


# One column without order, one that falls from controls to cases, one that rises with one
# exception, one that is constant; two controls, then three cases.
X_HAND = np.array(
    [
        [1.0, 9.0, 0.0, 4.0],
        [5.0, 8.0, 2.5, 4.0],
        [1.0, 3.0, 2.0, 4.0],
        [5.0, 2.0, 3.0, 4.0],
        [3.0, 1.0, 4.0, 4.0],
    ]
)
Y_HAND = np.array([0.0, 0.0, 1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("turned", "sign"),
    [pytest.param(1.0, -1.0, id="falling"), pytest.param(-1.0, 1.0, id="rising")],
)
def test_the_column_farthest_from_one_half_is_chosen_with_its_sign(
    turned: float, sign: float
) -> None:
    chosen = BestSingleFeature().fit(turned * X_HAND, Y_HAND)
    assert (chosen.feature_, chosen.sign_) == (1, sign)


def test_cases_score_above_controls_by_the_distance_of_the_chosen_column() -> None:
    score = BestSingleFeature().fit(X_HAND, Y_HAND).decision_function(X_HAND)
    assert np.diff(score).tolist() == [1.0, 5.0, 1.0, 1.0]


def test_a_column_that_separates_the_classes_predicts_them() -> None:
    assert BestSingleFeature().fit(X_HAND, Y_HAND).predict(X_HAND).tolist() == Y_HAND.tolist()


def test_the_single_metabolite_is_chosen_on_training_rows_alone() -> None:
    y = np.tile([0.0, 1.0], 20)
    train = np.arange(40) < 20
    # The first column is right in training and wrong elsewhere; the second says nothing in
    # training, is right elsewhere, and is the better one over all rows.
    X = np.column_stack([np.where(train, y, 1 - y), np.where(train, 0.0, y)])
    learner = classification_baselines(n_jobs=1)["best-single-metabolite"]
    score = learner.run(X, FitPlan(train[None], ~train[None], y)).at(0, ~train)
    assert roc_auc_score(y[~train], score) == 0.0


def test_the_majority_scores_every_row_with_the_share_of_cases_in_training() -> None:
    y = np.array([1.0, 0.0, 0.0, 0.0, 1.0, 1.0])
    train = np.array([[True, True, True, True, False, False]])
    learner = classification_baselines(n_jobs=1)["majority"]
    batch = learner.run(np.zeros((6, 1)), FitPlan(train, ~train, y))
    assert batch.at(0, ~train[0]).tolist() == [0.25, 0.25]


@pytest.mark.parametrize(
    ("name", "rivals"),
    [
        pytest.param("mean", [DummyRegressor()], id="mean"),
        pytest.param(
            "nearest-neighbour",
            [StandardScaler(), KNeighborsRegressor(n_neighbors=1)],
            id="nearest-neighbour",
        ),
        pytest.param("ridge", [StandardScaler(), Ridge(alpha=1.0)], id="ridge"),
        pytest.param(
            "extra-trees",
            [StandardScaler(), ExtraTreesRegressor(n_estimators=200, random_state=7)],
            id="extra-trees",
        ),
    ],
)
def test_regression_baselines_are_plain_pipelines_on_the_training_rows(
    name: str, rivals: list[Any]
) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(2.0, [1.0, 10.0, 0.1], size=(60, 3))
    X[rng.random((60, 3)) < 0.1] = np.nan
    y = rng.normal(size=60)
    train = rng.random(60) < 0.7
    plan = FitPlan(train[None], ~train[None], y, seed=np.array([7]))
    plain = make_pipeline(SimpleImputer(strategy="median"), *rivals).fit(X[train], y[train])
    batch = regression_baselines(n_jobs=1)[name].run(X, plan)
    # Means and deviations are summed in another order than StandardScaler's.
    assert batch.at(0, ~train) == pytest.approx(plain.predict(X[~train]), rel=1e-9)


def test_every_regression_baseline_is_named() -> None:
    expected = {"mean", "nearest-neighbour", "ridge", "extra-trees"}
    assert set(regression_baselines()) == expected
