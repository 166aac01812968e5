"""What is known of each feature: alone, in the models, and on half-samples."""

import numpy as np
import pandas as pd

from foldwise.arrays import IntArray
from foldwise.audit.findings import Finding
from foldwise.audit.names import check_foreign_names
from foldwise.data.rules import counted
from foldwise.errors import InvalidInputError, first_few
from foldwise.evaluation.coefficients import CoefficientSpread, coefficient_spread
from foldwise.evaluation.cross_validation import ask_splits
from foldwise.evaluation.explanations import Explanations, forest_shap, linear_shap
from foldwise.evaluation.importance import ClusterImportance, cluster_importance
from foldwise.evaluation.univariate import UnivariateTests, one_row_per_subject, univariate_tests
from foldwise.fits.batch import FitBatch
from foldwise.reporting.labels import model_label
from foldwise.reporting.summary import NamedTable
from foldwise.studies.biomarker_evidence import BiomarkerEvidence
from foldwise.studies.chapters.chapter import Chapter
from foldwise.studies.chapters.panel import Panel
from foldwise.studies.inquiry import COMPARED, HEADLINE, Inquiry
from foldwise.studies.metabolite_table import (
    coefficient_spread_table,
    metabolite_table,
    shap_table,
)
from foldwise.studies.sections import Section

__all__ = ["metabolites_chapter"]

_FLAGS = {"drug-names": "drug", "artefact-names": "reagent or plastic"}
_SIGNIFICANT = 0.05


def metabolites_chapter(
    inquiry: Inquiry, evidence: BiomarkerEvidence, panel: Panel | None, clusters: IntArray
) -> Chapter:
    """Return one table of all that is known of each feature, and the figures beside it."""
    section = Section(
        "metabolites",
        "What is known of each feature",
        "Tests and AUC are of single columns over the whole table; coefficients are those of the "
        f"{len(evidence.many_test)} random splits; SHAP values and importance are of held-out "
        "rows. One row per feature: the table can be copied into a paper.",
    )
    tests, finding = _tests(inquiry)
    spreads = _spreads(evidence)
    n_read = inquiry.X.shape[1]  # columns that a step has added have no abundance
    forest = _forest(inquiry)
    importance = cluster_importance(
        forest, inquiry.X, clusters[:n_read], seed=inquiry.config.seed, n_jobs=inquiry.n_jobs
    )
    shap = _shap(inquiry)
    explained = {HEADLINE: _of_read(shap, n_read)}
    if inquiry.config.shap_forest:
        explained["forest"] = _of_read(forest_shap(forest, inquiry.X), n_read)
    tables = [coefficient_spread_table(inquiry.names, spreads)]
    if tests is not None:
        table = metabolite_table(
            inquiry.names[:n_read],
            tests,
            scale=inquiry.cohort.table.scale,
            coefficients=_read_only(spreads[HEADLINE], n_read),
            frequency=None if panel is None else panel.selection.frequency[:n_read],
            clusters=clusters[:n_read] + 1,
            shap_size=shap.mean_size[:n_read],
            importance=importance,
            flags=_flags(inquiry),
            identifiers=_identifiers(inquiry),
        )
        tables.insert(0, table)
        section.figures.append("volcano")
        _answer_univariate(section, tests, table)
    ids = inquiry.cohort.table.ids
    tables.append(shap_table(inquiry.names[:n_read], ids, inquiry.X, explained))
    section.figures.append(f"coefficient_spread_{HEADLINE}")
    section.figures += [f"shap_values_{model}" for model in explained]
    section.tables = ["metabolites"] if tests is not None else []
    _answer_coefficients(section, inquiry, spreads)
    _answer_importance(section, inquiry, importance, clusters[:n_read])
    return Chapter(section, tuple(tables), findings=finding)


def _tests(inquiry: Inquiry) -> tuple[UnivariateTests | None, tuple[Finding, ...]]:
    """Return the tests of single columns, one row per subject; None for paired designs."""
    X, y = inquiry.X, inquiry.y
    try:
        if inquiry.groups is not None:
            X, y = one_row_per_subject(X, y, inquiry.groups)
        return univariate_tests(X, y, scale=inquiry.cohort.table.scale), ()
    except InvalidInputError as error:
        finding = Finding(
            "no-univariate-tests",
            "note",
            f"Single features were not tested: {error}",
            "Test differences within subjects.",
        )
        return None, (finding,)


def _spreads(evidence: BiomarkerEvidence) -> dict[str, CoefficientSpread]:
    coef = evidence.many.stacked("coef")
    return {
        model: coefficient_spread(coef[place :: len(COMPARED)])
        for place, model in reversed(list(enumerate(COMPARED)))
    }


def _read_only(spread: CoefficientSpread, n_read: int) -> CoefficientSpread:
    """Return the spread of the features that were read, without added columns."""
    return CoefficientSpread(**{name: value[:n_read] for name, value in vars(spread).items()})


def _shap(inquiry: Inquiry) -> Explanations:
    """Return exact SHAP values of the headline model, each row by fits that held it out."""
    held = inquiry.folds[:, None] == np.arange(inquiry.n_folds)[:, None]  # (repeat, fold, sample)
    batch = inquiry.watch.ask(
        "held-out rows explained",
        ask_splits(
            inquiry.y,
            held.reshape(-1, len(inquiry.y)),
            settings=[inquiry.headline],
            seed=inquiry.config.seed,
        ),
        inquiry.logistic,
        inquiry.X,
        keep=("scores", "parameters", "preprocessing"),
    )
    return linear_shap(batch, inquiry.X)


def _of_read(explanations: Explanations, n_read: int) -> Explanations:
    return Explanations(explanations.values[:, :n_read], explanations.base, explanations.rows)


def _forest(inquiry: Inquiry) -> FitBatch:
    """Return the forests of the folds of the first repeat, as they were fitted."""
    held = inquiry.folds[0] == np.arange(inquiry.n_folds)[:, None]
    return inquiry.watch.ask(
        "forest, held-out importance",
        ask_splits(inquiry.y, held, seed=inquiry.config.seed),
        inquiry.forest,
        inquiry.X,
        keep=("scores", "preprocessing", "estimators"),
        stored=False,  # estimators are not kept on disk
    )


def _flags(inquiry: Inquiry) -> dict[str, str]:
    found = check_foreign_names(inquiry.cohort.table.keys("feature"))
    return {column: _FLAGS[one.check] for one in found for column in one.columns}


def _identifiers(inquiry: Inquiry) -> dict[str, str] | None:
    """Return identifiers of features as text, where the table brought some."""
    known = getattr(inquiry.cohort.table, "identifiers", None)
    if not known:
        return None
    return {
        feature: "; ".join(f"{kind} {value}" for kind, value in own.items())
        for feature, own in known.items()
        if feature in set(inquiry.cohort.table.keys("feature"))
    }


def _answer_univariate(section: Section, tests: UnivariateTests, table: NamedTable) -> None:
    significant = int((tests.mann_whitney_q <= _SIGNIFICANT).sum())
    best = int(np.nanargmax(np.abs(tests.auc - 0.5)))
    frame: pd.DataFrame = table.frame
    name = frame.loc[(frame["univariate_auc"] == tests.auc[best]), "feature"].iloc[0]
    section.answer(
        "metabolites-univariate",
        "Which single features differ?",
        f"{significant} of {len(tests.auc)} at q <= {_SIGNIFICANT} (Mann-Whitney, Benjamini and "
        f"Hochberg over all columns). Farthest from 1/2 is the AUC of {name}: "
        f"{tests.auc[best]:.3f} ({tests.auc_low[best]:.3f} to {tests.auc_high[best]:.3f}), chosen "
        "as the best of all columns and therefore a little too good.",
    )


def _answer_coefficients(
    section: Section, inquiry: Inquiry, spreads: dict[str, CoefficientSpread]
) -> None:
    spread = spreads[HEADLINE]
    order = np.argsort(-np.abs(spread.median), kind="stable")[:5]
    listed = [
        f"{inquiry.names[one]} ({spread.median[one]:+.2f}, zero in {spread.share_zero[one]:.0%})"
        for one in order
    ]
    never = int((spread.share_zero == 0).sum())
    section.answer(
        "metabolites-coefficients",
        "Which coefficients stay when other samples are drawn?",
        f"With L1 {never} of {len(spread.median)} are never zero over the random splits. The "
        f"largest medians: {first_few(listed, quoted=False)}. Correlated features take turns: see "
        "the clusters of the panel.",
    )


def _answer_importance(
    section: Section, inquiry: Inquiry, importance: ClusterImportance, clusters: IntArray
) -> None:
    best = int(np.argmax(importance.mean))
    members = np.flatnonzero(importance.of_feature == best)
    name = inquiry.names[int(members[0])]
    others = f" and {counted(len(members) - 1, 'feature')} correlated with it"
    others = others if len(members) > 1 else ""
    section.answer(
        "metabolites-importance",
        "What does the forest lean on?",
        f"Most on {name}{others}: with these values given to other people its AUC on held-out rows "
        f"falls by {importance.mean[best]:.3f} (spread over folds {importance.spread[best]:.3f}). "
        f"{int((importance.mean <= 0).sum())} of {len(importance.mean)} clusters can be permuted "
        f"without any loss by {model_label('forest').lower()}.",
    )
