"""1000 permutations x 5 folds of an L1 logistic regression, 211 rows x 128 features.

All sides start from arrays in memory, standardise on the training rows of each fold and
end with the mean within-fold AUC of every permutation. Rivals run a sample of the
permutations and are scaled. liblinear penalises the intercept: it solves a slightly
different problem, and stops at its default tolerance; saga at its default of 100
passes has not converged and is let run until it has, to the same default tolerance.

Columns are generated with the correlation of metabolites: 8 factors and noise.
"""

import os
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
from measure import comparison, medians, parsed, whole_commands, write_section
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, permutation_test_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from foldwise.evaluation.metrics import roc_auc
from foldwise.evaluation.questions import Question, run_question
from foldwise.evaluation.splits import kfold_assignments
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import Standardize

N_ROWS, N_FEATURES, N_FOLDS, JOBS = 211, 128, 5, 2


def generated() -> tuple[np.ndarray, np.ndarray]:
    """Return a table of the course's shape and labels."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(N_ROWS, 8)) @ rng.normal(size=(8, N_FEATURES))
    y = (np.arange(N_ROWS) < 135).astype(float)
    return factors + 2.0 * rng.normal(size=factors.shape) + 0.5 * y[:, None], rng.permutation(y)


def ask_permutations(y: np.ndarray, n_permutations: int) -> Question[np.ndarray]:
    """Ask for the mean within-fold AUC of permuted labels, in one plan.

    Folds are stratified by the permuted labels: they move with them.
    """
    rng = np.random.default_rng(1)
    fold = kfold_assignments(len(y), n_splits=N_FOLDS, classes=y)[0]
    order = np.stack([rng.permutation(len(y)) for _ in range(n_permutations)])
    held = fold[order][:, None] == np.arange(N_FOLDS)[:, None]  # (permutation, fold, sample)
    held, targets = held.reshape(-1, N_ROWS), y[order]
    target = np.repeat(targets, N_FOLDS, axis=0)
    batch = yield FitPlan(~held, held, target)
    aucs = [roc_auc(target[f, held[f]], batch.at(f, held[f])) for f in range(len(held))]
    return np.reshape(aucs, (n_permutations, N_FOLDS)).mean(axis=1)


def ours(C: float, n_permutations: int) -> np.ndarray:
    """Run the whole question."""
    X, y = generated()
    learner = LogisticLearner(C=C, l1_ratio=1.0, steps=(Standardize(),), n_jobs=JOBS)
    return run_question(ask_permutations(y, n_permutations), learner, X)


def rival(C: float, solver: str, n_permutations: int) -> np.ndarray:
    """Run scikit-learn's permutation test."""
    X, y = generated()
    os.environ["PYTHONWARNINGS"] = "ignore"
    warnings.simplefilter("ignore")
    model = LogisticRegression(C=C, l1_ratio=1.0, solver=solver, max_iter=100_000)
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
    return permutation_test_score(
        make_pipeline(StandardScaler(), model),
        X,
        y,
        cv=folds,
        scoring="roc_auc",
        n_permutations=n_permutations,
        n_jobs=JOBS,
    )[1]


FRACTIONS = {"liblinear": (5, 5), "saga": (50, 20)}  # of the permutations, at C = 1 and 0.1
SIDES = ("Foldwise", *(f"permutation_test_score, {solver}, n_jobs=2" for solver in FRACTIONS))


def sides_at(C: float, n: int) -> dict[str, tuple[Callable[[], object], float]]:
    """Return each side's call and what its seconds are multiplied by."""
    found: dict[str, tuple[Callable[[], object], float]] = {"Foldwise": (lambda: ours(C, n), 1.0)}
    for name, (solver, parts) in zip(SIDES[1:], FRACTIONS.items(), strict=True):
        sample = n // parts[0 if C == 1.0 else 1]
        # A rival also fits the true labels once: n + 1 permutations.
        found[name] = partial(rival, C, solver, sample), (n + 1) / (sample + 1)
    return found


def main() -> None:
    """Measure, and write the table."""
    asked = parsed(__doc__, SIDES, 3, permutations=1000)
    n = asked.permutations
    if asked.only:
        sides_at(1.0, n)[asked.only][0]()
        return
    rows: list[list[str]] = []
    spoken = []
    for C in (1.0, 0.1):
        ours(C, 2)  # the first call loads libraries
        sides = sides_at(C, n)
        taken = medians({name: run for name, (run, _) in sides.items()}, asked.runs)
        scaled = {name: value * sides[name][1] for name, value in taken.items()}
        none = dict.fromkeys(sides, (float("nan"), float("nan")))
        whole = whole_commands(list(sides), "--permutations", str(n)) if C == 1.0 else none
        table = comparison(scaled, whole)
        rows += [["C", *table[0]]] if not rows else []
        rows += [[f"{C:g}", *(cell.replace("nan", "") for cell in row)] for row in table[1:]]
        fast, liblinear, saga = scaled.values()
        spoken.append(
            f"at C = {C:g} {liblinear / fast:.1f} times as fast as liblinear and "
            f"{saga / fast:.0f} times as fast as saga"
        )
    notes = (
        f"Medians of {asked.runs} runs; rivals run a sample (liblinear a fifth of the "
        "permutations; saga a fiftieth at C = 1 and a twentieth at 0.1), and their seconds are "
        f"scaled; their whole command is that of the sample. Foldwise is {', '.join(spoken)}."
    )
    write_section(f"{n} permutations x {N_FOLDS} folds, L1 logistic, 211 x 128", rows, notes)


if __name__ == "__main__":
    main()
