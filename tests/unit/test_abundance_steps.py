"""Steps for abundances equal their formulas and other libraries, and learn from training rows."""

from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from foldwise.errors import EmptyColumnError, InvalidInputError
from foldwise.fits.abundance_steps import (
    HalfMinimumFill,
    KnnFill,
    Log2,
    Log2WithOffset,
    MissingIndicator,
    ZerosAbsent,
    ZerosBelowDetection,
)
from foldwise.fits.column_filters import (
    MissingFilter,
    QcFilter,
    kept_features,
    qc_relative_deviation,
)
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import (
    CenterOnly,
    MedianFill,
    ParetoScale,
    Standardize,
    Step,
    apply_steps,
    describe_steps,
    feature_names,
    learn_steps,
)
from foldwise.fits.sample_normalization import (
    MedianNormalize,
    ProbabilisticQuotient,
    SumNormalize,
)
from foldwise.fits.saved_steps import steps_as_data, steps_from_data
from foldwise.fits.sklearn_learner import SklearnLearner

KEEP = ("scores", "parameters", "preprocessing")
SCALED = (MedianFill(), Standardize())
EMPTIED = (MedianFill(empty="constant"), Standardize())

CHAINS: dict[str, tuple[Step, ...]] = {
    "log": (Log2(), *SCALED),
    "below-detection": (ZerosBelowDetection(), Log2(), *SCALED),
    "half-minimum": (ZerosAbsent(), Log2(), HalfMinimumFill(halving=1.0), Standardize()),
    "half-minimum-of-abundances": (ZerosAbsent(), HalfMinimumFill(), Log2(), Standardize()),
    "offset": (Log2WithOffset(), *SCALED),
    "knn": (ZerosAbsent(), Log2(), KnnFill(n_neighbors=3), Standardize()),
    "sum-and-pareto": (SumNormalize(), MedianFill(), ParetoScale()),
    "median-and-centre": (MedianNormalize(), MedianFill(), CenterOnly()),
    "pqn": (ZerosAbsent(), ProbabilisticQuotient(), Log2(), *SCALED),
    "indicator": (ZerosAbsent(), Log2(), MissingIndicator((0, 4)), *SCALED),
    "missing-filter": (MissingFilter(0.2, zeros=True), ZerosBelowDetection(), Log2(), *EMPTIED),
    "qc-filter": (
        QcFilter((True, False, True, True, True, False), 0.3),
        ZerosBelowDetection(),
        ProbabilisticQuotient(),
        Log2(),
        MissingIndicator((4,)),
        KnnFill(3, empty="constant"),
        ParetoScale(),
    ),
}


def abundances(n: int = 40, *, seed: int = 0, zeros: bool = True) -> np.ndarray:
    """Return abundances with gaps in columns 0 and 4, and zeros in column 5."""
    rng = np.random.default_rng(seed)
    X = rng.lognormal(2.0, 1.0, (n, 6)) * rng.lognormal(0.0, 0.5, (n, 1))
    X[:, 0][rng.random(n) < 0.1] = np.nan
    X[:, 4][rng.random(n) < 0.4] = np.nan
    if zeros:
        X[:, 5][rng.random(n) < 0.3] = 0.0
    return X


def chain_table(name: str, seed: int = 0) -> np.ndarray:
    return abundances(seed=seed, zeros=name != "log")


def splits(n: int = 40, n_fits: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    train = np.stack([rng.permutation(n) < 0.7 * n for _ in range(n_fits)])  # (fit, sample)
    return train, rng.permutation(np.arange(n) % 2).astype(float)


def penalties_plan(seed: int = 0) -> FitPlan:
    """Return a plan of an L1, an L2 and an unpenalised fit on each of four splits."""
    train, y = splits(seed=seed)
    settings = [{"C": 1.0, "l1_ratio": 1.0}, {"C": 0.5, "l1_ratio": 0.0}, {"C": np.inf}]
    setting = np.tile(np.arange(3), len(train))
    train = np.repeat(train, 3, axis=0)
    return FitPlan(train, ~train, y, settings=settings, setting=setting)


# Single steps


def test_zeros_below_detection_become_half_the_smallest_positive_training_value() -> None:
    train = np.array([[0.0, 3.0, 0.0], [8.0, np.nan, 0.0], [2.0, 5.0, np.nan]])
    step = ZerosBelowDetection()
    state = step.learn(train)
    new = np.array([[0.0, 0.0, 0.0], [0.5, 7.0, 9.0]])
    # A column never seen above zero is constant in training, and 1 stands for its zeros.
    np.testing.assert_array_equal(step.apply(state, new), [[1.0, 1.5, 1.0], [0.5, 7.0, 9.0]])


def test_half_minimum_is_the_same_number_before_and_after_the_logarithm() -> None:
    X = abundances(zeros=False)
    before = learn_steps((HalfMinimumFill(),), X)["fill"]
    after = learn_steps((Log2(), HalfMinimumFill(halving=1.0)), X)["fill"]
    np.testing.assert_allclose(np.log2(before), after, rtol=1e-12)
    np.testing.assert_array_equal(before, np.nanmin(X, axis=0) / 2)
    in_natural = HalfMinimumFill(halving=np.log(2)).learn(np.log(X))["fill"]
    np.testing.assert_allclose(in_natural, np.log(before), rtol=1e-12)


@pytest.mark.parametrize(
    "fill", [MedianFill(), HalfMinimumFill(), KnnFill()], ids=["median", "half-minimum", "knn"]
)
def test_a_column_without_a_training_value_is_refused_and_named(fill: Step) -> None:
    X = np.array([[1.0, np.nan], [2.0, np.nan]])
    with pytest.raises(EmptyColumnError, match="by position: 1") as caught:
        fill.learn(X)
    assert caught.value.columns == (1,)


@pytest.mark.parametrize("n_neighbors", [1, 3, 50])
def test_nearest_rows_fill_as_scikit_learns_imputer_on_standardised_columns(
    n_neighbors: int,
) -> None:
    X = abundances(60, seed=1, zeros=False)
    X[np.random.default_rng(7).random(X.shape) < 0.2] = np.nan
    X[-1] = np.nan  # comparable with no training row
    train = X[:40]
    scaler = StandardScaler().fit(train)
    imputer = KNNImputer(n_neighbors=n_neighbors).fit(scaler.transform(train))
    expected = scaler.inverse_transform(imputer.transform(scaler.transform(X)))
    step = KnnFill(n_neighbors)
    np.testing.assert_allclose(step.apply(step.learn(train), X), expected, rtol=1e-9)


def test_a_nearest_row_is_found_by_hand() -> None:
    train = np.array([[0.0, 0.0, 5.0], [10.0, 0.0, 7.0], [0.0, 10.0, np.nan], [10.0, 10.0, 9.0]])
    step = KnnFill(1)
    new = np.array([[9.0, 1.0, np.nan], [0.0, 9.0, np.nan]])
    # Nearest to the second row is the third, which lacks the feature; then the first and
    # the fourth are 9 and about 10 away in the same units.
    np.testing.assert_array_equal(step.apply(step.learn(train), new)[:, 2], [7.0, 5.0])


def test_sums_and_medians_of_positive_cells_normalise_rows() -> None:
    X = np.array([[1.0, 2.0, 0.0, 5.0], [10.0, np.nan, 30.0, 0.0], [0.0, np.nan, 0.0, 0.0]])
    np.testing.assert_allclose(
        SumNormalize().apply({}, X),
        [[12.5, 25.0, 0.0, 62.5], [25.0, np.nan, 75.0, 0.0], [0.0, np.nan, 0.0, 0.0]],
    )
    np.testing.assert_allclose(
        MedianNormalize().apply({}, X),
        [[0.5, 1.0, 0.0, 2.5], [0.5, np.nan, 1.5, 0.0], [0.0, np.nan, 0.0, 0.0]],
    )


def test_quotient_normalisation_equals_the_recipe_row_by_row() -> None:
    """Dieterle et al. (2006): total area 100, median spectrum, median of quotients."""
    X = abundances(30, seed=2)
    train, step = X[:20], ProbabilisticQuotient()
    areas = [[100 * cell / np.nansum(row) for cell in row] for row in X]
    reference = [np.median([row[j] for row in areas[:20] if row[j] > 0]) for j in range(X.shape[1])]
    expected = []
    for row in areas:
        quotients = [cell / ref for cell, ref in zip(row, reference, strict=True) if cell > 0]
        expected.append([cell / np.median(quotients) for cell in row])
    np.testing.assert_allclose(step.apply(step.learn(train), X), expected, rtol=1e-12)


def test_quotient_normalisation_undoes_dilution_even_of_a_row_with_one_large_change() -> None:
    X = abundances(21, seed=3, zeros=False)[:, 1:4]
    step = ProbabilisticQuotient()
    state = step.learn(X)
    diluted = X * np.random.default_rng(0).uniform(0.1, 10, (21, 1))
    np.testing.assert_allclose(step.apply(state, diluted), step.apply(state, X), rtol=1e-12)


def test_offset_logarithm_by_hand() -> None:
    step = Log2WithOffset()
    state = step.learn(np.array([[0.0, 0.0], [4.0, 0.0], [6.0, 0.0]]))
    new = np.array([[0.0, 0.0], [6.0, 7.0]])
    np.testing.assert_allclose(step.apply(state, new), [[1.0, 0.0], [3.0, 3.0]])


@pytest.mark.parametrize("step", [Log2(), Log2WithOffset()], ids=["log2", "offset"])
def test_a_logarithm_of_a_negative_value_is_refused(step: Step) -> None:
    X = np.array([[1.0, 2.0], [3.0, -4.0]])
    with pytest.raises(InvalidInputError, match=r"1 of 4 cells are .* by position: 1"):
        step.apply(step.learn(np.abs(X)), X)


def test_scalings_by_hand() -> None:
    X = np.array([[1.0, 7.0], [3.0, 7.0], [8.0, 7.0]])
    sd = np.sqrt((9 + 1 + 16) / 3)
    for step, scale in ((Standardize(), sd), (ParetoScale(), np.sqrt(sd)), (CenterOnly(), 1.0)):
        ready = step.apply(step.learn(X), X)
        np.testing.assert_allclose(ready[:, 0], np.array([-3.0, -1.0, 4.0]) / scale, rtol=1e-12)
        np.testing.assert_array_equal(ready[:, 1], 0.0)


def test_the_missing_filter_counts_in_training_rows_and_zeros_only_when_told() -> None:
    X = np.array([[1.0, np.nan, 0.0], [2.0, np.nan, 0.0], [3.0, 4.0, 5.0], [4.0, 4.0, 5.0]])
    assert MissingFilter(0.5).learn(X)["keep_missing"].tolist() == [1, 1, 1]
    assert MissingFilter(0.49).learn(X)["keep_missing"].tolist() == [1, 0, 1]
    assert MissingFilter(0.49, zeros=True).learn(X)["keep_missing"].tolist() == [1, 0, 0]
    assert MissingFilter(0.49).learn(X[2:])["keep_missing"].tolist() == [1, 1, 1]


def test_relative_deviation_of_a_pool_is_the_textbooks() -> None:
    pool = np.array([[9.0, 0.0, 1.0], [11.0, 5.0, np.nan], [10.0, 7.0, np.nan]])
    found = qc_relative_deviation(pool)
    np.testing.assert_allclose(found[:2], [0.1, np.sqrt(2) / 6])  # sd of n - 1; zero left out
    assert np.isnan(found[2])
    with_zeros = qc_relative_deviation(pool, zeros=True)
    np.testing.assert_allclose(with_zeros[1], np.std([0, 5, 7], ddof=1) / 4)


@pytest.mark.parametrize("log", [np.log2, np.log10, np.log], ids=["log2", "log10", "ln"])
def test_relative_deviation_of_logarithms_is_that_of_a_log_normal(log: np.ufunc) -> None:
    pool = np.random.default_rng(0).lognormal(3.0, 0.3, (4000, 1))
    known = qc_relative_deviation(log(pool), log_of_two=float(log(2.0)))
    # 4000 draws: the standard error of a deviation of 0.31 is about 0.004.
    np.testing.assert_allclose(known, qc_relative_deviation(pool), atol=0.015)
    np.testing.assert_allclose(known, np.sqrt(np.expm1(np.log(pool).var(ddof=1))), rtol=1e-9)


def test_a_feature_of_unknown_precision_is_dropped_and_a_pool_of_other_width_refused() -> None:
    step = QcFilter.of(np.array([[10.0, np.nan], [10.1, 5.0]]), 0.3)
    assert step.kept == (True, False)
    with pytest.raises(InvalidInputError, match="pool has 2 features and X has 3"):
        step.learn(np.ones((4, 3)))


def test_indicators_follow_the_features_and_carry_names() -> None:
    steps = (MissingIndicator((2, 0)), MedianFill())
    X = np.array([[1.0, 2.0, np.nan], [np.nan, 2.0, 3.0]])
    ready = apply_steps(steps, learn_steps(steps, X), X)
    np.testing.assert_array_equal(ready[:, 3:], [[1, 0], [0, 1]])
    names = feature_names(steps, ("a", "b", "c"))
    assert names == ("a", "b", "c", "c is missing", "a is missing")
    assert len(names) == ready.shape[1]


def test_two_fills_in_one_chain_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="both learn 'fill'; the second is HalfMinimumFill"):
        learn_steps((MedianFill(), HalfMinimumFill()), np.ones((3, 2)))


# Chains, in both learners


@pytest.mark.parametrize("name", CHAINS)
def test_cells_outside_the_training_rows_change_no_bit(name: str) -> None:
    X, plan = chain_table(name), penalties_plan()
    learners = (
        LogisticLearner(steps=CHAINS[name], n_jobs=1),
        SklearnLearner(LogisticRegression(), CHAINS[name], n_jobs=1),
    )
    for learner in learners:
        own = plan if isinstance(learner, LogisticLearner) else without_settings(plan)
        clean = learner.run(X, own, keep=KEEP)
        for fit in range(0, own.n_fits, 3):
            spoiled = X.copy()
            spoiled[~own.train[fit]] = 1e6
            some = own[np.arange(fit, fit + 3)]
            other = learner.run(spoiled, some, keep=KEEP)
            for place in range(3):
                assert other.states[place].keys() == clean.states[fit + place].keys()
                for key, value in clean.states[fit + place].items():
                    np.testing.assert_array_equal(other.states[place][key], value)


def without_settings(plan: FitPlan) -> FitPlan:
    return FitPlan(plan.train, plan.score, plan.target)


@pytest.mark.parametrize("name", CHAINS)
def test_a_fit_is_the_same_bit_by_bit_alone_and_in_a_batch(name: str) -> None:
    X, plan = chain_table(name), penalties_plan(seed=1)
    learner = LogisticLearner(steps=CHAINS[name], n_jobs=1)
    whole = learner.run(X, plan, keep=KEEP)
    threads = LogisticLearner(steps=CHAINS[name], n_jobs=3).run(X, plan)
    np.testing.assert_array_equal(threads.scores, whole.scores)
    for fit in range(plan.n_fits):
        alone = learner.run(X, plan[np.array([fit])], keep=KEEP)
        np.testing.assert_array_equal(alone.scores[0], whole.scores[fit])
        np.testing.assert_array_equal(alone.states[0]["coef"], whole.states[fit]["coef"])


@pytest.mark.parametrize("name", CHAINS)
def test_stored_states_score_new_rows_as_the_fit_did(name: str) -> None:
    X, plan = chain_table(name), penalties_plan()
    batch = LogisticLearner(steps=CHAINS[name], n_jobs=1).run(X, plan, keep=KEEP)
    again = batch.predict(X)
    for fit, rows in enumerate(plan.score):
        np.testing.assert_allclose(again[fit, rows], batch.at(fit, rows), rtol=1e-9)


def test_a_step_with_nothing_to_do_changes_no_bit() -> None:
    X, plan = abundances(zeros=False), penalties_plan()
    zeros = X.copy()
    zeros[~plan.train[:3].any(axis=0), 5] = 0.0  # the first three fits do not learn from these
    steps = CHAINS["below-detection"]
    shared, own = (
        LogisticLearner(steps=steps, n_jobs=1).run(table, plan[:3], keep=KEEP)
        for table in (X, zeros)
    )
    bare = LogisticLearner(steps=CHAINS["log"], n_jobs=1).run(X, plan[:3], keep=KEEP)
    np.testing.assert_array_equal(shared.stacked("coef"), own.stacked("coef"))
    np.testing.assert_array_equal(shared.stacked("coef"), bare.stacked("coef"))
    np.testing.assert_array_equal(shared.scores, bare.scores)
    for one in (shared, own):
        lowest = [np.nanmin(X[rows], axis=0) for rows in plan.train[:3]]
        np.testing.assert_array_equal(one.stacked("below_detection"), np.array(lowest) / 2)


def lod_pipeline(train: np.ndarray) -> Pipeline:
    half = np.array([column[column > 0].min() / 2 for column in train.T])
    return make_pipeline(
        FunctionTransformer(lambda X: np.where(X == 0, half, X)),
        FunctionTransformer(np.log2),
        SimpleImputer(strategy="median"),
        StandardScaler(),
    )


def knn_pipeline(train: np.ndarray) -> Pipeline:
    return make_pipeline(
        FunctionTransformer(lambda X: np.log2(np.where(X == 0, np.nan, X))),
        StandardScaler(),
        KNNImputer(n_neighbors=3),
        StandardScaler(),
    )


def quotient_pipeline(train: np.ndarray) -> Pipeline:
    def share(X: np.ndarray) -> np.ndarray:
        return X / np.nansum(X, axis=1, keepdims=True)

    absent = np.where(train == 0, np.nan, train)
    reference = np.nanmedian(share(absent), axis=0)

    def normalised(X: np.ndarray) -> np.ndarray:
        X = np.where(X == 0, np.nan, X)
        return np.log2(X / np.nanmedian(X / reference, axis=1, keepdims=True))

    return make_pipeline(
        FunctionTransformer(normalised), SimpleImputer(strategy="median"), StandardScaler()
    )


def half_minimum_pipeline(train: np.ndarray) -> Pipeline:
    half = np.array([np.nanmin(np.where(column > 0, column, np.nan)) / 2 for column in train.T])

    def filled(X: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(X) | (X == 0), half, X)

    return make_pipeline(
        FunctionTransformer(filled), FunctionTransformer(np.log2), StandardScaler()
    )


@pytest.mark.parametrize(
    ("name", "pipeline"),
    [
        pytest.param("below-detection", lod_pipeline, id="below-detection"),
        pytest.param("knn", knn_pipeline, id="knn"),
        pytest.param("pqn", quotient_pipeline, id="pqn"),
        pytest.param("half-minimum", half_minimum_pipeline, id="half-minimum"),
        pytest.param("half-minimum-of-abundances", half_minimum_pipeline, id="before-the-log"),
    ],
)
def test_both_learners_equal_a_scikit_learn_pipeline(name: str, pipeline: object) -> None:
    assert callable(pipeline)
    X = chain_table(name)
    train, y = splits()
    plan = FitPlan(train, ~train, y, settings=[{"C": 0.5}])
    ours = LogisticLearner(steps=CHAINS[name], tol=1e-9, n_jobs=1).run(X, plan, keep=KEEP)
    solver = LogisticRegression(tol=1e-10, max_iter=10_000)
    theirs = SklearnLearner(solver, CHAINS[name], n_jobs=1).run(X, plan, keep=KEEP)
    for fit, rows in enumerate(train):
        ready = pipeline(X[rows])
        model = LogisticRegression(C=0.5, tol=1e-10, max_iter=10_000)
        model.fit(ready.fit_transform(X[rows]), y[rows])
        expected = model.predict_proba(ready.transform(X[~rows]))[:, 1]
        # Both solvers stop within 1e-6 of the optimum.
        np.testing.assert_allclose(ours.at(fit, ~rows), expected, atol=1e-6)
        np.testing.assert_allclose(theirs.at(fit, ~rows), expected, atol=1e-6)


FILTER = MissingFilter(0.2, zeros=True)


@pytest.mark.parametrize(
    "steps",
    [
        (FILTER, ZerosBelowDetection(), Log2(), *EMPTIED),
        (FILTER, ZerosAbsent(), Log2(), HalfMinimumFill(1.0, empty="constant"), Standardize()),
        (FILTER, ZerosAbsent(), KnnFill(empty="constant"), ParetoScale()),
    ],
    ids=["median", "half-minimum", "knn"],
)
def test_a_dropped_feature_has_coefficient_zero_and_its_values_score_nothing(
    steps: Sequence[Step],
) -> None:
    X, plan = abundances(), penalties_plan()
    batch = LogisticLearner(steps=tuple(steps), n_jobs=1).run(X, plan, keep=KEEP)
    for fit, state in enumerate(batch.states):
        kept = kept_features(state, 6)
        missing = (np.isnan(X) | (X == 0))[plan.train[fit]].mean(axis=0)
        np.testing.assert_array_equal(kept, missing <= 0.2)
        assert not kept.all()
        assert (state["coef"][~kept] == 0).all()
        spoiled = X.copy()
        spoiled[:, ~kept] = 99.0
        learner = LogisticLearner(steps=tuple(steps), n_jobs=1)
        np.testing.assert_array_equal(
            learner.predict(state, spoiled[:5]), learner.predict(state, X[:5])
        )


def test_gaps_after_steps_that_do_not_fill_are_refused_too() -> None:
    X, plan = abundances(), penalties_plan()
    steps = (ZerosAbsent(), ProbabilisticQuotient(), Log2(), Standardize())
    with pytest.raises(InvalidInputError, match="missing cells that no step fills"):
        LogisticLearner(steps=steps, n_jobs=1).run(X, plan)


def test_blocks_are_small_where_each_fit_has_a_table_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X, (train, y) = abundances(), splits(n_fits=8)
    plan = FitPlan(train, ~train, y)
    monkeypatch.setattr("foldwise.fits.logistic_learner._MOST_BYTES", 2 * X.nbytes)

    def sizes(steps: tuple[Step, ...]) -> list[int]:
        blocks: list[int] = []
        learner = LogisticLearner(steps=steps, n_jobs=1)
        learner.run(X, plan, on_block=lambda fits, batch: blocks.append(len(fits)))
        return blocks

    assert sizes((ProbabilisticQuotient(), *SCALED)) == [2, 2, 2, 2]
    assert sizes((SumNormalize(), *SCALED)) == [4, 4]


# Steps as data


@pytest.mark.parametrize("name", CHAINS)
def test_steps_come_back_from_plain_data(name: str) -> None:
    assert steps_from_data(steps_as_data(CHAINS[name])) == CHAINS[name]


def test_steps_that_nobody_knows_are_neither_written_nor_read() -> None:
    class Foreign(Log2):
        """Code of somebody else."""

    with pytest.raises(InvalidInputError, match="'Foreign' cannot be saved"):
        steps_as_data([Foreign()])
    with pytest.raises(InvalidInputError, match="'eval' is not known"):
        steps_from_data([{"step": "eval"}])
    with pytest.raises(InvalidInputError, match="MedianFill has no parameter 'kind'"):
        steps_from_data([{"step": "MedianFill", "kind": "general"}])


@pytest.mark.parametrize("name", CHAINS)
def test_every_step_is_described_in_one_sentence_of_its_own(name: str) -> None:
    said = describe_steps(CHAINS[name])
    assert len(set(said)) == len(CHAINS[name])
    assert all(one[0].isupper() or one[0].isdigit() for one in said)
    assert all(one.endswith(".") for one in said)
