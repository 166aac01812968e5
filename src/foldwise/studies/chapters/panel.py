"""Which features are selected again and again on half-samples: the panel."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from foldwise.arrays import FloatArray, IntArray
from foldwise.audit.findings import Finding
from foldwise.errors import InvalidInputError, first_few
from foldwise.evaluation.clusters import cluster_frequency, feature_clusters
from foldwise.evaluation.decoys import DecoyPanel, decoy_panel, with_decoys
from foldwise.evaluation.half_samples import complementary_pairs
from foldwise.evaluation.selection import StabilitySelection, ask_stability_selection
from foldwise.evaluation.selection_bounds import (
    BOUND_MEANINGS,
    SelectionDesign,
    expected_errors,
    solve_selection,
)
from foldwise.evaluation.stability_index import StabilityIndex, stability_index
from foldwise.fits.batch import Learner
from foldwise.fits.preprocessing import apply_steps
from foldwise.reporting.summary import NamedTable
from foldwise.studies.biomarker_evidence import BiomarkerEvidence
from foldwise.studies.chapters.chapter import Chapter
from foldwise.studies.inquiry import Inquiry
from foldwise.studies.sections import Fact, Section, named_table

__all__ = ["Panel", "ask_panel", "clusters_of", "panel_chapter"]

_THRESHOLD, _PFER = 0.75, 1.0
_PATHS = 40  # features whose path is drawn: the most frequent


@dataclass(frozen=True, eq=False)
class Panel:
    """What stability selection found.

    Parameters
    ----------
    selection : StabilitySelection
        On the features.
    index : StabilityIndex
        How much the half-samples agree.
    decoys : DecoyPanel
        The same with a permuted copy of every feature beside them.
    capped : bool
        Whether the small half-samples, not the bound, decided q.
    """

    selection: StabilitySelection
    index: StabilityIndex
    decoys: DecoyPanel
    capped: bool


def ask_panel(inquiry: Inquiry) -> tuple[Panel | None, str]:
    """Ask for the panel; None, and why, where there is none."""
    if not inquiry.config.pairs:
        return None, ""
    try:
        design, capped = _design(inquiry)
        selection = _select(inquiry, inquiry.path_learner, inquiry.X, design, "features")
        doubled = with_decoys(inquiry.X, groups=inquiry.groups, seed=inquiry.config.seed)
        n_columns = len(inquiry.names)
        among = _select(
            inquiry, inquiry.decoy_learner, doubled, _among_decoys(design, n_columns), "decoys"
        )
    except InvalidInputError as error:
        return None, str(error)
    decoys = decoy_panel(among.frequency, n_columns)
    return Panel(selection, stability_index(selection.selected), decoys, capped), ""


def _design(inquiry: Inquiry) -> tuple[SelectionDesign, bool]:
    """Return q, threshold and PFER: two as given or by default, the third solved."""
    config, n_features = inquiry.config, len(inquiry.names)
    q, threshold, pfer = config.panel_q, config.panel_threshold, config.pfer
    if sum(one is not None for one in (q, threshold, pfer)) < 2:
        if threshold is None:
            threshold = _THRESHOLD
        if q is None and pfer is None:
            pfer = _PFER
    design = solve_selection(n_features, q=q, threshold=threshold, pfer=pfer, n_pairs=config.pairs)
    # An L1 path lets in at most as many features as there are rows.
    halves = complementary_pairs(inquiry.y, n_pairs=1, groups=inquiry.groups, seed=config.seed)
    most = max(1, int(halves.sum(axis=1).min()) // 2)
    if q is not None or design.q <= most:
        return design, False
    return solve_selection(
        n_features, q=most, threshold=design.threshold, n_pairs=config.pairs
    ), True


def _among_decoys(design: SelectionDesign, n_columns: int) -> SelectionDesign:
    """Return the same q among features and decoys together."""
    return solve_selection(
        2 * n_columns, q=design.q, threshold=design.threshold, n_pairs=design.n_pairs
    )


def _select(
    inquiry: Inquiry, learner: Learner, X: FloatArray, design: SelectionDesign, label: str
) -> StabilitySelection:
    question = ask_stability_selection(
        inquiry.y, design, groups=inquiry.groups, seed=inquiry.config.seed
    )
    return inquiry.watch.ask(
        f"{design.n_pairs} pairs of half-samples, {label}",
        question,
        learner,
        X,
        keep=("parameters",),
    )


def clusters_of(inquiry: Inquiry, evidence: BiomarkerEvidence) -> IntArray:
    """Return the cluster of each feature, of the features as the models see them."""
    prepared = apply_steps(inquiry.preparation.steps, evidence.deployed.states[0], inquiry.X)
    try:
        return feature_clusters(prepared, inquiry.y)
    except InvalidInputError:  # too many features for a table of all pairs: each alone
        return np.arange(prepared.shape[1])


def panel_chapter(
    inquiry: Inquiry, panel: Panel | None, refused: str, clusters: IntArray
) -> Chapter | None:
    """Return the chapter of the panel; None where the run did not ask for one."""
    if panel is None:
        return _refused(refused) if refused else None
    selection = panel.selection
    design = selection.design
    section = Section(
        "panel",
        "The panel: what half of the samples would have selected",
        f"{design.n_pairs} complementary pairs of half-samples, stratified by class"
        + (", subjects whole. " if inquiry.groups is not None else ". ")
        + f"Each selects the first {design.q} features to enter the L1 path; the panel holds those "
        f"selected in at least {design.threshold:.0%} of the half-samples.",
        figures=["selection", "selection_path"],
    )
    tables = (
        _selection_table(inquiry, selection, clusters),
        _path_table(inquiry, selection),
        _bounds_table(design),
    )
    section.tables = [table.name for table in tables if table.name != "selection_path"]
    section.facts = _facts(panel)
    _answer_panel(section, inquiry, selection, clusters)
    _answer_bound(section, selection)
    _answer_stability(section, panel)
    _answer_decoys(section, inquiry, panel)
    return Chapter(section, tables)


def _refused(why: str) -> Chapter:
    section = Section("panel", "The panel: what half of the samples would have selected")
    finding = Finding(
        "no-panel", "note", f"No panel could be asked for: {why}", "Read the coefficients instead."
    )
    return Chapter(section, findings=(finding,))


def _selection_table(
    inquiry: Inquiry, selection: StabilitySelection, clusters: IntArray
) -> NamedTable:
    of_cluster = cluster_frequency(selection.selected, clusters)
    frame = pd.DataFrame(
        {
            "feature": inquiry.names,
            "frequency": selection.frequency,
            "selected": selection.panel,
            "cluster": clusters + 1,
            "cluster_frequency": of_cluster[clusters],
            "threshold": selection.design.threshold,
        }
    )
    frame = frame.sort_values("frequency", ascending=False, kind="stable", ignore_index=True)
    return named_table("selection", "How often each feature is selected", frame)


def _path_table(inquiry: Inquiry, selection: StabilitySelection) -> NamedTable:
    chosen = np.argsort(-selection.frequency, kind="stable")[:_PATHS]
    names = np.array(inquiry.names, dtype=object)[chosen]
    frames = [
        pd.DataFrame(
            {
                "feature": names,
                "step": n_entered,
                "frequency": selection.frequency_among_first(n_entered)[chosen],
            }
        )
        for n_entered in range(1, selection.design.q + 1)
    ]
    title = f"Selection frequency as features enter, the {len(chosen)} most frequent"
    return named_table("selection_path", title, pd.concat(frames, ignore_index=True))


def _bounds_table(design: SelectionDesign) -> NamedTable:
    rows = [
        {
            "bound": bound,
            "expected": expected_errors(
                design.n_features,
                design.q,
                design.threshold,
                bound=bound,
                n_pairs=design.n_pairs,
            ),
            "meaning": meaning,
        }
        for bound, meaning in BOUND_MEANINGS.items()
    ]
    title = "What is expected in the panel at most, and of which kind"
    return named_table("selection_bounds", title, pd.DataFrame(rows))


def _facts(panel: Panel) -> list[Fact]:
    design, index = panel.selection.design, panel.index
    found = [
        Fact("q", "Features that each half-sample selects", design.q),
        Fact("threshold", "Share of half-samples needed", round(design.threshold, 4), digits=2),
        Fact("pfer", "PFER bound", round(design.pfer, 4), digits=2),
        Fact("panel_size", "Features in the panel", int(panel.selection.panel.sum())),
    ]
    if index.value is not None:
        found.append(Fact("nogueira", "Stability index", round(index.value, 4), digits=2))
    return found


def _answer_panel(
    section: Section, inquiry: Inquiry, selection: StabilitySelection, clusters: IntArray
) -> None:
    order = np.argsort(-selection.frequency, kind="stable")
    panel = [feature for feature in order if selection.panel[feature]]
    names = inquiry.names
    listed = [f"{names[one]} ({selection.frequency[one]:.0%})" for one in panel]
    of_cluster = cluster_frequency(selection.selected, clusters)
    sizes = np.bincount(clusters)
    split = [
        one
        for one in np.flatnonzero((of_cluster >= selection.design.threshold) & (sizes > 1))
        if not selection.panel[clusters == one].any()
    ]
    text = (
        f"{len(panel)} of {len(names)}: {first_few(listed, quoted=False)}."
        if panel
        else f"None of {len(names)}: the most frequent is {names[order[0]]} with "
        f"{selection.frequency[order[0]]:.0%}."
    )
    if split:
        members = [str(names[np.flatnonzero(clusters == one)[0]]) for one in split]
        text += (
            f" In {len(split)} clusters of correlated features no member reaches "
            f"{selection.design.threshold:.0%} but one of them nearly always is selected: those of "
            f"{first_few(members)}. Correlated features split the votes."
        )
    section.answer("panel-members", "Which features are in the panel?", text)


def _answer_bound(section: Section, selection: StabilitySelection) -> None:
    design = selection.design
    section.answer(
        "panel-bound",
        "What does the bound promise?",
        f"On average the panel holds at most {design.pfer:.2g} features with a selection "
        f"probability below q/p = {design.q / design.n_features:.3f}. That is not the number of "
        "false metabolites: a feature that only correlates with a true one is selected more often.",
    )


def _answer_stability(section: Section, panel: Panel) -> None:
    index = panel.index
    text = (
        f"The stability index of Nogueira is {index.value:.2f} ({index.low:.2f} to "
        f"{index.high:.2f} over resamples of this table, not over new cohorts): 1 would be the "
        "same set every time, 0 sets drawn by chance."
        if index.value is not None and index.low is not None and index.high is not None
        else f"The stability index is not defined for {index.n_resamples} sets of "
        f"{index.mean_selected:.0f}: {index.note}"
    )
    section.answer("panel-stability", "How much do the half-samples agree?", text)


def _answer_decoys(section: Section, inquiry: Inquiry, panel: Panel) -> None:
    decoys = panel.decoys
    if decoys.threshold is None or decoys.fdp is None or decoys.floor is None:
        text = f"Beside {len(inquiry.names)} permuted copies 0 features were ever selected."
    else:
        order = np.argsort(-panel.selection.frequency, kind="stable")
        kept = [inquiry.names[one] for one in order if decoys.panel[one]]
        text = (
            f"Beside a permuted copy of each of the {len(inquiry.names)} features the estimated "
            f"share of false ones (FDP+) is smallest at a frequency of {decoys.threshold:.0%}: "
            f"{decoys.fdp:.2f}, with {len(kept)} features ({first_few(kept)}). It cannot fall "
            f"below {decoys.floor:.2f} for that many, and as the smallest of many "
            "it is on the low side."
        )
    section.answer("panel-decoys", "And what do decoys say?", text)
