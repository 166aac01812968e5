"""A search asks TPE in batches, and one that was killed ends like one that was not."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from search_samples import FOLDS, SPACE, CountedLearner, X, Y, ask_small_search

from foldwise.arrays import Design, FloatArray
from foldwise.errors import DivergedFitError, InvalidInputError
from foldwise.evaluation.cross_validation import ask_cross_validation
from foldwise.evaluation.metrics import roc_auc
from foldwise.evaluation.questions import run_question
from foldwise.fits.batch import BlockCallback, FitBatch, FitState, merge_batches
from foldwise.fits.plan import FitPlan
from foldwise.runs.blocks import FolderBlockStore
from foldwise.tuning.search import LogRange, Range, SearchResult, Space, ask_tpe_search


def searched(learner: CountedLearner | None = None, **options: Any) -> SearchResult:
    return run_question(ask_small_search(**options), learner or CountedLearner(), X)


@pytest.fixture(scope="module")
def whole() -> SearchResult:
    """The small search, never stopped, in memory."""
    return searched()


def assert_same(found: SearchResult, expected: SearchResult) -> None:
    assert found.settings == expected.settings
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.notes == expected.notes


class Landscape:
    """Every score of a fit misses the target by a height that its setting decides."""

    def __init__(self, height: Callable[..., float]) -> None:
        self.height = height

    def run(
        self,
        X: Design,
        plan: FitPlan,
        *,
        keep: Sequence[str] = ("scores",),
        on_block: BlockCallback | None = None,
    ) -> FitBatch:
        heights = [self.height(**plan.setting_of(fit)) for fit in range(plan.n_fits)]
        scores = plan.target + np.array(heights)[:, None]  # (fit, sample)
        return merge_batches(plan, [(np.arange(plan.n_fits), FitBatch(plan, scores))])

    def predict(self, state: FitState, X: Design) -> FloatArray:
        raise NotImplementedError

    def efforts(self, X: Design, plan: FitPlan) -> FloatArray:
        return np.ones(plan.n_fits)

    def spec(self) -> dict[str, Any]:
        return {}


def closeness(y: FloatArray, score: FloatArray) -> float:
    return -float(np.abs(y - score).mean())


def surveyed(
    space: Space, height: Callable[..., float], seed: int = 0, **options: Any
) -> SearchResult:
    question = ask_tpe_search(Y, FOLDS, closeness, space, seed=seed, **options)
    return run_question(question, Landscape(height), X)


def test_a_batch_is_one_plan_and_its_values_are_those_of_cross_validation(
    whole: SearchResult,
) -> None:
    counted = CountedLearner()
    assert_same(searched(counted), whole)
    assert counted.calls == [12, 12, 12, 12, 6]
    by_hand = ask_cross_validation(Y, FOLDS, roc_auc, settings=whole.settings, seed=3)
    expected = run_question(by_hand, CountedLearner(), X)
    np.testing.assert_array_equal(whole.values, expected.values)
    assert len({str(setting) for setting in whole.settings}) == 18


def test_trials_gather_around_the_optimum() -> None:
    def distance(lr: float, x: float, hidden: tuple[int, ...]) -> float:
        return abs(np.log10(lr) + 3) + abs(x - 0.3) + (hidden != (16, 8))

    space = {"lr": LogRange(1e-6, 1), "x": Range(0, 1), "hidden": [(8,), (16, 8), (32,)]}
    ratios = []
    for seed in range(4):
        found = surveyed(space, distance, seed, n_trials=48)
        distances = [distance(**setting) for setting in found.settings]
        np.testing.assert_allclose(-found.values.mean(axis=(1, 2)), distances, atol=1e-12)
        # Of 48 trials in batches of 8 the first 16 are random.
        ratios.append(np.mean(distances[-16:]) / np.mean(distances[:16]))
    # The ratio of two random 16s is below 0.57 once in 10,000, in a simulation of this space.
    assert np.mean(ratios) < 0.57


def test_batches_are_random_until_ten_trials_are_finished() -> None:
    def settings(height: Callable[[float], float]) -> tuple[dict[str, Any], ...]:
        found = surveyed({"x": Range(0, 1)}, height, n_trials=15, batch_size=4)
        return found.settings

    rising, falling = settings(lambda x: x), settings(lambda x: 1 - x)
    assert rising[:12] == falling[:12]
    assert all(one["x"] != other["x"] for one, other in zip(rising[12:], falling[12:], strict=True))


def test_choices_may_be_tuples_and_come_back_from_the_store(tmp_path: Path) -> None:
    space = {"hidden": [(8,), (16, 8)], "dropout": [None, 0.1], "name": ["1", 1]}

    def height(hidden: tuple[int, ...], dropout: float | None, name: str | int) -> float:
        assert isinstance(hidden, tuple)
        return len(hidden) + (dropout or 0.0) + (name == 1)

    first = surveyed(space, height, n_trials=8, store=tmp_path / "search.db")
    again = surveyed(space, height, n_trials=8, store=tmp_path / "search.db")
    assert_same(again, first)
    for name, choices in space.items():
        assert {repr(setting[name]) for setting in again.settings} == set(map(repr, choices))


def test_the_order_of_a_space_changes_nothing(whole: SearchResult) -> None:
    assert_same(searched(space=dict(reversed(SPACE.items()))), whole)


def test_a_finished_search_is_read_from_its_store_without_training(
    whole: SearchResult, tmp_path: Path
) -> None:
    store = tmp_path / "new folder" / "a {b} 50%?.db"
    searched(store=store)
    assert store.is_file()
    counted = CountedLearner()
    assert_same(searched(counted, store=store), whole)
    assert counted.calls == []


def test_a_search_of_few_trials_is_the_start_of_a_longer_one(
    whole: SearchResult, tmp_path: Path
) -> None:
    store = tmp_path / "search.db"
    first = searched(store=store, n_trials=14)  # ends within a batch
    counted = CountedLearner()
    assert_same(searched(counted, store=store), whole)
    assert counted.calls == [6, 6]
    assert_same(searched(store=store, n_trials=14), first)
    assert first.settings == whole.settings[:14]


# Which call of a method of an Optuna study does not come back, in each attempt. A batch is
# asked 4 times to find it and 4 times to begin it, so the fourth one in calls 25 to 32.
KILLS = {
    "as-the-study-is-made": [("set_user_attr", 1)],
    "before-any-trial": [("ask", 2)],
    "as-a-batch-is-found": [("ask", 27)],
    "as-a-batch-begins": [("enqueue_trial", 15)],
    "between-enqueue-and-ask": [("ask", 31)],
    "before-the-first-tell": [("tell", 13)],
    "between-tells": [("tell", 15)],
    "twice-in-a-batch": [("tell", 14), ("tell", 5)],
    "again-between-enqueue-and-ask": [("tell", 15), ("ask", 6), ("ask", 5)],
}


@pytest.mark.parametrize("kills", KILLS.values(), ids=KILLS.keys())
def test_a_search_stopped_anywhere_equals_one_that_was_not(
    kills: list[tuple[str, int]], whole: SearchResult, tmp_path: Path
) -> None:
    store = tmp_path / "search.db"
    for method, call in kills:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(optuna.Study, method, _stopping(getattr(optuna.Study, method), call))
            with pytest.raises(KeyboardInterrupt):
                searched(store=store)
    assert_same(searched(store=store), whole)
    study = optuna.load_study(study_name="foldwise", storage=f"sqlite:///{store}")
    states = [trial.state.name for trial in study.trials]
    assert set(states) <= {"COMPLETE", "FAIL"}
    assert states.count("COMPLETE") == 18


def _stopping(method: Callable[..., Any], call: int) -> Callable[..., Any]:
    """Return a method whose call of that number stops the process instead."""
    calls = 0

    def stopping(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        return method(*arguments, **options)

    return stopping


def test_a_search_stopped_while_it_trains_keeps_its_finished_fits(
    whole: SearchResult, tmp_path: Path
) -> None:
    store, blocks = tmp_path / "search.db", FolderBlockStore(tmp_path / "blocks")
    question = ask_small_search(store=store)
    with pytest.raises(KeyboardInterrupt):
        run_question(question, CountedLearner(stop_after=4), X, store=blocks)
    question.close()
    n_stored = stored_fits(tmp_path / "blocks")
    assert 36 < n_stored < 48
    counted = CountedLearner()
    assert_same(run_question(ask_small_search(store=store), counted, X, store=blocks), whole)
    assert sum(counted.calls) == 54 - n_stored


def test_a_search_stopped_between_tells_trains_nothing_of_its_batch_again(
    whole: SearchResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, blocks = tmp_path / "search.db", FolderBlockStore(tmp_path / "blocks")
    with monkeypatch.context() as patch:
        patch.setattr(optuna.Study, "tell", _stopping(optuna.Study.tell, 15))
        with pytest.raises(KeyboardInterrupt):
            run_question(ask_small_search(store=store), CountedLearner(), X, store=blocks)
    counted = CountedLearner()
    # A longer search, too, first ends the batch as it was begun.
    longer = ask_small_search(store=store, n_trials=20)
    found = run_question(longer, counted, X, store=blocks)
    assert counted.calls == [12]
    assert found.settings[:18] == whole.settings


def test_a_batch_that_was_begun_is_finished_and_only_what_was_asked_for_returned(
    whole: SearchResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "search.db"
    with monkeypatch.context() as patch:
        patch.setattr(optuna.Study, "tell", _stopping(optuna.Study.tell, 15))
        with pytest.raises(KeyboardInterrupt):
            searched(store=store)
    assert searched(store=store, n_trials=15).settings == whole.settings[:15]
    assert n_complete(store) == 16


def test_finished_trials_keep_their_settings_where_others_would_be_proposed_now(
    whole: SearchResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an update of Optuna that draws in another way."""
    store = tmp_path / "search.db"
    with monkeypatch.context() as patch:
        patch.setattr(optuna.Study, "tell", _stopping(optuna.Study.tell, 15))
        with pytest.raises(KeyboardInterrupt):
            searched(store=store)
    monkeypatch.setattr("foldwise.tuning.search.proposed_params", _always_the_same)
    found = searched(store=store)
    assert found.settings[:14] == whole.settings[:14]
    assert found.settings[14:] == 4 * ({"C": 0.5, "l1_ratio": 1.0},)
    by_hand = ask_cross_validation(Y, FOLDS, roc_auc, settings=found.settings, seed=3)
    expected = run_question(by_hand, CountedLearner(), X)
    np.testing.assert_array_equal(found.values, expected.values)


def _always_the_same(
    finished: object, distributions: object, n_trials: int, seed: int
) -> list[dict[str, Any]]:
    return [{"C": 0.5, "l1_ratio": "1.0"}] * n_trials


def test_a_killed_search_resumes_with_nothing_finished_lost(
    whole: SearchResult, tmp_path: Path
) -> None:
    """Kill -9 in the middle of a batch; settings and values come out exactly the same."""
    here = Path(__file__).parent
    program = (
        f"import sys; sys.path.insert(0, {str(here)!r}); from pathlib import Path;"
        f"from search_samples import search_slowly; search_slowly(Path({str(tmp_path)!r}))"
    )
    process = subprocess.Popen([sys.executable, "-c", program])
    deadline = time.monotonic() + 120
    while not (8 <= n_complete(tmp_path / "search.db") < stored_fits(tmp_path / "blocks") / 3):
        assert process.poll() is None, "the search ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    n_stored, n_finished = stored_fits(tmp_path / "blocks"), n_complete(tmp_path / "search.db")
    assert 8 <= n_finished < 18
    assert 3 * n_finished <= n_stored < 54

    counted = CountedLearner()
    blocks = FolderBlockStore(tmp_path / "blocks")
    question = ask_small_search(store=tmp_path / "search.db")
    assert_same(run_question(question, counted, X, store=blocks), whole)
    assert sum(counted.calls) == 54 - n_stored


def n_complete(store: Path) -> int:
    """Return the number of finished trials in a file that another process writes."""
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as reader:
            query = "SELECT count(*) FROM trials WHERE state = 'COMPLETE'"
            return int(reader.execute(query).fetchone()[0])
    except sqlite3.OperationalError:  # no file or no table so far, or it is being written
        return 0


def stored_fits(blocks: Path) -> int:
    """Return the number of fits in a block store."""
    return sum(len(np.load(path)["fits"]) for path in blocks.glob("*/*.npz"))


def test_plain_optuna_reads_the_store(whole: SearchResult, tmp_path: Path) -> None:
    searched(store=tmp_path / "search.db", name="ridge")
    url = f"sqlite:///{tmp_path / 'search.db'}"
    assert optuna.get_all_study_names(url) == ["ridge"]
    study = optuna.load_study(study_name="ridge", storage=url)
    best = int(np.argmax(whole.values.mean(axis=(1, 2))))
    assert study.best_trial.number == best
    assert study.best_params["C"] == whole.settings[best]["C"]
    assert study.best_value == whole.values[best].mean()


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "seed": ({"seed": 4}, "seed is 3 there and 4 here"),
    "batch-size": ({"batch_size": 8}, "batch_size is 4 there and 8 here"),
    "range": (
        {"space": {**SPACE, "C": LogRange(0.01, 10)}},
        r"space\['C'\] is LogRange\(low=0.01, high=100.0\) there and LogRange\(.*10\) here",
    ),
    "choices": ({"space": {**SPACE, "l1_ratio": [1.0]}}, "is one of 0.0, 0.5, 1.0 there"),
    "names": ({"space": {"C": LogRange(1e-2, 1e2)}}, r"space\['l1_ratio'\] is .* and absent here"),
}


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES.keys())
def test_the_store_of_another_search_is_refused(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    store = tmp_path / "search.db"
    searched(store=store, n_trials=1)
    with pytest.raises(InvalidInputError, match=message) as caught:
        searched(store=store, n_trials=1, **change)
    assert str(caught.value).startswith(f"{store}: study 'foldwise' belongs to another search")
    assert str(caught.value).endswith("or another store or name.")
    assert len(searched(store=store, n_trials=1, name="other", **change).settings) == 1


@pytest.mark.parametrize("what", ["target", "folds", "metric"])
def test_the_store_of_another_table_or_metric_is_refused(what: str, tmp_path: Path) -> None:
    store = tmp_path / "search.db"
    searched(store=store, n_trials=1)
    changed = {
        "target": (1 - Y, FOLDS, roc_auc),
        "folds": (Y, FOLDS[:, ::-1], roc_auc),
        "metric": (Y, FOLDS, closeness),
    }[what]
    question = ask_tpe_search(*changed, SPACE, n_trials=1, batch_size=4, seed=3, store=store)
    with pytest.raises(InvalidInputError, match=f"another search: {what} is .* there and .* here"):
        run_question(question, CountedLearner(), X)


def test_a_study_that_something_else_made_is_refused(tmp_path: Path) -> None:
    study = optuna.create_study(study_name="foldwise", storage=f"sqlite:///{tmp_path / 'other.db'}")
    study.tell(study.ask(), 1.0)
    with pytest.raises(InvalidInputError, match=r"another search: .* is absent there"):
        searched(store=tmp_path / "other.db")


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    table = tmp_path / "X.csv"
    table.write_text("id,a\n1,2\n")
    for path in (table, tmp_path):
        with pytest.raises(InvalidInputError, match="exists and is no SQLite file"):
            searched(store=path)
    assert table.read_text() == "id,a\n1,2\n"


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "no-trials": (lambda: searched(n_trials=0), "n_trials is 0. A search needs at least 1"),
    "no-batch": (lambda: searched(batch_size=0), "batch_size is 0"),
    "empty-space": (lambda: searched(space={}), "The space is empty"),
    "empty-choices": (lambda: searched(space={"C": []}), r"space\['C'\] has no choices"),
    "twin-choices": (lambda: searched(space={"h": [(8,), (8,)]}), r"holds \(8,\) twice"),
    "word": (lambda: searched(space={"kind": "relu"}), r"space\['kind'\] is 'relu'. Give a"),
    "number": (lambda: searched(space={"C": 1.0}), r"space\['C'\] is 1.0. Give a Range"),
    "order": (lambda: Range(1, 1), r"Range\(low=1, high=1\): low must be below high"),
    "endless": (lambda: Range(0, np.inf), "both finite"),
    "log-of-zero": (lambda: LogRange(0, 1), r"LogRange\(low=0, high=1\): low must be above 0"),
    "log-order": (lambda: LogRange(2, 1), "below high"),
    "nan": (lambda: LogRange(np.nan, 1), "low must be above 0"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_nothing_to_search_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        make()


def test_a_metric_without_a_mean_is_named_with_its_setting_and_fold() -> None:
    def no_metric(y: FloatArray, score: FloatArray) -> float:
        return np.nan if score[0] - y[0] > 0.5 else 1.0

    question = ask_tpe_search(Y, FOLDS, no_metric, {"x": [1.0]}, n_trials=1)
    match = (
        r"no_metric is not finite in 3 of 3 fits: nan at \{'x': 1.0\} \(repeat 0, fold 0\), "
        r".*narrow the space"
    )
    with pytest.raises(InvalidInputError, match=match):
        run_question(question, Landscape(lambda x: x), X)


def test_a_setting_that_diverges_is_named_and_finished_trials_stay(tmp_path: Path) -> None:
    def height(x: float) -> float:
        return np.nan if x > 0.9 else x

    store = tmp_path / "search.db"
    with pytest.raises(DivergedFitError, match=r"fits diverged: fit \d+ \(x=0\.9"):
        surveyed({"x": Range(0, 1)}, height, n_trials=48, batch_size=2, store=store)
    assert 0 < n_complete(store) < 48
    narrower = {"x": Range(0, 0.9)}
    found = surveyed(narrower, height, n_trials=4, batch_size=2, store=store, name="narrower")
    assert len(found.settings) == 4


def test_optuna_logs_nothing_and_keeps_the_level_of_the_user(
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = optuna.logging.get_verbosity()
    try:
        for level in (optuna.logging.INFO, optuna.logging.ERROR):
            optuna.logging.set_verbosity(level)
            searched(n_trials=1)
            assert optuna.logging.get_verbosity() == level
    finally:
        optuna.logging.set_verbosity(before)
    assert capfd.readouterr().err == ""


def test_optuna_and_torch_are_not_imported_before_a_search_begins() -> None:
    program = (
        "import sys, foldwise.tuning.search;"
        "assert not {'optuna', 'sqlalchemy', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
