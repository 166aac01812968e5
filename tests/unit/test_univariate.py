"""Single columns against scipy column by column, R, and the package's own DeLong."""

import numpy as np
import pytest
from scipy import stats

from foldwise.errors import InvalidInputError
from foldwise.evaluation.intervals import delong_interval, delong_variance
from foldwise.evaluation.univariate import one_row_per_subject, univariate_tests

SCALES = ("raw", "log2", "log10", "ln", "percentile", "z")


def _cohort(n: int = 60, n_features: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return abundances with markers, ties, gaps and zeros."""
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 3 == 0).astype(float)
    X = np.exp(rng.normal(3, 1, (n, n_features)) + np.linspace(-1.5, 1.5, n_features) * y[:, None])
    X[:, ::4] = X[:, ::4].round(-1) + 1
    X[rng.random(X.shape) < 0.1] = np.nan
    X[:5, 3] = 0.0
    return X, y


def _classes(X: np.ndarray, y: np.ndarray, column: int) -> tuple[np.ndarray, np.ndarray]:
    values = X[:, column]
    there = ~np.isnan(values)
    return values[there & (y == 1)], values[there & (y == 0)]


@pytest.mark.parametrize("n", [12, 30, 60], ids=["exact where not tied", "near 8 cases", "normal"])
def test_mann_whitney_p_is_scipys_in_every_column(n):
    X, y = _cohort(n)
    found = univariate_tests(X, y).mann_whitney_p
    expected = [stats.mannwhitneyu(*_classes(X, y, j)).pvalue for j in range(X.shape[1])]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_welch_p_of_raw_abundances_is_scipys_on_their_logarithms():
    X, y = _cohort()
    found = univariate_tests(X, y)
    for j in range(X.shape[1]):
        cases, controls = (np.log(own[own > 0]) for own in _classes(X, y, j))
        expected = stats.ttest_ind(cases, controls, equal_var=False).pvalue
        assert found.welch_p[j] == pytest.approx(expected, rel=1e-9)
    assert found.n_without_log[3] == (X[:, 3] == 0).sum() > 0


@pytest.mark.parametrize("scale", SCALES[1:])
def test_no_logarithm_is_taken_of_logarithms_percentiles_or_z_scores(scale):
    rng = np.random.default_rng(1)
    y = (np.arange(40) % 2).astype(float)
    X = rng.normal(0.0, 1.0, (40, 5))
    found = univariate_tests(X, y, scale=scale)
    expected = [stats.ttest_ind(*_classes(X, y, j), equal_var=False).pvalue for j in range(5)]
    np.testing.assert_allclose(found.welch_p, expected, rtol=1e-9)
    assert (found.n_without_log == 0).all()


def test_p_values_and_q_values_are_those_of_r():
    # wilcox.test(x, y)$p.value; t.test(log(x), log(y))$p.value
    x, y = [1.2, 3.4, 2.2, 5.1, 0.7, 4.4], [6.1, 2.9, 7.7, 8.8, 5.5]
    labels = np.array([1.0] * 6 + [0.0] * 5)
    found = univariate_tests(np.array(x + y)[:, None], labels)
    assert found.mann_whitney_p[0] == pytest.approx(0.030303030303030304, rel=1e-12)
    assert found.welch_p[0] == pytest.approx(0.036502185818592617, rel=1e-12)


def test_q_is_that_of_p_adjust_over_the_columns_that_could_be_tested():
    X, y = _cohort()
    X = np.column_stack([X, np.full(len(y), np.nan)])
    found = univariate_tests(X, y)
    for p, q in ((found.welch_p, found.welch_q), (found.mann_whitney_p, found.mann_whitney_q)):
        np.testing.assert_allclose(q[:-1], _p_adjust_bh(p[:-1]), rtol=1e-12)
        assert np.isnan(q[-1])


def _p_adjust_bh(p: np.ndarray) -> np.ndarray:
    """Return R's p.adjust(p, "BH"), written from its definition: cummin(n / i * p[order])."""
    down = np.argsort(-p)
    steps = len(p) / np.arange(len(p), 0, -1) * p[down]
    q = np.empty_like(p)
    q[down] = np.minimum(1.0, np.minimum.accumulate(steps))
    return q


def test_the_definition_of_p_adjust_gives_rs_numbers():
    p = np.array([0.001, 0.2, 0.013, 0.04, 0.5, 0.013, 0.9, 0.0004])
    # p.adjust(p, "BH")
    expected = [0.004, 0.26666666666666666, 0.026, 0.064, 0.5714285714285714, 0.026, 0.9, 0.0032]
    np.testing.assert_allclose(_p_adjust_bh(p), expected, rtol=1e-15)


def test_auc_and_its_interval_are_those_of_one_column_at_a_time():
    X, y = _cohort()
    X[:, 7] = np.where(y == 1, 5.0, 1.0) + np.arange(len(y)) / 100  # AUC 1
    X[:, 8] = -X[:, 7]  # AUC 0
    found = univariate_tests(X, y, level=0.9)
    for j in range(X.shape[1]):
        there = ~np.isnan(X[:, j])
        own = y[there], X[there, j]
        low, high = delong_interval(*own, level=0.9)
        assert found.auc[j] == pytest.approx(delong_variance(*own)[0], abs=1e-12)
        assert found.auc_low[j] == pytest.approx(low, abs=1e-12)
        assert found.auc_high[j] == pytest.approx(high, abs=1e-12)


def test_missing_cells_are_left_out_of_their_column_alone_and_counted():
    X, y = _cohort()
    found = univariate_tests(X, y)
    np.testing.assert_array_equal(found.n_missing, np.isnan(X).sum(axis=0))
    np.testing.assert_array_equal(found.n_cases, (~np.isnan(X[y == 1])).sum(axis=0))
    np.testing.assert_array_equal(found.n_cases + found.n_controls + found.n_missing, len(y))


def test_fold_change_of_raw_values_is_the_log2_ratio_of_medians_or_geometric_means():
    X, y = _cohort()
    medians, means = (univariate_tests(X, y, centre=one).effect for one in ("median", "mean"))
    for j in range(X.shape[1]):
        cases, controls = _classes(X, y, j)
        assert medians[j] == pytest.approx(np.log2(np.median(cases) / np.median(controls)))
        ratio = stats.gmean(cases[cases > 0]) / stats.gmean(controls[controls > 0])
        assert means[j] == pytest.approx(np.log2(ratio))


@pytest.mark.parametrize(("scale", "base"), [("log2", 2.0), ("log10", 10.0), ("ln", np.e)])
def test_a_table_of_logarithms_has_the_fold_change_of_its_raw_values(scale, base):
    X, y = _cohort()
    X[X == 0] = np.nan
    logged = univariate_tests(np.log(X) / np.log(base), y, scale=scale, centre="mean")
    assert logged.effect_kind == "log2 fold change"
    raw = univariate_tests(X, y, centre="mean")
    np.testing.assert_allclose(logged.effect, raw.effect, atol=1e-12)


@pytest.mark.parametrize("scale", ["percentile", "z"])
def test_percentiles_and_z_scores_give_a_difference_in_their_own_units(scale):
    X = np.array([[10.0], [20.0], [90.0], [40.0], [0.0], [100.0]])
    y = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    found = univariate_tests(X, y, scale=scale)
    assert found.effect_kind == "difference"
    assert found.effect.tolist() == [40.0 - 20.0]


def test_what_is_not_defined_is_nan_and_nothing_else_suffers():
    X, y = _cohort()
    good = univariate_tests(X[:, :1], y)
    X[:, 1] = 0.1  # constant, and 0.1 has no exact sum
    X[:, 2] = np.where(y == 1, 2.0, 1.0)  # constant within each class
    X[y == 1, 5] = np.nan  # no case
    X[np.flatnonzero(y == 1)[1:], 6] = np.nan  # at most one case
    X[y == 1, 9] = 0.0  # a median of zero
    found = univariate_tests(X, y)
    assert np.isnan(found.welch_p[[1, 2, 5, 6, 9]]).all()
    assert found.mann_whitney_p[1] == 1.0
    assert found.auc[1] == 0.5
    assert np.isnan(found.mann_whitney_p[5])
    assert np.isnan([found.auc[5], found.effect[5], found.auc_low[5], found.auc_low[6]]).all()
    assert np.isnan(found.effect[9])
    assert found.mann_whitney_p[9] < 1e-6
    for name in ("effect", "welch_p", "mann_whitney_p", "auc", "auc_low"):
        # One column is summed pairwise, columns beside each other row by row: last bits.
        assert getattr(found, name)[0] == pytest.approx(getattr(good, name)[0], rel=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale": "sqrt"}, "scale 'sqrt' is not known"),
        ({"centre": "mode"}, "centre 'mode' is not known"),
        ({"y": np.ones(60)}, r"y holds 1\.0; the tests need rows of both classes"),
        ({"y": np.full(60, 2.0)}, r"y holds 2\.0"),
    ],
    ids=["scale", "centre", "one class", "other labels"],
)
def test_input_that_cannot_be_tested_is_refused(change, message):
    X, y = _cohort()
    with pytest.raises(InvalidInputError, match=message):
        univariate_tests(**{"X": X, "y": y, **change})


def test_infinite_cells_are_refused_by_column():
    X, y = _cohort()
    X[4, 11] = -np.inf
    with pytest.raises(InvalidInputError, match="1 of 40 columns hold infinite values: column 11"):
        univariate_tests(X, y, scale="log2")


def test_five_thousand_columns_give_the_same_as_each_alone():
    X, y = _cohort(n=40, n_features=5000, seed=3)
    found = univariate_tests(X, y)
    for j in (0, 777, 4999):
        alone = univariate_tests(X[:, [j]], y)
        assert found.mann_whitney_p[j] == pytest.approx(alone.mann_whitney_p[0], rel=1e-12)
        assert found.auc_low[j] == pytest.approx(alone.auc_low[0], rel=1e-12)


def test_a_subjects_rows_become_their_median_and_gaps_stay_gaps():
    X = np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan], [9.0, 2.0]])
    y = np.array([1.0, 1.0, 1.0, 0.0])
    rows, labels = one_row_per_subject(X, y, np.array(["b", "b", "b", "a"]))
    np.testing.assert_array_equal(rows, [[9.0, 2.0], [2.0, np.nan]])
    assert labels.tolist() == [0.0, 1.0]


def test_a_subject_of_both_classes_is_refused_by_name():
    X, y = np.ones((3, 1)), np.array([0.0, 1.0, 1.0])
    with pytest.raises(InvalidInputError, match="1 of 2 subjects have rows of both classes: 'p7'"):
        one_row_per_subject(X, y, np.array(["p7", "p7", "p8"]))
