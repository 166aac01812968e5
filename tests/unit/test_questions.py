"""One driver trains every question: once per plan, resumed from what is stored."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from foldwise.arrays import Design, FloatArray
from foldwise.evaluation.questions import Question, run_question
from foldwise.fits.batch import BlockCallback, FitBatch, FitState
from foldwise.fits.mlp import MlpLearner
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import Standardize
from foldwise.fits.sklearn_learner import SklearnLearner
from foldwise.runs.blocks import FolderBlockStore

X = np.random.default_rng(0).normal(size=(30, 4))
Y = X @ [1.0, -1.0, 0.5, 0.0]


class Counted:
    """A learner that counts the fits of each call, and may stop after some blocks."""

    def __init__(self, learner: SklearnLearner | MlpLearner, blocks: int | None = None) -> None:
        self.learner = learner
        self.blocks = blocks
        self.calls: list[int] = []

    def run(
        self,
        X: Design,
        plan: FitPlan,
        *,
        keep: Sequence[str] = ("scores",),
        on_block: BlockCallback | None = None,
    ) -> FitBatch:
        self.calls.append(plan.n_fits)
        finished = 0

        def stopping(fits: np.ndarray, batch: FitBatch) -> None:
            nonlocal finished
            if on_block is not None:
                on_block(fits, batch)
            finished += 1
            if finished == self.blocks:
                raise KeyboardInterrupt

        return self.learner.run(X, plan, keep=keep, on_block=stopping)

    def predict(self, state: FitState, X: Design) -> FloatArray:
        return self.learner.predict(state, X)

    def efforts(self, X: Design, plan: FitPlan) -> FloatArray:
        return self.learner.efforts(X, plan)

    def spec(self) -> dict[str, Any]:
        return self.learner.spec()


def ask_two_plans() -> Question[tuple[int, float]]:
    """Choose a ridge penalty by 5-fold cross-validation, then refit: two plans."""
    held = np.arange(30) % 5 == np.arange(5)[:, None]
    held = np.tile(held, (3, 1))
    batch = yield FitPlan(
        ~held,
        held,
        Y,
        settings=[{"alpha": alpha} for alpha in (0.01, 1.0, 100.0)],
        setting=np.repeat(np.arange(3), 5),
        members={"fold": np.tile(np.arange(5), 3)},
    )
    errors = [np.abs(batch.at(fit, held[fit]) - Y[held[fit]]).mean() for fit in range(15)]
    best = int(np.argmin(np.reshape(errors, (3, 5)).mean(axis=1)))
    train = np.arange(30) < 20
    batch = yield FitPlan(train[None], ~train[None], Y, settings=[{"alpha": (0.01, 1, 100)[best]}])
    return best, float(np.abs(batch.at(0, ~train) - Y[~train]).mean())


LEARNER = SklearnLearner(Ridge(), (Standardize(),), n_jobs=1)


def test_a_question_of_two_plans_calls_its_learner_twice() -> None:
    counted = Counted(LEARNER)
    best, error = run_question(ask_two_plans(), counted, X)
    assert counted.calls == [15, 1]
    by_hand = Ridge(alpha=0.01).fit(X[:20], Y[:20]).predict(X[20:])
    assert best == 0
    assert error == pytest.approx(np.abs(by_hand - Y[20:]).mean(), abs=1e-3)


def test_a_question_without_a_plan_returns_its_answer() -> None:
    def ask_nothing() -> Question[str]:
        return "nothing"
        yield  # a generator all the same

    assert run_question(ask_nothing(), LEARNER, X) == "nothing"


def test_a_stopped_question_trains_only_what_is_missing(tmp_path: Path) -> None:
    whole = run_question(ask_two_plans(), LEARNER, X)
    store = FolderBlockStore(tmp_path)
    stopped = Counted(LEARNER, blocks=4)
    with pytest.raises(KeyboardInterrupt):
        run_question(ask_two_plans(), stopped, X, store=store)
    stored = sum(len(np.load(path)["fits"]) for path in tmp_path.glob("*/*.npz"))
    assert 0 < stored < 15
    resumed = Counted(LEARNER)
    assert run_question(ask_two_plans(), resumed, X, store=store) == whole
    assert resumed.calls == [15 - stored, 1]
    again = Counted(LEARNER)
    assert run_question(ask_two_plans(), again, X, store=store) == whole
    assert again.calls == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("X", id="other-inputs"),
        pytest.param("learner", id="other-learner"),
        pytest.param("keep", id="keeps-more"),
    ],
)
def test_stored_blocks_serve_only_the_same_question(tmp_path: Path, change: str) -> None:
    store = FolderBlockStore(tmp_path)
    run_question(ask_two_plans(), LEARNER, X, store=store)
    other = SklearnLearner(Ridge(fit_intercept=False), (Standardize(),), n_jobs=1)
    counted = Counted(other if change == "learner" else LEARNER)
    table = X + 1e-9 if change == "X" else X
    keep = ("scores", "parameters") if change == "keep" else ("scores",)
    run_question(ask_two_plans(), counted, table, store=store, keep=keep)
    assert counted.calls == [15, 1]


def test_half_written_blocks_are_trained_again(tmp_path: Path) -> None:
    store = FolderBlockStore(tmp_path)
    whole = run_question(ask_two_plans(), LEARNER, X, store=store)
    cut = sorted(tmp_path.glob("*/*.npz"))[0]
    cut.write_bytes(cut.read_bytes()[:100])
    counted = Counted(LEARNER)
    assert run_question(ask_two_plans(), counted, X, store=store) == whole
    assert len(counted.calls) == 1


class Told:
    """Notes everything a question says of its progress."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int]] = []
        self.efforts: list[float] = []
        self.said: list[str] = []
        self.done = 0
        self.spent = 0.0

    def begin(self, label: str, n_fits: int, effort: float) -> None:
        self.begun.append((label, n_fits))
        self.efforts.append(effort)

    def say(self, text: str) -> None:
        self.said.append(text)

    def advance(self, n_fits: int, effort: float) -> None:
        self.done += n_fits
        self.spent += effort


def test_progress_counts_every_fit_once_stored_ones_included(tmp_path: Path) -> None:
    store = FolderBlockStore(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run_question(ask_two_plans(), Counted(LEARNER, blocks=2), X, store=store)
    told = Told()
    run_question(ask_two_plans(), LEARNER, X, store=store, progress=told, label="ridge")
    assert told.begun == [("ridge", 15), ("ridge", 1)]
    assert told.done == told.spent == 16


def test_progress_goes_by_effort_and_shows_what_is_found(tmp_path: Path) -> None:
    def ask_two_shapes() -> Question[FitBatch]:
        held = np.arange(30) % 4 == np.arange(4)[:, None]
        settings = [{"hidden": (16,)}, {"hidden": (2,)}]
        plan = FitPlan(~held, held, Y, settings=settings, setting=np.array([0, 1, 1, 0]))
        return (yield plan)

    def remark(plan: FitPlan, fits: np.ndarray, batch: FitBatch) -> str:
        held = batch.plan.score[0]
        return f"{sorted(plan.setting[fits].tolist())} {np.isfinite(batch.at(0, held)).all()}"

    told, learner = Told(), MlpLearner(hidden=(4,), epochs=2, device="cpu")
    store = FolderBlockStore(tmp_path)
    for _ in range(2):  # trained, then found in the store
        told = Told()
        run_question(ask_two_shapes(), learner, X, progress=told, store=store, remark=remark)
        # (inputs + 1) * hidden + hidden + 1 parameters, times rows, times epochs
        parameters = {h: (X.shape[1] + 1) * h + h + 1 for h in (16, 2)}
        rows = (30 - np.array([8, 8, 7, 7])) * 2
        expected = float(np.dot(rows, [parameters[h] for h in (16, 2, 2, 16)]))
        assert told.efforts == [expected]
        assert told.spent == expected
        # Folds of 8 and of 7 rows train apart.
        assert sorted(told.said) == ["[0] True"] * 2 + ["[1] True"] * 2


def test_networks_are_stored_and_resumed_block_by_block(tmp_path: Path) -> None:
    def ask_scores() -> Question[np.ndarray]:
        held = np.arange(30) % 4 == np.arange(4)[:, None]
        batch = yield FitPlan(~held, held, Y, seed=np.arange(4))
        return batch.scores

    learner = MlpLearner(hidden=(4,), epochs=2, device="cpu")
    store = FolderBlockStore(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run_question(ask_scores(), Counted(learner, blocks=1), X, store=store)
    resumed = Counted(learner)
    scores = run_question(ask_scores(), resumed, X, store=store)
    assert resumed.calls == [2]  # folds of 22 and of 23 training rows are a block each
    np.testing.assert_array_equal(scores, run_question(ask_scores(), learner, X))
