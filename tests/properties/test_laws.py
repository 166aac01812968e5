"""Laws that hold for every learner and every step, whatever the table."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from foldwise.evaluation.baselines import BestSingleFeature
from foldwise.evaluation.cross_validation import ask_cross_validation
from foldwise.evaluation.metrics import roc_auc
from foldwise.evaluation.questions import run_question
from foldwise.evaluation.splits import kfold_assignments, random_test_masks
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.mlp import MlpLearner
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import MedianFill, Standardize
from foldwise.fits.sklearn_learner import SklearnLearner

KEEP = ("scores", "parameters", "preprocessing", "curves")
FILLED, SCALED = (MedianFill(),), (MedianFill(), Standardize())

AnyLearner = SklearnLearner | LogisticLearner | MlpLearner

LEARNERS = [
    pytest.param(SklearnLearner(LogisticRegression(), SCALED, n_jobs=1), id="lbfgs"),
    pytest.param(SklearnLearner(RandomForestClassifier(5), FILLED, n_jobs=1), id="forest"),
    pytest.param(SklearnLearner(BestSingleFeature(), FILLED, n_jobs=1), id="best-column"),
    pytest.param(SklearnLearner(ExtraTreesRegressor(5), FILLED, n_jobs=1), id="trees"),
    pytest.param(
        SklearnLearner(make_pipeline(StandardScaler(), Ridge()), FILLED, n_jobs=1), id="pipeline"
    ),
    pytest.param(LogisticLearner(l1_ratio=1.0, n_jobs=1), id="l1-batch"),
    pytest.param(LogisticLearner(class_weight="balanced", n_jobs=1), id="l2-batch"),
    pytest.param(LogisticLearner(C=np.inf, n_jobs=1), id="no-penalty-batch"),
    pytest.param(
        MlpLearner(hidden=(8,), epochs=3, batch_size=16, steps=SCALED, device="cpu"), id="network"
    ),
]


def draw(seed: int) -> tuple[np.ndarray, FitPlan]:
    """Return a table with gaps and a plan of three fits with train, monitor and other rows."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(48, 5))
    X[rng.random(X.shape) < 0.05] = np.nan
    y = (np.nan_to_num(X[:, 0]) + rng.normal(size=48) > 0).astype(float)
    part = np.stack([rng.permutation(np.arange(48) % 4) for _ in range(3)])  # (fit, sample)
    return X, FitPlan(part < 2, part == 3, y, monitor=part == 2, seed=np.arange(3))


@pytest.mark.parametrize("learner", LEARNERS)
@settings(max_examples=5)
@given(seed=st.integers(0, 10_000))
def test_cells_outside_training_and_monitored_rows_change_no_bit(
    learner: AnyLearner, seed: int
) -> None:
    """The proof that nothing leaks: what is not learned from may be anything."""
    X, plan = draw(seed)
    clean = learner.run(X, plan, keep=KEEP)
    for fit in range(plan.n_fits):
        outside = ~(plan.train[fit] | plan.monitor_of(fit))
        spoiled = X.copy()
        spoiled[outside] = 1e6
        own = plan[np.array([fit])]
        other = learner.run(spoiled, own, keep=KEEP)
        state = clean.states[fit] if clean.states else {}
        for name in state:
            np.testing.assert_array_equal(other.states[0][name], state[name])
        # Estimators without coefficients are compared by what they say of their training rows.
        asked = FitPlan(own.train, own.train, own.target, monitor=own.monitor, seed=own.seed)
        np.testing.assert_array_equal(
            learner.run(spoiled, asked).scores, learner.run(X, asked).scores
        )


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_batch_equals_its_fits_one_at_a_time(learner: AnyLearner) -> None:
    X, plan = draw(1)
    whole = learner.run(X, plan, keep=KEEP)
    for fit in range(plan.n_fits):
        alone = learner.run(X, plan[np.array([fit])], keep=KEEP)
        np.testing.assert_array_equal(alone.scores[0], whole.scores[fit])


def test_labels_without_meaning_give_an_auc_of_one_half_through_the_whole_pipeline() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 30))
    learner = LogisticLearner(l1_ratio=1.0, n_jobs=1)
    aucs = []
    for draw_number in range(20):
        y = rng.permutation(np.arange(80) % 2).astype(float)
        folds = kfold_assignments(80, seed=draw_number, classes=y)
        question = ask_cross_validation(y, folds, roc_auc)
        aucs.append(run_question(question, learner, X).values.mean())
    # The mean of 20 draws, each with a spread of about 0.08: 0.055 is three standard errors.
    assert np.mean(aucs) == pytest.approx(0.5, abs=0.055)


@given(
    n=st.integers(10, 60),
    n_groups=st.integers(5, 9),
    share=st.floats(0.1, 0.5),
    seed=st.integers(0, 1000),
)
def test_groups_stay_whole_and_every_row_has_one_side(
    n: int, n_groups: int, share: float, seed: int
) -> None:
    groups = np.random.default_rng(seed).permutation(np.arange(n) % n_groups)
    test = random_test_masks(n, test_size=share, seed=seed, groups=groups)[0]
    assert not set(groups[test]) & set(groups[~test])
    assert 0 < test.sum() < n
    folds = kfold_assignments(n, n_splits=3, n_repeats=2, seed=seed, groups=groups)
    for repeat in folds:
        assert {len(set(repeat[groups == group])) for group in set(groups)} == {1}
        assert set(repeat) == {0, 1, 2}


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(8, 60),
    p=st.integers(1, 150),
    log_C=st.floats(-3, 4),
    l1_ratio=st.sampled_from([1.0, 0.9, 0.3, 0.0]),
    noise=st.sampled_from([0.0, 0.3, 3.0]),
    decades=st.sampled_from([0.0, 4.0]),
    seed=st.integers(0, 10_000),
)
def test_a_penalised_logistic_fit_meets_the_conditions_of_its_optimum(
    n: int, p: int, log_C: float, l1_ratio: float, noise: float, decades: float, seed: int
) -> None:
    """Weak penalties on separable rows, twin and constant columns, weights, and any units."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + rng.normal(size=(n, 1))
    X *= 10.0 ** rng.uniform(-decades, decades, p)
    X[:, p // 2] = X[:, 0]
    X[:, p // 3] = 2.0 if p > 5 else X[:, p // 3]
    y = (X[:, 0] + noise * rng.normal(size=n) > np.median(X[:, 0])).astype(float)
    y[:2] = 0.0, 1.0
    weight = rng.uniform(0.2, 3.0, (1, n))
    every, C = np.ones((1, n), bool), 10.0**log_C
    learner = LogisticLearner(C=C, l1_ratio=l1_ratio, steps=(), n_jobs=1)
    batch = learner.run(X, FitPlan(every, every, y, weight=weight), keep=("scores", "parameters"))
    assert batch.notes == ()
    coef = batch.states[0]["coef"]
    residual = weight[0] * (batch.scores[0] - y)
    slope = X.T @ residual + (1 - l1_ratio) / C * coef
    tol = 1e-6 * max(1.0, weight.mean()) + 1e-12 * np.abs(X).sum()  # and the rounding of sums
    assert abs(residual.sum()) <= tol
    assert np.abs(slope[coef == 0]).max(initial=0.0) <= l1_ratio / C + tol
    np.testing.assert_allclose(
        slope[coef != 0], -l1_ratio / C * np.sign(coef[coef != 0]), rtol=0, atol=tol
    )
