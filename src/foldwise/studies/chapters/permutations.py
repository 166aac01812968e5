"""Whether the pipeline does better than on labels that mean nothing, and its self-tests."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.audit.findings import Finding
from foldwise.errors import InvalidInputError
from foldwise.evaluation.permutation import PermutationTest, ask_permutation_test
from foldwise.evaluation.self_tests import (
    BLIND_SPOTS,
    ShuffledLabels,
    UnseenRows,
    check_shuffled_labels,
    check_unseen_rows,
)
from foldwise.fits.batch import Learner
from foldwise.fits.plan import FitPlan
from foldwise.reporting.labels import model_label
from foldwise.reporting.summary import NamedTable
from foldwise.studies.biomarker_evidence import BiomarkerEvidence
from foldwise.studies.chapters.chapter import Chapter
from foldwise.studies.inquiry import HEADLINE, Inquiry
from foldwise.studies.sections import Fact, Section, named_table

__all__ = [
    "Permutations",
    "SelfTests",
    "ask_permutations",
    "ask_self_tests",
    "permutation_chapter",
    "permutation_tables",
    "self_test_chapter",
]

_SHUFFLES = 20
"""Permutations of the self-test where no p-value is asked for."""
_FOREST_PERMUTATIONS = 200


@dataclass(frozen=True, eq=False)
class Permutations:
    """Permutation tests by model, or why there is none.

    Parameters
    ----------
    tests : mapping of str to PermutationTest
        The headline model first; empty where no permutation exists.
    strata : bool
        Whether labels moved within batches only.
    refused : str
        Why there is no test; empty otherwise.
    """

    tests: Mapping[str, PermutationTest]
    strata: bool
    refused: str = ""


def ask_permutations(inquiry: Inquiry) -> Permutations:
    """Ask the permutation test of the headline model, and of the forest if that is wanted."""
    strata = None
    if inquiry.cohort.table.keys("batch"):
        strata = inquiry.cohort.table.values("batch").to_numpy().astype(str)
    wanted: dict[str, tuple[Learner, Mapping[str, float], int]] = {
        HEADLINE: (inquiry.logistic, inquiry.headline, inquiry.config.permutations or _SHUFFLES)
    }
    if inquiry.config.permute_all and inquiry.config.permutations:
        n = min(_FOREST_PERMUTATIONS, inquiry.config.permutations)
        wanted["forest"] = (inquiry.forest, {}, n)
    tests = {}
    for model, (learner, setting, n) in wanted.items():
        try:
            tests[model] = _ask(inquiry, model, learner, setting, n, strata)
        except InvalidInputError as error:
            return Permutations({}, strata is not None, str(error))
    return Permutations(tests, strata is not None)


def _ask(
    inquiry: Inquiry,
    model: str,
    learner: Learner,
    setting: Mapping[str, float],
    n_permutations: int,
    strata: npt.NDArray[np.str_] | None,
) -> PermutationTest:
    question = ask_permutation_test(
        inquiry.y,
        setting=setting,
        n_permutations=n_permutations,
        n_folds=inquiry.n_folds,
        groups=inquiry.groups,
        strata=strata,
        seed=inquiry.config.seed,
    )
    label = f"{n_permutations} permutations, {model_label(model)}"
    return inquiry.watch.ask(label, question, learner, inquiry.X)


def permutation_chapter(
    inquiry: Inquiry, evidence: BiomarkerEvidence, found: Permutations
) -> Chapter | None:
    """Return the chapter of the p-value; None where the run did not ask for one."""
    if not inquiry.config.permutations:
        return None
    section = Section(
        "permutation",
        "Labels that mean nothing",
        "The whole pipeline again on permuted labels, preprocessing and selection included: mean "
        "within-fold AUC of one cross-validation, its folds drawn anew by the same rule.",
    )
    if found.refused:
        finding = Finding(
            "no-permutation-test",
            "weakens",
            f"No permutation test is possible: {found.refused}",
            "Read the intervals, and ask how the samples came into their batches.",
        )
        return Chapter(section, findings=(finding,))
    tables = permutation_tables(found.tests)
    section.tables = [tables[0].name]  # a picture shows the null better than a thousand rows
    section.figures = [f"permutation_null_{model}" for model in found.tests]
    for model, test in found.tests.items():
        _answer(section, model, test, evidence, found)
    return Chapter(section, tables)


def permutation_tables(tests: Mapping[str, PermutationTest]) -> tuple[NamedTable, NamedTable]:
    """Return the tests by model, and every value of their nulls."""
    rows = [
        {
            "model": model,
            "auc": test.observed,
            "n_permutations": len(test.null),
            "null_mean": test.null.mean(),
            "null_sd": test.null.std(ddof=1),
            "p_value": test.p_value,
            "p_floor": test.floor,
        }
        for model, test in tests.items()
    ]
    nulls = [
        pd.DataFrame(
            {"model": model, "permutation": np.arange(1, len(test.null) + 1), "auc": test.null}
        )
        for model, test in tests.items()
    ]
    return (
        named_table("permutation_test", "Permutation test of the pipeline", pd.DataFrame(rows)),
        named_table(
            "permutation_null",
            "Mean within-fold AUC with permuted labels",
            pd.concat(nulls, ignore_index=True),
        ),
    )


def _answer(
    section: Section,
    model: str,
    test: PermutationTest,
    evidence: BiomarkerEvidence,
    found: Permutations,
) -> None:
    reached = round(test.p_value * (len(test.null) + 1)) - 1
    within = " Labels moved within batches only." if found.strata else ""
    floor = f"; no p below {test.floor:.2g} can come of that many" if reached == 0 else ""
    values = evidence.cross_validation[model]
    section.answer(
        f"permutation-{model}",
        f"Could {model_label(model)} have come this far by chance?",
        f"With the labels as they are the statistic is {test.observed:.3f} (beside "
        f"{values.mean():.3f} over all {values.shape[0]} repeats). Of {len(test.null)} "
        f"permutations {reached} reach it: p = {test.p_value:.2g}{floor}. Permuted labels give "
        f"{test.null.mean():.3f} on average, {test.null.max():.3f} at most.{within} A small p "
        "says that values and labels are not independent in this file; it does not say why.",
    )


@dataclass(frozen=True, eq=False)
class SelfTests:
    """What the pipeline found when it tested itself.

    Parameters
    ----------
    shuffled : ShuffledLabels, optional
        None where no permutation exists.
    unseen : mapping of str to UnseenRows
        By model.
    """

    shuffled: ShuffledLabels | None
    unseen: Mapping[str, UnseenRows]


def ask_self_tests(inquiry: Inquiry, permutations: Permutations) -> SelfTests:
    """Shuffle labels, and train the folds of the first repeat again with other held-out rows."""
    test = _shuffles(inquiry, permutations)
    shuffled = None if test is None else check_shuffled_labels(test)
    held = inquiry.folds[0] == np.arange(inquiry.n_folds)[:, None]
    train = (inquiry.folds[0] >= 0) & ~held
    plan = FitPlan(train, held, inquiry.y, settings=[inquiry.headline])
    free = FitPlan(train, held, inquiry.y)
    with inquiry.watch.step("self-test: held-out rows replaced"):
        unseen = {
            HEADLINE: check_unseen_rows(inquiry.logistic, inquiry.X, plan),
            "forest": check_unseen_rows(inquiry.forest, inquiry.X, free),
        }
    return SelfTests(shuffled, unseen)


def _shuffles(inquiry: Inquiry, permutations: Permutations) -> PermutationTest | None:
    """Return shuffles of all labels: within batches a model of the batch beats guessing."""
    if permutations.tests and not permutations.strata:
        return permutations.tests[HEADLINE]
    try:
        return _ask(inquiry, HEADLINE, inquiry.logistic, inquiry.headline, _SHUFFLES, None)
    except InvalidInputError:  # no other arrangement of the labels exists
        return None


def self_test_chapter(tests: SelfTests) -> Chapter:
    """Return the two tests that the pipeline runs on itself."""
    section = Section("self-tests", "The pipeline tests itself", BLIND_SPOTS)
    findings = []
    if tests.shuffled is not None:
        findings += _answer_shuffled(section, tests.shuffled)
    for model, unseen in tests.unseen.items():
        findings += _answer_unseen(section, model, unseen)
    return Chapter(section, findings=tuple(findings))


def _answer_shuffled(section: Section, shuffled: ShuffledLabels) -> list[Finding]:
    section.facts.append(
        Fact("shuffled_auc", "AUC with shuffled labels, mean", round(shuffled.mean, 4), digits=3)
    )
    section.answer(
        "self-tests-shuffled",
        "What does the same pipeline reach when the labels are shuffled?",
        f"{shuffled.mean:.3f} on average over {shuffled.n_permutations} shuffles "
        f"({shuffled.low:.2f} to {shuffled.high:.2f} for a single one): "
        + ("as guessing would." if shuffled.passed else "more than guessing."),
    )
    if shuffled.passed:
        return []
    return [
        Finding(
            "labels-leak",
            "stops",
            f"With shuffled labels the pipeline still reaches {shuffled.mean:.3f} on average, "
            f"more than three standard errors ({shuffled.error:.3f}) above one half: labels of "
            "held-out rows enter the fits.",
            "Report this as a fault of Foldwise, with the run folder.",
        )
    ]


def _answer_unseen(section: Section, model: str, unseen: UnseenRows) -> list[Finding]:
    name = model_label(model)
    section.answer(
        f"self-tests-unseen-{model}",
        f"Do held-out rows change a fit of {name}?",
        f"{unseen.n_fits} fits were trained again with 1,000,000 in every cell of their held-out "
        f"rows: {len(unseen.changed)} of {unseen.n_arrays} learned arrays changed a bit.",
    )
    if unseen.passed:
        return []
    return [
        Finding(
            "held-out-rows-leak",
            "stops",
            f"Held-out rows change what {name} learns: {', '.join(unseen.changed[:5])}.",
            "Report this as a fault of Foldwise, with the run folder.",
        )
    ]
