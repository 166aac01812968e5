"""What 95 % intervals reach on tables of known truth.

Three kinds of tables. *Given scores*: cases N(d, 1), controls N(0, 1), so that the AUC is
Phi(d / sqrt 2). *Subjects*: 1 to 3 rows each, half of the variance between subjects; in
"mixed" tables a subject's rows may be cases and controls, and the truth is the expected AUC
over all pairs, those within a subject included (closed form). *Cross-validation*: features
N(+-m, 1), logistic models refitted in 10 x 5 folds; the AUC of a linear score b on new people is
Phi(2 b.m / (sqrt 2 |b|)), and the truth is its mean over all fits of all tables: the expected
AUC of the model trained on 4/5 of the rows. The paired tests compare two models on columns of
their own with the same signal: their expected AUCs are equal, so 5 % should be rejected.

Coverage of Wilson's interval is summed exactly; the rest is simulated.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from measure import parsed, write_section
from scipy import stats

from foldwise.evaluation.auc_bootstrap import auc_bootstrap_interval
from foldwise.evaluation.clustered_auc import obuchowski_interval
from foldwise.evaluation.cross_validation import CrossValidation, ask_cross_validation
from foldwise.evaluation.intervals import corrected_interval, corrected_p_value, delong_interval
from foldwise.evaluation.metrics import roc_auc
from foldwise.evaluation.proportions import (
    clustered_wilson_interval,
    diagnostic_table,
    predictive_values,
    wilson_interval,
)
from foldwise.evaluation.questions import Question, run_question
from foldwise.evaluation.repeated_auc import auc_over_repeats, paired_p_value_over_repeats
from foldwise.evaluation.splits import kfold_assignments
from foldwise.fits.batch import FitBatch
from foldwise.fits.logistic_learner import LogisticLearner

SIZES = (50, 100, 200, 500, 1000)
AUCS = (0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
SHARES = (0.5, 0.2)  # of cases
PAGE = Path(__file__).parents[1] / "docs" / "intervals.md"
N_RESAMPLES = 1000

Cell = tuple[int, float, float]  # rows, AUC, share of cases
Found = dict[str, float]  # method to coverage (or rejections), and "truth"


def labels(n: int, share: float) -> np.ndarray:
    return (np.arange(n) < round(share * n)).astype(float)


def holds(limits: tuple[float, float], truth: float) -> bool:
    return limits[0] <= truth <= limits[1]


def seeded(cell: Cell, kind: int, batch: int) -> np.random.Generator:
    n, auc, share = cell
    return np.random.default_rng([batch, kind, n, round(1000 * auc), round(1000 * share)])


def shares(hits: Iterator[dict[str, bool]], truth: float) -> Found:
    """Return how often each method held, and the truth."""
    found: dict[str, list[bool]] = defaultdict(list)
    for one in hits:
        for name, hit in one.items():
            found[name].append(hit)
    return {name: float(np.mean(values)) for name, values in found.items()} | {"truth": truth}


def given_scores(cell: Cell, n_tables: int, batch: int) -> Found:
    n, auc, share = cell
    rng, y = seeded(cell, 0, batch), labels(n, share)
    shift = np.sqrt(2) * stats.norm.ppf(auc)

    def tables() -> Iterator[dict[str, bool]]:
        for table in range(5 * n_tables):
            score = rng.normal(shift * y)
            hits = {"delong": holds(delong_interval(y, score), auc)}
            if table < n_tables:
                limits = auc_bootstrap_interval(y, score, n_resamples=N_RESAMPLES, seed=table)
                hits["bca"] = holds(limits, auc)
            yield hits

    return shares(tables(), auc)


def subjects(cell: Cell, n_tables: int, batch: int, mixed: bool) -> Found:
    n, auc, share = cell
    rng = seeded(cell, 1 + mixed, batch)
    shift = np.sqrt(2) * stats.norm.ppf(auc)
    within = stats.norm.cdf(shift)  # pairs of one subject share half of the variance
    truths: list[float] = []

    def tables() -> Iterator[dict[str, bool]]:
        for table in range(2 * n_tables):
            groups = np.repeat(np.arange(n), rng.integers(1, 4, n))[:n]
            of_subject = labels(n, share)[rng.permutation(n)] if mixed else None
            sick = rng.permutation(labels(int(groups.max()) + 1, share))
            y = sick[groups] if of_subject is None else of_subject
            score = shift * y + np.sqrt(0.5) * (rng.normal(size=n)[groups] + rng.normal(size=n))
            same = (groups[y == 1][:, None] == groups[y == 0]).mean()
            truth = auc + float(same) * (within - auc)
            truths.append(truth)
            hits = {
                "obuchowski": holds(obuchowski_interval(y, score, groups), truth),
                "delong, subjects ignored": holds(delong_interval(y, score), truth),
            }
            if table < n_tables // 2:
                limits = auc_bootstrap_interval(
                    y, score, groups=groups, n_resamples=N_RESAMPLES, seed=table
                )
                hits["cluster bca"] = holds(limits, truth)
            yield hits

    found = shares(tables(), auc)
    return found | {"truth": float(np.mean(truths))}


def counts(cell: Cell, n_tables: int, batch: int) -> Found:
    """Coverage of shares: sensitivity of the cell's AUC, specificity 0.8, prevalence 0.1."""
    n, sensitivity, share = cell
    rng, y = seeded(cell, 3, batch), labels(n, share)
    case, n_cases, specificity, prevalence = y == 1, int(y.sum()), 0.8, 0.1
    hits, alarms = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    missed, spared = (1 - sensitivity) * prevalence, specificity * (1 - prevalence)
    ppv, npv = hits / (hits + alarms), spared / (spared + missed)
    counted = np.arange(n_cases + 1)
    held = [holds(wilson_interval(int(one), n_cases), sensitivity) for one in counted]
    exact = float(stats.binom.pmf(counted, n_cases, sensitivity) @ np.array(held, float))

    def tables() -> Iterator[dict[str, bool]]:
        for _ in range(2 * n_tables):
            called = rng.uniform(size=n) < np.where(case, sensitivity, 1 - specificity)
            found = predictive_values(diagnostic_table(y, called), prevalence)
            # Subjects of three cases whose own sensitivity varies: Beta, correlation 1/3.
            size = max(n_cases // 3, 2)
            own = rng.beta(2 * sensitivity, 2 * (1 - sensitivity), size)
            hit = rng.uniform(size=3 * size) < np.repeat(own, 3)
            yield {
                "ppv": holds((found[0].low or 0.0, found[0].high or 1.0), ppv),
                "npv": holds((found[1].low or 0.0, found[1].high or 1.0), npv),
                "clustered wilson": holds(
                    clustered_wilson_interval(hit, np.repeat(np.arange(size), 3)), sensitivity
                ),
            }

    return shares(tables(), sensitivity) | {"wilson": exact}


def ask_with_truth(
    y: np.ndarray, folds: np.ndarray, truth: Callable[[FitBatch], np.ndarray]
) -> Question[tuple[CrossValidation, np.ndarray]]:
    """Ask for cross-validation and the true AUC of every fit."""
    question = ask_cross_validation(y, folds, roc_auc)
    batch = yield next(question)
    try:
        question.send(batch)
    except StopIteration as done:
        return done.value, truth(batch)
    raise AssertionError("cross-validation asks once")


def cross_validated(cell: Cell, n_tables: int, batch: int, l1_ratio: float) -> Found:
    n, auc, share = cell
    rng, y = seeded(cell, 4 + round(l1_ratio), batch), labels(n, share)
    mean = np.zeros(10)
    mean[:3] = stats.norm.ppf(auc) / np.sqrt(2) / np.sqrt(3)  # |2 mean| = sqrt 2 Phi^-1(AUC)
    learner = LogisticLearner(l1_ratio=l1_ratio, n_jobs=1)
    keep = ("scores", "parameters", "preprocessing")

    def true_aucs(batch: FitBatch) -> np.ndarray:
        slope = batch.stacked("coef") / batch.stacked("scale")  # (fit, feature)
        length = np.maximum(np.linalg.norm(slope, axis=1), 1e-300)
        return stats.norm.cdf(np.sqrt(2) * slope @ mean / length)

    truths: list[float] = []
    answers = []
    for table in range(n_tables):
        folds = kfold_assignments(n, n_splits=5, n_repeats=10, seed=1000 * batch + table, classes=y)
        sides = []
        for _ in range(2):
            X = rng.normal(size=(n, 10)) + (2 * y[:, None] - 1) * mean
            found, true = run_question(ask_with_truth(y, folds, true_aucs), learner, X, keep=keep)
            sides.append(found)
            truths.append(float(true.mean()))
        answers.append(sides)
    truth = float(np.mean(truths))
    smaller = int(min(y.sum(), n - y.sum()))

    def tables() -> Iterator[dict[str, bool]]:
        for one, other in answers:
            for side in (one, other):
                values = side.values.ravel()
                corrected = corrected_interval(values, test_share=0.2, smaller_class=smaller)
                median = auc_over_repeats(y, side.scores[0])
                yield {
                    "nadeau-bengio": holds(corrected, truth),
                    "delong of one repeat": holds(delong_interval(y, side.scores[0, 0]), truth),
                    "delong, median of repeats": holds(
                        (median.low or 0.0, median.high or 1.0), truth
                    ),
                }
            apart = (one.values - other.values).ravel()
            p_delong = paired_p_value_over_repeats(y, one.scores[0], other.scores[0])
            p_corrected = corrected_p_value(apart, test_share=0.2)
            yield {
                "p delong, median": p_delong is not None and p_delong / 2 < 0.05,
                "p delong": p_delong is not None and p_delong < 0.05,  # twice the median
                "p nadeau-bengio": p_corrected is not None and p_corrected < 0.05,
            }

    return shares(tables(), truth)


KINDS: dict[str, Callable[[Cell, int, int], Found]] = {
    "given scores": given_scores,
    "subjects, one class each": lambda cell, n, batch: subjects(cell, n, batch, mixed=False),
    "subjects, mixed": lambda cell, n, batch: subjects(cell, n, batch, mixed=True),
    "shares": counts,
    "L2 in 10 x 5 folds": lambda cell, n, batch: cross_validated(cell, n, batch, 0.0),
    "L1 in 10 x 5 folds": lambda cell, n, batch: cross_validated(cell, n, batch, 1.0),
}


LEFT_OUT: dict[str, tuple[tuple[int, ...], tuple[float, ...]]] = {
    "L2 in 10 x 5 folds": ((500,), (0.7, 0.95)),
    "L1 in 10 x 5 folds": ((500, 1000), (0.7, 0.95)),
}
"""Sizes and AUCs that would take the run past a quarter of an hour."""


def cells_of(kind: str) -> list[Cell]:
    sizes, aucs = LEFT_OUT.get(kind, ((), ()))
    grid = product(SIZES, AUCS, SHARES)
    return [(n, auc, share) for n, auc, share in grid if n not in sizes and auc not in aucs]


def one_cell(kind: str, cell: Cell, n_tables: int, batch: int) -> Found:
    return KINDS[kind](cell, n_tables, batch)


def averaged(batches: Sequence[Found]) -> Found:
    return {name: float(np.mean([one[name] for one in batches])) for name in batches[0]}


BANDS = ((10, 20), (21, 50), (51, 100), (101, 500))
"""Rows of the smaller class; its subjects where each gives rows of one class."""


def table(found: dict[tuple[str, Cell], Found]) -> list[list[str]]:
    """Return one row per method, size and share of cases; one column per AUC."""
    rows = [["interval", "tables", "n", "cases", *(f"{auc:g}" for auc in AUCS)]]
    for kind, name in methods(found):
        if name == "truth" and "folds" not in kind:
            continue
        sizes = sorted({n for (k, (n, _, _)) in found if k == kind})
        for n, share in product(sizes, SHARES):
            cells = [found.get((kind, (n, auc, share)), {}).get(name) for auc in AUCS]
            values = ["" if one is None else written(name, one) for one in cells]
            rows.append([name, kind, str(n), f"{share:.0%}", *values])
    return rows


def written(name: str, value: float) -> str:
    return f"{value:.3f}" if name == "truth" else f"{100 * value:.1f}"


def methods(found: dict[tuple[str, Cell], Found]) -> list[tuple[str, str]]:
    """Return every kind of table with every method tried on it."""
    return list(dict.fromkeys((kind, name) for (kind, _), one in found.items() for name in one))


def per_unit(kind: str, name: str) -> int:
    """Return the rows of one independent unit: in mixed tables most are of several subjects."""
    return {"subjects, one class each": 2}.get(kind, 3 if name == "clustered wilson" else 1)


def summary(found: dict[tuple[str, Cell], Found]) -> list[list[str]]:
    """Return, by size of the smaller class, the mean over AUCs and the worst AUC."""
    rows = [["interval", "tables", *(f"{low} to {high}" for low, high in BANDS)]]
    for kind, name in methods(found):
        if name == "truth":
            continue
        worst = max if name.startswith("p ") else min
        row = [name, kind]
        for low, high in BANDS:
            at: dict[float, list[float]] = defaultdict(list)
            for (k, (n, auc, share)), one in found.items():
                if k == kind and low <= n * share / per_unit(kind, name) <= high:
                    at[auc].append(100 * one[name])
            values = [float(np.mean(one)) for one in at.values()]
            row.append(f"{np.mean(values):.0f} ({worst(values):.0f})" if values else "")
        rows.append(row)
    return rows


def into_page(rows: Sequence[Sequence[str]]) -> None:
    """Put the summary between the marks of the page."""
    text = PAGE.read_text("utf-8")
    start, end = "<!-- coverage -->\n", "<!-- end of coverage -->"
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    head, _, rest = text.partition(start)
    _, _, tail = rest.partition(end)
    PAGE.write_text(f"{head}{start}\n" + "\n".join(lines) + f"\n\n{end}{tail}", encoding="utf-8")


def main() -> None:
    asked = parsed(__doc__, tuple(KINDS), 1, tables=50, batches=2)
    kinds = [asked.only] if asked.only else list(KINDS)
    jobs = [(kind, cell) for kind in kinds for cell in cells_of(kind)]
    answers = Parallel(n_jobs=2, batch_size=1)(
        delayed(one_cell)(*job, asked.tables, batch)
        for batch in range(asked.batches)
        for job in jobs
    )
    found = {job: averaged(answers[place :: len(jobs)]) for place, job in enumerate(jobs)}
    if asked.only:
        for row in [*table(found), *summary(found)]:
            print(" | ".join(row))
        return
    report(found, dict.fromkeys(KINDS, asked.tables * asked.batches))


def report(found: dict[tuple[str, Cell], Found], n_tables: dict[str, int]) -> None:
    given, separate, mixed, counted, ridge, lasso = (n_tables[kind] for kind in KINDS)
    write_section(
        "Coverage of 95 % intervals",
        table(found),
        f"Per cent of tables whose interval holds the truth; columns are the AUC (of "
        f"cross-validation: of the best score there is; of shares: the sensitivity). Tables in a "
        f"cell: given scores {5 * given} (BCa {given}); subjects of one class each {2 * separate}, "
        f"mixed {2 * mixed} (bootstrap a quarter of them); predictive values and clustered "
        f"shares {2 * counted}; cross-validation {2 * ridge} (L2) and {2 * lasso} (L1), paired "
        f"tests half of them. The standard error of 95 % is 3.1 points for 50 tables, 2.2 for 100, "
        "1.0 for 500. Rows `p`: per cent rejected, 5 is right. `truth` is the expected AUC of the "
        "models.",
    )
    into_page(summary(found))


if __name__ == "__main__":
    main()
