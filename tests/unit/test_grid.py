"""A grid times folds is one plan, and gives what a loop over scikit-learn pipelines gives."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from foldwise import FoldwiseSearch, LogisticClassifier, MlpLearner, MLPRegressor
from foldwise.errors import InvalidInputError
from foldwise.evaluation.seeds import child_seed
from foldwise.evaluation.splits import kfold_assignments


def drawn(n: int = 90) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(5.0, 3.0, size=(n, 6))
    return X, X[:, 0] - X[:, 1] + rng.normal(size=n)


def test_a_logistic_grid_equals_a_loop_over_pipelines() -> None:
    X, y = drawn()
    labels = np.where(y > 0, "case", "control")  # sorted: 'control' is the second class
    grid = {"C": [0.01, 0.1, 1.0], "l1_ratio": [0.0, 1.0]}
    search = FoldwiseSearch(LogisticClassifier(), grid, cv=4, n_jobs=1, random_state=3)
    results = search.fit(X, labels).cv_results_
    second = (labels == "control").astype(float)
    folds = kfold_assignments(90, n_splits=4, seed=3, classes=second)[0]
    for place, params in enumerate(results["params"]):
        for fold in range(4):
            held = folds == fold
            saga = LogisticRegression(
                solver="saga", tol=1e-8, max_iter=100_000, random_state=0, **params
            )
            pipeline = make_pipeline(StandardScaler(), saga).fit(X[~held], second[~held])
            expected = roc_auc_score(second[held], pipeline.predict_proba(X[held])[:, 1])
            # A tie broken by rounding moves an AUC of 11 x 11 pairs by half a pair.
            found = results[f"split{fold}_test_score"][place]
            assert found == pytest.approx(expected, abs=0.006)
    best = int(np.argmax(results["mean_test_score"]))
    assert search.best_params_ == results["params"][best]
    assert results["rank_test_score"][best] == 1
    assert search.score(X, labels) > 0.8
    assert set(search.predict(X)) == {"case", "control"}


def test_a_network_grid_is_one_plan_with_shared_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = drawn()
    plans = []
    run = MlpLearner.run

    def counted(self: MlpLearner, X: np.ndarray, plan: object, **options: object) -> object:
        plans.append(plan)
        return run(self, X, plan, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(MlpLearner, "run", counted)
    grid = {"hidden": [(16,), (8, 4)], "lr": [1e-2, 1e-4]}
    search = FoldwiseSearch(MLPRegressor(epochs=60), grid, cv=3, n_jobs=1).fit(X, y)
    assert [plan.n_fits for plan in plans] == [12, 1]  # the grid, and the refit
    assert len(set(plans[0].seed.tolist())) == 3
    assert set(plans[0].seed.tolist()) == {child_seed(0, "fit", 0, fold) for fold in range(3)}
    assert search.best_params_["lr"] == 1e-2
    by_hand = r2_score(y, search.best_estimator_.predict(X))
    assert search.score(X, y) == pytest.approx(by_hand, abs=1e-12)


def test_the_mean_absolute_error_is_minimised_when_asked() -> None:
    X, y = drawn()
    search = FoldwiseSearch(
        MLPRegressor((8,), epochs=30),
        {"lr": [1e-2, 1e-5]},
        scoring="neg_mean_absolute_error",
        cv=3,
        n_jobs=1,
    ).fit(X, y)
    assert search.best_params_ == {"lr": 1e-2}
    assert search.best_score_ < 0


@pytest.mark.parametrize(
    ("estimator", "options", "message"),
    [
        pytest.param(Ridge(), {}, "not a Ridge. Use scikit-learn's GridSearchCV", id="foreign"),
        pytest.param(
            MLPRegressor(), {"param_grid": {"device": ["cpu"]}}, "varies 'device'", id="fixed"
        ),
        pytest.param(MLPRegressor(), {"scoring": "f1"}, "Unknown scoring 'f1'", id="scoring"),
        pytest.param(LogisticClassifier(), {"cv": 60}, "60 folds need at least 60", id="folds"),
    ],
)
def test_what_cannot_be_searched_is_refused(
    estimator: object, options: dict[str, object], message: str
) -> None:
    X, y = drawn()
    arguments = {"param_grid": {}, **options}
    with pytest.raises(InvalidInputError, match=message):
        FoldwiseSearch(estimator, **arguments).fit(X, y > 0)  # type: ignore[arg-type]
