"""Whether more samples would help, and how many features are needed."""

import numpy as np
import pandas as pd

from foldwise.audit.findings import Finding
from foldwise.errors import InvalidInputError
from foldwise.evaluation.learning_curve import (
    LearningCurve,
    SubsetCurve,
    ask_learning_curve,
    ask_subset_curve,
)
from foldwise.reporting.labels import model_label
from foldwise.reporting.summary import NamedTable
from foldwise.studies.chapters.chapter import Chapter
from foldwise.studies.inquiry import HEADLINE, Inquiry
from foldwise.studies.sections import Section, named_table

__all__ = ["curves_chapter"]

_FRACTIONS = (0.2, 0.4, 0.6, 0.8, 1.0)
_FEWEST = 4  # subjects of a class in the smallest training part


def curves_chapter(inquiry: Inquiry) -> Chapter:
    """Return the learning curve and the curve over numbers of features."""
    section = Section(
        "curves",
        "More samples, fewer features",
        "The same held-out folds at every point; intervals after Nadeau and Bengio with each "
        "point's own number of training rows.",
    )
    tables, findings = [], []
    try:
        learning = _learning(inquiry)
        tables.append(_learning_table(learning))
        section.figures.append("learning_curve")
        _answer_learning(section, learning)
    except InvalidInputError as error:
        findings.append(_left_out("learning curve", error))
    subset = inquiry.watch.ask(
        "number of features",
        ask_subset_curve(inquiry.y, inquiry.folds, groups=inquiry.groups),
        inquiry.path_learner,
        inquiry.X,
        keep=("scores", "parameters"),
    )
    used = _subset_table(subset)
    if len(used.frame):
        tables.append(used)
        section.figures.append("subset_curve")
    _answer_subset(section, subset)
    section.tables = [table.name for table in tables]
    return Chapter(section, tuple(tables), findings=tuple(findings))


def _left_out(what: str, error: InvalidInputError) -> Finding:
    return Finding(f"no-{what.replace(' ', '-')}", "note", f"No {what}: {error}", "Add samples.")


def _learning(inquiry: Inquiry) -> LearningCurve:
    """Ask for the fractions at which both classes have a few subjects left to train on."""
    people = np.arange(len(inquiry.y)) if inquiry.groups is None else inquiry.groups
    smaller = min(len(np.unique(people[inquiry.y == label])) for label in (0.0, 1.0))
    in_training = smaller * (inquiry.n_folds - 1) / inquiry.n_folds
    fractions = [one for one in _FRACTIONS if one * in_training >= _FEWEST]
    question = ask_learning_curve(
        inquiry.y,
        inquiry.folds,
        fractions=fractions or _FRACTIONS[-1:],
        setting=inquiry.headline,
        groups=inquiry.groups,
        seed=inquiry.config.seed,
    )
    return inquiry.watch.ask("learning curve", question, inquiry.logistic, inquiry.X)


def _learning_table(curve: LearningCurve) -> NamedTable:
    columns = {
        "model": [HEADLINE] * len(curve.sizes),
        "n_train": curve.sizes.round().astype(int),
        "mean": curve.means,
        "low": curve.lows,
        "high": curve.highs,
    }
    return named_table("learning_curve", "AUC with fewer training samples", columns)


def _answer_learning(section: Section, curve: LearningCurve) -> None:
    last = f"{curve.means[-1]:.3f} with {curve.sizes[-1]:.0f} training samples"
    if len(curve.sizes) < 2:
        text = f"{last}: too few samples to train on fewer."
    else:
        gain = curve.values[-1] - curve.values[-2]
        text = (
            f"{model_label(HEADLINE)} reaches {curve.means[0]:.3f} with {curve.sizes[0]:.0f} and "
            f"{last}; the last {curve.sizes[-1] - curve.sizes[-2]:.0f} change it by "
            f"{gain.mean():+.3f}. "
            + (
                "The curve still rises."
                if gain.mean() > 0.005
                else "More samples of this kind would change the AUC little; they would narrow "
                "its interval."
            )
        )
    section.answer("curves-samples", "Would more samples help?", text)


def _subset_table(curve: SubsetCurve) -> NamedTable:
    frame = pd.DataFrame(
        {
            "n_features": curve.n_used,
            "mean": curve.means,
            "low": curve.lows,
            "high": curve.highs,
            "C": curve.penalties,
        }
    )
    # Where no feature is used there is no model, and the axis is logarithmic.
    kept = frame[frame["n_features"] >= 1].reset_index(drop=True)
    title = "AUC along the L1 path, by the mean number of features in use"
    return named_table("subset_curve", title, kept)


def _answer_subset(section: Section, curve: SubsetCurve) -> None:
    if curve.n_used.max() < 1:
        section.answer(
            "curves-features",
            "How many features are needed?",
            f"No feature is used on average at any of the {len(curve.penalties)} penalties: the "
            f"path finds nothing, and the AUC stays at {curve.means.max():.3f}.",
        )
        return
    best = int(np.argmax(curve.means))
    close = int(np.flatnonzero(curve.means >= curve.lows[best])[0])
    section.answer(
        "curves-features",
        "How many features are needed?",
        f"Along the L1 path the AUC is highest, {curve.means[best]:.3f} "
        f"({curve.lows[best]:.3f} to {curve.highs[best]:.3f}), with {curve.n_used[best]:.0f} "
        f"features; {curve.n_used[close]:.0f} already reach {curve.means[close]:.3f}, inside that "
        "interval. The best point was chosen on the folds that score it: it is a little too good.",
    )
