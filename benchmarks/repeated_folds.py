"""20 x 5 folds of an L2 logistic regression, 211 rows x 128 features.

Both sides draw the same number of stratified folds, standardise on the training rows of
each, and end with the AUC within every fold. The rival is `cross_val_score` with a pipeline
of StandardScaler and LogisticRegression (lbfgs), in one process and in two; its workers are
started before the clock.
"""

import numpy as np
from measure import comparison, medians, parsed, whole_commands, write_section
from permutations import generated
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from foldwise.evaluation.cross_validation import ask_cross_validation
from foldwise.evaluation.metrics import roc_auc
from foldwise.evaluation.questions import run_question
from foldwise.evaluation.splits import kfold_assignments
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.preprocessing import Standardize

N_REPEATS, N_FOLDS, JOBS = 20, 5, 2


def ours() -> np.ndarray:
    X, y = generated()
    folds = kfold_assignments(len(y), n_splits=N_FOLDS, n_repeats=N_REPEATS, classes=y)
    learner = LogisticLearner(steps=(Standardize(),), n_jobs=JOBS)
    return run_question(ask_cross_validation(y, folds, roc_auc), learner, X).values


def rival(n_jobs: int) -> np.ndarray:
    X, y = generated()
    folds = RepeatedStratifiedKFold(n_splits=N_FOLDS, n_repeats=N_REPEATS, random_state=0)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    return cross_val_score(model, X, y, cv=folds, scoring="roc_auc", n_jobs=n_jobs)


SIDES = {
    "Foldwise": ours,
    "cross_val_score, n_jobs=1": lambda: rival(1),
    "cross_val_score, n_jobs=2": lambda: rival(JOBS),
}


def main() -> None:
    asked = parsed(__doc__, list(SIDES), 9)
    if asked.only:
        SIDES[asked.only]()
        return
    means = [float(side().mean()) for side in SIDES.values()]  # loads libraries, starts workers
    taken = medians(SIDES, asked.runs)
    whole = whole_commands(list(SIDES))
    rows, fast = comparison(taken, whole, 3), taken["Foldwise"]
    best = min(value for name, value in taken.items() if name != "Foldwise")
    notes = (
        f"Medians of {asked.runs} runs. Foldwise is {best / fast:.1f} times as fast as the better "
        f"of the two. Mean AUC {means[0]:.3f} and {means[1]:.3f} (folds are drawn apart)."
    )
    write_section(f"{N_REPEATS} x {N_FOLDS} folds, L2 logistic, 211 x 128", rows, notes)


if __name__ == "__main__":
    main()
