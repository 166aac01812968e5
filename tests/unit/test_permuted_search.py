import numpy as np
import pytest

from foldwise.errors import InvalidInputError
from foldwise.evaluation.metrics import roc_auc
from foldwise.evaluation.permutation import PermutationTest
from foldwise.evaluation.questions import run_question
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.plan import FitPlan
from foldwise.tuning import permuted_search
from foldwise.tuning.nested import ask_nested_search
from foldwise.tuning.permuted_search import ask_permuted_search

GRID = [{"C": C, "l1_ratio": 1.0} for C in (0.05, 0.3, 2.0)]


def cohort(effect: float, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    y = np.arange(n) % 2.0
    X = rng.normal(size=(n, 6))
    X[:, 0] += effect * y
    return X, y


def asked(effect: float, n_permutations: int = 30, n_jobs: int = 1) -> PermutationTest:
    X, y = cohort(effect)
    question = ask_permuted_search(y, GRID, n_permutations=n_permutations, n_folds=3, seed=1)
    return run_question(question, LogisticLearner(n_jobs=n_jobs), X)


def test_a_signal_is_found_and_noise_is_not() -> None:
    assert asked(2.0).p_value == pytest.approx(1 / 31)
    assert asked(0.0).p_value > 0.1


def test_the_observed_statistic_is_that_of_a_nested_search_on_the_same_folds() -> None:
    X, y = cohort(1.0)
    question = ask_permuted_search(y, GRID, n_permutations=1, n_folds=3, seed=1)
    first = next(question)
    of_observed = first.members["permutation"] == 0
    outer_of, inner_of = first.members["outer"][of_observed], first.members["inner"][of_observed]
    score = first.score[of_observed]
    inner = np.full((3, len(y)), -1)
    for fit in range(len(score)):
        inner[outer_of[fit], score[fit]] = inner_of[fit]
    outer = np.argmax(inner < 0, axis=0)
    nested = run_question(
        ask_nested_search(y, outer, inner, roc_auc, GRID), LogisticLearner(n_jobs=1), X
    )
    found = run_question(
        ask_permuted_search(y, GRID, n_permutations=1, n_folds=3, seed=1),
        LogisticLearner(n_jobs=1),
        X,
    )
    np.testing.assert_allclose(found.fold_values, nested.outer, atol=1e-12)


def test_chunks_and_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = asked(1.0, 8)
    monkeypatch.setattr(permuted_search, "_MOST_CELLS", 1)
    parts = asked(1.0, 8, n_jobs=2)
    np.testing.assert_array_equal(parts.null, whole.null)
    assert parts.observed == whole.observed


def test_no_fit_of_a_search_sees_the_outer_fold_it_is_judged_on() -> None:
    _, y = cohort(1.0)
    question = ask_permuted_search(y, GRID, n_permutations=4, n_folds=3, seed=1)
    searched = next(question)
    batch = LogisticLearner(n_jobs=1).run(cohort(1.0)[0], searched)
    refits: FitPlan = question.send(batch)
    for fit in range(refits.n_fits):
        same = searched.members["permutation"] == refits.members["permutation"][fit]
        same &= searched.members["outer"] == refits.members["outer"][fit]
        assert same.sum() == 9
        assert not (searched.train[same] & refits.score[fit]).any()
        assert not (searched.score[same] & refits.score[fit]).any()


def test_a_grid_with_an_unpenalised_setting_is_refused() -> None:
    _, y = cohort(1.0)
    with pytest.raises(InvalidInputError, match="no penalty"):
        next(ask_permuted_search(y, [{"C": np.inf, "l1_ratio": 0.0}]))
