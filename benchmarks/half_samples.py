"""100 half-samples x 30 penalties of an L1 logistic regression, 211 rows x 128 features.

The inner loop of stability selection as Stabl runs it: on every half-sample, scaled on its
own rows, one L1 fit per penalty; the result is how often each feature keeps a coefficient
at each penalty. The rival is that loop with scikit-learn's liblinear (the quickest of its
solvers here, and Stabl's), half-samples in two processes. liblinear penalises the intercept.
Foldwise follows the path of each half-sample from the strongest penalty on, each fit from
the one before it. Penalties are geometric, from the largest at which a coefficient appears
on all rows down to a hundredth of it.
"""

import os
import warnings

import numpy as np
from joblib import Parallel, delayed
from measure import comparison, medians, parsed, whole_commands, write_section
from permutations import generated
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import l1_min_c

from foldwise.evaluation.questions import Question, run_question
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import Standardize

N_SAMPLES, N_PENALTIES, JOBS = 100, 30, 2


def penalties() -> np.ndarray:
    """Return C from the first that keeps a feature to a hundred times as much."""
    X, y = generated()
    first = l1_min_c(StandardScaler().fit_transform(X), y, loss="log")
    return first * np.geomspace(1.0, 100.0, N_PENALTIES)


def half_samples() -> np.ndarray:
    """Return the rows of each half-sample, stratified, (resample, sample)."""
    _, y = generated()
    rng = np.random.default_rng(2)
    masks = np.zeros((N_SAMPLES, len(y)), bool)
    for mask in masks:
        for label in (0.0, 1.0):
            rows = np.flatnonzero(y == label)
            mask[rng.permutation(rows)[: len(rows) // 2]] = True
    return masks


def ask_frequencies(y: np.ndarray) -> Question[np.ndarray]:
    """Ask for the share of half-samples that keep each feature: one plan, one chain each."""
    train = np.repeat(half_samples(), N_PENALTIES, axis=0)
    place = np.tile(np.arange(N_PENALTIES), N_SAMPLES)
    plan = FitPlan(
        train,
        np.zeros_like(train),
        y,
        settings=[{"C": C} for C in penalties()],
        setting=place,
        follows=np.where(place > 0, np.arange(len(place)) - 1, -1),
    )
    batch = yield plan
    kept = (batch.stacked("coef") != 0).reshape(N_SAMPLES, N_PENALTIES, -1)
    return kept.mean(axis=0)


def ours() -> np.ndarray:
    X, y = generated()
    learner = LogisticLearner(l1_ratio=1.0, steps=(Standardize(),), n_jobs=JOBS)
    return run_question(ask_frequencies(y), learner, X, keep=("parameters",))


def _path(rows: np.ndarray) -> np.ndarray:
    warnings.simplefilter("ignore")
    X, y = generated()
    ready = StandardScaler().fit_transform(X[rows])
    model = LogisticRegression(l1_ratio=1.0, solver="liblinear", max_iter=100_000)
    return np.stack([model.set_params(C=C).fit(ready, y[rows]).coef_[0] != 0 for C in penalties()])


def loop() -> np.ndarray:
    os.environ["PYTHONWARNINGS"] = "ignore"
    work = (delayed(_path)(rows) for rows in half_samples())
    return np.mean(Parallel(n_jobs=JOBS)(work), axis=0)


SIDES = {"Foldwise": ours, "scikit-learn liblinear, joblib n_jobs=2": loop}


def main() -> None:
    asked = parsed(__doc__, list(SIDES), 5)
    if asked.only:
        SIDES[asked.only]()
        return
    both = [side() for side in SIDES.values()]  # loads libraries, starts workers
    apart = float(np.abs(both[0] - both[1]).max())
    taken = medians(SIDES, asked.runs)
    whole = whole_commands(list(SIDES))
    rows, fast = comparison(taken, whole, 2), taken["Foldwise"]
    slow = taken["scikit-learn liblinear, joblib n_jobs=2"]
    notes = (
        f"Medians of {asked.runs} runs. Foldwise is {slow / fast:.1f} times as fast. Shares of "
        f"half-samples differ by at most {apart:.2f}: liblinear penalises the intercept and stops "
        "at its default tolerance."
    )
    title = f"{N_SAMPLES} half-samples x {N_PENALTIES} penalties, L1 logistic, 211 x 128"
    write_section(title, rows, notes)


if __name__ == "__main__":
    main()
