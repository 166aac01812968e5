"""Stability selection: the first q to enter, on complementary halves, with errors as bounded."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from test_cross_validation import CountingLearner

from foldwise.errors import InvalidInputError
from foldwise.evaluation import selection
from foldwise.evaluation.decoys import decoy_panel, with_decoys
from foldwise.evaluation.half_samples import complementary_pairs
from foldwise.evaluation.penalty_path import strongest_penalty
from foldwise.evaluation.questions import run_question
from foldwise.evaluation.selection import StabilitySelection, ask_stability_selection
from foldwise.evaluation.selection_bounds import SelectionDesign, solve_selection
from foldwise.fits.logistic_learner import LogisticLearner

Y = np.repeat([0.0, 1.0], [34, 46])


def table(n_true: int = 3, n_features: int = 20, seed: int = 0) -> np.ndarray:
    X = np.random.default_rng(seed).normal(size=(len(Y), n_features))
    X[:, :n_true] += 1.5 * Y[:, None]
    return X


def design(q: int, n_pairs: int = 10, n_features: int = 20) -> SelectionDesign:
    return solve_selection(n_features, q=q, threshold=0.8, n_pairs=n_pairs)


def selected_from(
    X: np.ndarray, of: SelectionDesign, *, n_jobs: int = 1, **asked: object
) -> StabilitySelection:
    question = ask_stability_selection(Y, of, **asked)  # type: ignore[arg-type]
    return run_question(question, LogisticLearner(n_jobs=n_jobs), X, keep=("parameters",))


def test_every_half_sample_selects_exactly_q_in_their_order_of_entry() -> None:
    found = selected_from(table(), design(7))
    assert (found.selected.sum(axis=1) == 7).all()
    for rank in found.rank:
        assert sorted(rank[rank >= 0]) == list(range(7))
    assert found.frequency.sum() == pytest.approx(7)


def test_the_first_to_enter_is_the_feature_with_the_largest_score() -> None:
    """A feature enters where C equals one over its score |x'(y - mean y)|."""
    X = table(n_true=0, seed=1)
    found = selected_from(X, design(3), n_penalties=400)
    for half, rank in zip(complementary_pairs(Y, n_pairs=10), found.rank, strict=True):
        ready = StandardScaler().fit_transform(X[half])
        score = np.abs(ready.T @ (Y[half] - Y[half].mean()))
        assert int(np.argmin(np.where(rank >= 0, rank, 99))) == int(np.argmax(score))


def test_the_first_q_are_those_of_scikit_learns_path() -> None:
    X = table(seed=2)
    found = selected_from(X, design(6, n_pairs=2))
    halves = complementary_pairs(Y, n_pairs=2)
    for half, selected in zip(halves, found.selected, strict=True):
        ready = StandardScaler().fit_transform(X[half])
        entered = np.full(20, np.inf)
        model = LogisticRegression(
            l1_ratio=1.0, solver="saga", tol=1e-8, max_iter=100_000, warm_start=True
        )
        for C in found.penalties:
            coef = model.set_params(C=C).fit(ready, Y[half]).coef_[0]
            entered = np.where((np.abs(coef) > 1e-6) & np.isinf(entered), C, entered)
            if np.isfinite(entered).sum() >= 6:
                break
        # Those that entered before the last of the six did are selected without a doubt.
        last = np.sort(entered)[5]
        assert selected[entered < last].all()
        assert not selected[entered > last].any()


def test_the_path_ends_at_the_frequency_and_only_rises() -> None:
    found = selected_from(table(), design(5))
    assert np.array_equal(found.path[-1], found.frequency)
    assert (np.diff(found.path, axis=0) >= 0).all()
    assert found.path[0].sum() == 0  # nothing can enter at the strongest penalty
    assert np.array_equal(found.frequency_among_first(5), found.frequency)
    assert found.frequency_among_first(2).sum() == pytest.approx(2)


def test_true_features_make_the_panel() -> None:
    found = selected_from(table(), design(5, n_pairs=20))
    assert np.flatnonzero(found.panel).tolist() == [0, 1, 2]


def test_threads_change_nothing_and_seeds_do() -> None:
    one, two = (selected_from(table(), design(5), n_jobs=jobs).rank for jobs in (1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, selected_from(table(), design(5), seed=1).rank)


def test_one_plan_holds_all_half_samples_and_penalties() -> None:
    counted = CountingLearner(LogisticLearner(n_jobs=1))  # type: ignore[arg-type]
    question = ask_stability_selection(Y, design(5))
    run_question(question, counted, table(), keep=("parameters",))
    assert [plan.n_fits for plan in counted.plans] == [20 * 64]


def test_half_samples_that_wait_for_features_are_followed_on() -> None:
    counted = CountingLearner(LogisticLearner(n_jobs=1))  # type: ignore[arg-type]
    question = ask_stability_selection(Y, design(14))
    X = table(n_true=0)
    found = run_question(question, counted, X, keep=("parameters",))
    assert len(counted.plans) > 1
    assert (found.selected.sum(axis=1) == 14).all()
    steps = np.diff(np.log(found.penalties))
    assert steps == pytest.approx(np.full(len(steps), steps[0]))


def test_following_on_selects_what_one_long_path_selects(monkeypatch: pytest.MonkeyPatch) -> None:
    X = table(n_true=0)
    parts = selected_from(X, design(14))
    monkeypatch.setattr(selection, "_REACH", 30.0**3)
    monkeypatch.setattr(selection, "_STRETCHES", 1)
    whole = selected_from(X, design(14), n_penalties=3 * 63 + 1)
    assert len(parts.penalties) > 64
    assert np.array_equal(parts.rank, whole.rank)


def test_many_columns_are_cut_into_plans_and_select_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = selected_from(table(), design(5))
    monkeypatch.setattr(selection, "_MOST_COEFFICIENTS", 3 * 64 * 20)
    assert np.array_equal(selected_from(table(), design(5)).rank, whole.rank)


@pytest.mark.parametrize(
    ("of", "X", "message"),
    [
        pytest.param(design(3, n_features=19), table(), "X has 20 columns", id="columns"),
        pytest.param(design(5), table() * (np.arange(20) < 4), "fewer than q = 5", id="constant"),
    ],
)
def test_selections_that_cannot_be_are_refused(
    of: SelectionDesign, X: np.ndarray, message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        selected_from(X, of)


def test_columns_that_are_not_standardised_are_refused() -> None:
    learner = LogisticLearner(steps=(), n_jobs=1)
    question = ask_stability_selection(Y, design(5))
    with pytest.raises(InvalidInputError, match="Standardise X as the last step"):
        run_question(question, learner, 100 * table(), keep=("parameters",))


def test_halves_of_a_pair_share_no_row_and_hold_half_of_each_class() -> None:
    y = np.repeat([0.0, 1.0], [9, 16])
    halves = complementary_pairs(y, n_pairs=30)
    assert not (halves[::2] & halves[1::2]).any()
    assert (halves[:, y == 0].sum(axis=1) == 4).all()
    assert (halves[:, y == 1].sum(axis=1) == 8).all()
    left_out = ~(halves[::2] | halves[1::2])
    assert (left_out.sum(axis=1) == 1).all()
    assert len(np.unique(np.argmax(left_out, axis=1))) > 5  # another one each time


def test_halves_keep_subjects_whole() -> None:
    groups = np.repeat(np.arange(16), np.tile([1, 3], 8))
    y = (groups >= 8).astype(float)
    halves = complementary_pairs(y, n_pairs=20, groups=groups)
    for half in halves:
        counts = np.bincount(groups, weights=half) / np.bincount(groups)
        assert set(counts) == {0.0, 1.0}
        assert counts[:8].sum() == counts[8:].sum() == 4


def test_too_few_subjects_for_halves_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="two subjects with a case in each half"):
        complementary_pairs(np.array([0.0] * 10 + [1.0] * 3), n_pairs=2)


def test_nothing_enters_at_the_strongest_penalty_even_for_a_copy_of_the_labels() -> None:
    y = np.repeat([0.0, 1.0], [3, 7])
    C = strongest_penalty(np.ones((1, 10), bool), y)
    ready = (y - y.mean()) / y.std()
    assert 1 / abs(ready @ (y - y.mean())) == pytest.approx(C)


def test_the_panel_of_noise_stays_under_the_bound() -> None:
    """Every feature of noise has selection probability q / p: the bound counts them all."""
    rng = np.random.default_rng(0)
    of = solve_selection(20, q=4, threshold=0.6, n_pairs=20)
    sizes = [int(selected_from(rng.normal(size=(80, 20)), of).panel.sum()) for _ in range(15)]
    assert of.pfer == pytest.approx(4.0)
    assert 0 < np.mean(sizes) < of.pfer  # 0.5 or so; 0 would show nothing
    unimodal = solve_selection(20, q=4, threshold=0.6, n_pairs=20, bound="unimodal")
    assert np.mean(sizes) < unimodal.pfer


def test_decoys_are_permuted_columns_and_leave_the_features_alone() -> None:
    X = table()
    found = with_decoys(X, seed=3)
    assert np.array_equal(found[:, :20], X)
    assert np.array_equal(np.sort(found[:, 20:], axis=0), np.sort(X, axis=0))
    orders = {np.argsort(np.argsort(column)).tobytes() for column in found.T}
    assert len(orders) == 40
    assert np.array_equal(found, with_decoys(X, seed=3))


def test_decoys_move_subjects_of_one_size_as_blocks() -> None:
    groups = np.array([0, 0, 1, 1, 2, 2, 3])
    X = np.arange(7.0)[:, None]
    drawn = np.array([with_decoys(X, groups=groups, seed=seed)[:, 1] for seed in range(40)])
    pairs = drawn[:, :6].reshape(-1, 2)
    assert set(map(frozenset, pairs.tolist())) == {
        frozenset(pair) for pair in ((0.0, 1.0), (2.0, 3.0), (4.0, 5.0))
    }
    assert (drawn[:, 6] == 6).all()


def test_decoys_of_pairs_in_one_order_lose_their_tie_with_the_class() -> None:
    y, groups = np.tile([0.0, 1.0], 50), np.repeat(np.arange(50), 2)
    X = 5 * y[:, None] + np.random.default_rng(0).normal(size=(100, 1))
    drawn = [with_decoys(X, groups=groups, seed=seed)[:, 1] for seed in range(20)]
    assert np.mean([abs(np.corrcoef(one, y)[0, 1]) for one in drawn]) < 0.2


def test_the_decoy_threshold_minimises_fdp_over_every_threshold() -> None:
    rng = np.random.default_rng(0)
    frequency = np.concatenate([[1.0, 0.95, 0.9], rng.integers(0, 60, size=57) / 100])
    found = decoy_panel(frequency, 30)
    features, decoys = frequency[:30], frequency[30:]
    by_hand = {
        t: (1 + (decoys >= t).sum()) / max(1, (features >= t).sum())
        for t in np.arange(0.495, 1.0, 0.01)
    }
    assert found.fdp == pytest.approx(min(by_hand.values()))
    assert found.floor is not None
    assert found.fdp >= found.floor == 1 / found.panel.sum()


def test_no_feature_selected_gives_no_decoy_threshold() -> None:
    found = decoy_panel(np.array([0.0, 0.0, 0.3, 0.1]), 2)
    assert (found.threshold, found.fdp, found.panel.sum()) == (None, None, 0)
    with pytest.raises(InvalidInputError, match="decoys last"):
        decoy_panel(np.zeros(3), 3)


def test_rare_features_do_not_lower_the_share_of_decoys() -> None:
    """Without decoys among the selected, FDP+ is 1 / k: any feature at all would join."""
    frequency = np.concatenate([[1.0, 0.9], np.full(18, 0.04), np.zeros(20)])
    assert decoy_panel(frequency, 20).panel.sum() == 2
    assert decoy_panel(frequency, 20, lowest=0.0).panel.sum() == 20


def test_decoys_let_true_features_through() -> None:
    X = with_decoys(table())
    found = selected_from(X, design(6, n_pairs=20, n_features=40))
    panel = decoy_panel(found.frequency, 20)
    assert np.flatnonzero(panel.panel).tolist() == [0, 1, 2]
    assert panel.fdp == pytest.approx(1 / 3)
