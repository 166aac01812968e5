"""The learners in scikit-learn's form pass its checks and work where its estimators do."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import foldwise
from foldwise import FoldwiseSearch, LogisticClassifier, MLPClassifier, MLPRegressor
from foldwise.errors import InvalidInputError


@parametrize_with_checks(
    [
        LogisticClassifier(),
        LogisticClassifier(C=0.5, l1_ratio=0.8, standardize=False),
        LogisticClassifier(C=np.inf, class_weight="balanced"),
        MLPRegressor((32, 32), lr=1e-2),
        MLPClassifier((32, 32), lr=1e-2, n_ensemble=2),
    ]
)
def test_scikit_learn_accepts_the_estimator(estimator: BaseEstimator, check: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # checks of array-API input are skipped with a warning
        check(estimator)  # type: ignore[operator]


def drawn(n: int = 80, p: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p)) * [1, 10, 100, 0.1, 1]
    return X, X[:, 0] + X[:, 1] / 10 + rng.normal(size=n)


@pytest.mark.parametrize("C", [pytest.param(0.3, id="l2"), pytest.param(np.inf, id="none")])
def test_coefficients_in_own_units_give_the_pipelines_probabilities(C: float) -> None:
    X, y = drawn()
    ours = LogisticClassifier(C=C).fit(X, y > 0)
    exact = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12)
    theirs = make_pipeline(StandardScaler(), exact)
    np.testing.assert_allclose(
        ours.predict_proba(X), theirs.fit(X, y > 0).predict_proba(X), atol=1e-7
    )
    by_hand = 1 / (1 + np.exp(-(X @ ours.coef_[0] + ours.intercept_[0])))
    np.testing.assert_allclose(ours.predict_proba(X)[:, 1], by_hand, rtol=1e-12)


@pytest.mark.parametrize(
    "class_weight",
    [pytest.param("balanced", id="balanced"), pytest.param({"case": 3.0}, id="mapping")],
)
def test_class_weights_by_label_are_those_of_scikit_learn(class_weight: object) -> None:
    X, y = drawn()
    labels = np.where(y > 1, "case", "control")
    ours = LogisticClassifier(C=0.5, class_weight=class_weight).fit(X, labels)
    exact = LogisticRegression(
        C=0.5, class_weight=class_weight, solver="newton-cholesky", tol=1e-12
    )
    # "case" sorts before "control": the mapping weighs the first class.
    theirs = make_pipeline(StandardScaler(), exact).fit(X, labels)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-7)


def test_class_weights_of_labels_that_are_not_there_are_named() -> None:
    X, y = drawn(20)
    with pytest.raises(InvalidInputError, match="names 'sick'; y holds 'case', 'control'"):
        LogisticClassifier(class_weight={"sick": 2.0}).fit(X, np.where(y > 0, "case", "control"))
    with pytest.raises(InvalidInputError, match="fits of a plan know no labels"):
        LogisticClassifier(class_weight={1: 2.0}).learner()


def test_an_ensemble_is_the_mean_of_networks_from_its_seeds() -> None:
    X, y = drawn()
    model = MLPRegressor((16,), epochs=20, n_ensemble=3, random_state=5).fit(X, y)
    assert len(model.states_) == len(model.loss_curves_) == 3
    singles = []
    for state in model.states_:
        ready = (X - state["center"]) / state["scale"]
        hidden = np.maximum(ready @ state["layer0.weight"].T + state["layer0.bias"], 0)
        singles.append(hidden @ state["layer1.weight"].T + state["layer1.bias"])
    np.testing.assert_allclose(model.predict(X), np.mean(singles, axis=0)[:, 0], rtol=1e-10)
    assert not np.allclose(singles[0], singles[1])
    again = clone(model).fit(X, y)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_they_work_inside_pipelines_searches_and_cross_validation() -> None:
    X, y = drawn()
    frame = pd.DataFrame(X, columns=list("abcde"))
    search = GridSearchCV(
        make_pipeline(StandardScaler(), MLPRegressor((8,), epochs=10, random_state=0)),
        {"mlpregressor__lr": [1e-2, 1e-5]},
        cv=3,
    ).fit(frame, y)
    assert search.best_params_ == {"mlpregressor__lr": 1e-2}
    scores = cross_val_score(
        LogisticClassifier(C=0.2, l1_ratio=1.0), frame, y > 0, cv=3, scoring="roc_auc"
    )
    assert scores.mean() > 0.7
    fitted = MLPClassifier((8,), epochs=10, random_state=0).fit(frame, y > 0)
    assert fitted.feature_names_in_.tolist() == list("abcde")


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(LogisticClassifier(l1_ratio=1.0), id="logistic"),
        pytest.param(MLPClassifier((8,), epochs=10, random_state=0), id="network-of-classes"),
        pytest.param(MLPRegressor((8,), epochs=10, random_state=0), id="network-of-numbers"),
        pytest.param(
            FoldwiseSearch(LogisticClassifier(l1_ratio=1.0), {"C": [0.1, 1.0]}, cv=3, n_jobs=1),
            id="search",
        ),
    ],
)
def test_pandas_and_polars_tables_give_the_predictions_of_arrays(model: BaseEstimator) -> None:
    X, y = drawn()
    target = y if isinstance(model, MLPRegressor) else y > 0
    expected = clone(model).fit(X, target).predict(X)
    frames = (
        (pd.DataFrame(X, columns=list("abcde")), pd.Series(target)),
        (pl.DataFrame(X, schema=list("abcde")), pl.Series(target)),
    )
    for frame, labels in frames:
        fitted = clone(model).fit(frame, labels)
        np.testing.assert_array_equal(fitted.predict(frame), expected)
        inner = getattr(fitted, "best_estimator_", fitted)
        assert inner.feature_names_in_.tolist() == list("abcde")
        with pytest.raises(ValueError, match="feature names"):
            inner.predict(frame[list("edcba")])


def test_a_search_can_be_cross_validated_by_scikit_learn() -> None:
    X, y = drawn()
    search = FoldwiseSearch(LogisticClassifier(l1_ratio=1.0), {"C": [0.001, 0.3]}, cv=3, n_jobs=1)
    scores = cross_val_score(search, X, y > 0, cv=3)
    assert scores.shape == (3,)
    assert scores.mean() > 0.7


def test_labels_keep_their_names() -> None:
    X, y = drawn()
    labels = np.where(y > 0, "case", "control")
    for model in (LogisticClassifier(), MLPClassifier((8,), epochs=100, lr=1e-2, random_state=0)):
        found = model.fit(X, labels).predict(X)
        assert set(found) == {"case", "control"}
        assert (found == labels).mean() > 0.7


@pytest.mark.parametrize("name", ["LogisticClassifier", "MLPClassifier", "MLPRegressor"])
def test_unknown_options_are_refused_in_words(name: str) -> None:
    X, y = drawn(20)
    wrong = {"LogisticClassifier": {"C": -1.0}}.get(name, {"activation": "gelu"})
    with pytest.raises(InvalidInputError):
        getattr(foldwise, name)(**wrong).fit(X, y > 0)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        pytest.param([1, 1, 1], "all 3 rows of y are of one class, 1", id="one-class"),
        pytest.param(["a", "b", "c"], "y holds 3 classes, 'a', 'b', 'c'", id="three-classes"),
    ],
)
def test_labels_that_are_no_two_classes_are_named(labels: list[object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        LogisticClassifier().fit(np.eye(3), labels)
