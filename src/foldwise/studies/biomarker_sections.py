"""Rows 1.1 to 1.7 of the study ``biomarkers``: facts, figures, and answers in words.

Every answer is computed from this table's numbers; none is fixed text.
"""

import numpy as np

from foldwise.arrays import FloatArray
from foldwise.evaluation.metrics import roc_auc
from foldwise.fits.logistic_training import SEPARABLE
from foldwise.fits.preprocessing import describe_steps
from foldwise.reporting.summary import NamedTable
from foldwise.studies.biomarker_evidence import BiomarkerEvidence
from foldwise.studies.biomarker_tables import BiomarkerTables, split_parts
from foldwise.studies.cohorts import Cohort
from foldwise.studies.inquiry import COMPARED, Inquiry
from foldwise.studies.sections import Fact, Section

__all__ = ["write_sections"]

_SPOKEN = {"logistic-none": "without penalty", "logistic-l1": "with L1"}


def write_sections(
    inquiry: Inquiry, evidence: BiomarkerEvidence, built: BiomarkerTables
) -> list[Section]:
    """Return the sections of the report, in the order of the rows."""
    cohort = inquiry.cohort
    return [
        _row_1_1(cohort, built),
        _row_1_2(cohort, evidence),
        _row_1_3(inquiry, evidence, built.tables["scaling"]),
        _row_1_4(cohort, evidence),
        _row_1_5(evidence, built),
        _row_1_6(cohort, evidence, built.tables["top_features"]),
        _row_1_7(cohort, evidence, built.tables["cv_summary"]),
    ]


def _row_1_1(cohort: Cohort, built: BiomarkerTables) -> Section:
    table, target = cohort.table, cohort.target
    X = table.X()
    missing, zero = int(np.isnan(X).sum()), int((X == 0).sum())
    section = Section("1.1", "The table", " ".join((*target.notes, *table.notes)))
    section.figures = ["design"] if "design" in built.tables else []
    section.facts = [
        Fact("X_shape", "Shape of X (samples, features)", str(X.shape)),
        Fact("y_shape", "Shape of y", str(cohort.y.shape)),
        Fact("n_positive", f"Cases: {target.positive}", int(cohort.y.sum())),
        Fact("n_negative", f"Controls: {target.negative}", int((cohort.y == 0).sum())),
        Fact("n_missing", "Missing cells", missing),
        Fact("n_zero", "Zeros", zero),
        Fact("scale", f"Scale of the features ({table.scale_origin})", table.scale),
    ]
    section.answer(
        "1.1-shape",
        "How many samples and features are there?",
        f"{X.shape[0]} samples with {X.shape[1]} features each, "
        f"{X.shape[1] / X.shape[0]:.1f} features per sample: with more than one feature per "
        "sample a linear model can fit any labels."
        if X.shape[1] > X.shape[0]
        else f"{X.shape[0]} samples with {X.shape[1]} features each: "
        f"{X.shape[0] / X.shape[1]:.1f} samples per feature.",
    )
    return section


def _row_1_2(cohort: Cohort, evidence: BiomarkerEvidence) -> Section:
    section = Section("1.2", "Training and test rows")
    n_features = cohort.table.X().shape[1]
    for part, rows in split_parts(evidence.test).items():
        cases = int(cohort.y[rows].sum())
        section.facts += [
            Fact(f"X_{part}_shape", f"Shape of X_{part}", str((int(rows.sum()), n_features))),
            Fact(f"y_{part}_shape", f"Shape of y_{part}", str((int(rows.sum()),))),
            Fact(f"cases_{part}", f"Cases in {part}", cases),
        ]
    n, n_test = len(cohort.y), int(evidence.test.sum())
    shares = [cohort.y[rows].mean() for rows in split_parts(evidence.test).values()]
    groups = cohort.table.groups()
    kept = (
        ""
        if groups is None
        else f" The {len(np.unique(groups))} groups were kept on one side each."
    )
    section.answer(
        "1.2-shapes",
        "Do the shapes match what the split should give?",
        f"Yes: {n - n_test} + {n_test} = {n} rows, {n_test / n:.0%} of them for testing; cases "
        f"are {shares[0]:.0%} of the training and {shares[1]:.0%} of the test rows.{kept}",
    )
    return section


def _row_1_3(inquiry: Inquiry, evidence: BiomarkerEvidence, scaling: NamedTable) -> Section:
    section = Section(
        "1.3",
        "Scaling, learned on training rows only",
        " ".join(
            (
                "Each fit learns this from its own training rows.",
                *describe_steps(inquiry.preparation.steps),
                *inquiry.preparation.notes,
            )
        ),
        tables=["scaling"],
        figures=["scaling"],
    )
    frame = scaling.frame
    section.facts = [
        Fact(
            "mean_train",
            "Largest |mean| of a scaled training feature",
            _largest(frame, "mean_train"),
        ),
        Fact("var_train", "Variances of scaled training features", _range(frame["var_train"])),
        Fact("mean_test", "Means of scaled test features", _range(frame["mean_test"])),
        Fact("var_test", "Variances of scaled test features", _range(frame["var_test"])),
    ]
    # Training means are 0 after scaling: the mean of all rows is how far a centre would move.
    n_test, n = int(evidence.test.sum()), len(evidence.test)
    shift = np.abs(frame["mean_test"].to_numpy()) * n_test / n
    worst = int(np.argmax(shift))
    section.answer(
        "1.3-training-rows-only",
        "Why is the scaler fitted on the training rows only?",
        "A scaler fitted on all rows would carry the test rows' means and spreads into training. "
        f"Here it would move the centre of {frame['feature'].iloc[worst]} by "
        f"{shift[worst]:.2f} standard deviations, and the median feature by "
        f"{np.median(shift):.2f}; the test score would then no longer be that of rows never seen.",
    )
    section.answer(
        "1.3-test-moments",
        "Why are the test means and variances not 0 and 1?",
        f"The test rows were scaled with the training rows' numbers: their means run from "
        f"{frame['mean_test'].min():.2f} to {frame['mean_test'].max():.2f} and their variances "
        f"from {frame['var_test'].min():.2f} to {frame['var_test'].max():.2f}, as new people's "
        f"would with {int(evidence.test.sum())} of them.",
    )
    return section


def _largest(frame: "object", column: str) -> str:
    return f"{np.abs(frame[column]).max():.1e}"  # type: ignore[index]


def _range(values: "object") -> str:
    return f"{np.min(values):.3f} to {np.max(values):.3f}"  # type: ignore[call-overload]


def _aucs(cohort: Cohort, evidence: BiomarkerEvidence, model: str) -> dict[str, float]:
    fit = evidence.models.index(model)
    return {
        part: roc_auc(cohort.y[rows], evidence.single.at(fit, rows))
        for part, rows in split_parts(evidence.test).items()
    }


def _model_figures(model: str) -> list[str]:
    return [f"{kind}_{model}" for kind in ("roc", "pr", "confusion")]


def _row_1_4(cohort: Cohort, evidence: BiomarkerEvidence) -> Section:
    model = "logistic-none"
    aucs = _aucs(cohort, evidence, model)
    section = Section(
        "1.4",
        "Logistic regression without penalty",
        tables=["coefficient_summary"],
        figures=[*_model_figures(model), f"coefficients_{model}"],
    )
    section.facts = [
        Fact(f"auc_{part}", f"ROC AUC, {part}", round(auc, 4), digits=3)
        for part, auc in aucs.items()
    ]
    test = evidence.test
    section.answer(
        "1.4-auc",
        "How well does it separate the classes?",
        f"AUC {aucs['train']:.3f} on the training rows and {aucs['test']:.3f} on the "
        f"{int(test.sum())} test rows, {int(cohort.y[test].sum())} of them cases: one test person "
        f"changing places moves such an AUC by up to {1 / cohort.y[test].sum():.3f}.",
    )
    fit = evidence.models.index(model)
    coef = evidence.single.stacked("coef")[fit]
    meaning = (
        "The training rows are separable, so no largest likelihood exists and the coefficients "
        "have no scale of their own. They are held at one: of all coefficients of this norm "
        "they have the smallest loss."
        if (fit, SEPARABLE) in evidence.single.notes
        else "The training rows are not separable, so the coefficients are those of a maximum."
    )
    section.answer(
        "1.4-coefficients",
        "What do the coefficients look like?",
        f"{meaning} Their norm is {np.linalg.norm(coef):.2f}; they run from "
        f"{coef.min():.2f} to {coef.max():.2f} log-odds per standard deviation and "
        f"{int((coef == 0).sum())} of {len(coef)} are exactly zero.",
    )
    return section


def _row_1_5(evidence: BiomarkerEvidence, built: BiomarkerTables) -> Section:
    section = Section(
        "1.5",
        "L1, L2 and elastic net",
        "All penalties are solved to convergence; the intercept is never penalised.",
        tables=["coefficients"],
        figures=[*_model_figures("logistic-l1"), "coefficients_compared"],
    )
    summary = built.tables["coefficient_summary"].frame.set_index("model")
    n_zero = {str(model): int(n) for model, n in summary["n_zero"].items()}
    l1, l2 = (summary.loc[f"logistic-{name}"] for name in ("l1", "l2"))
    section.facts += [
        Fact(f"auc_{part}", f"ROC AUC of L1, {part}", value, digits=3)
        for part, value in _rounded(built, evidence).items()
    ]
    section.answer(
        "1.5-zeros",
        "What changes in the histogram of coefficients?",
        f"L1 sets {n_zero['logistic-l1']} coefficients ({l1.share_zero:.0%}) to exactly zero, "
        f"without penalty {n_zero['logistic-none']}, with L2 {n_zero['logistic-l2']}, with the "
        f"elastic net {n_zero['logistic-elastic-net']}. The largest is {l1.largest:.2f} with L1 "
        f"against {l2.largest:.2f} with L2. A solver stopped early shows fewer zeros: these have "
        "converged.",
    )
    _answer_geometry(section, built)
    return section


def _answer_geometry(section: Section, built: BiomarkerTables) -> None:
    """Say why L1 makes zeros, with two features of the table where there are two."""
    question = "Why does L1 make zeros?"
    if built.geometry is None:
        section.answer(
            "1.5-geometry",
            question,
            "The penalty keeps |w1| + |w2| inside a diamond whose 4 corners lie on the axes, and "
            "the lowest loss inside is often at a corner. It is drawn for 2 features that "
            "separate the classes; this table has none.",
        )
        return
    geometry = built.geometry
    first, second = built.geometry_features
    section.facts += [Fact("feature_1", "Feature 1", first), Fact("feature_2", "Feature 2", second)]
    section.figures.append("l1_geometry")
    section.answer(
        "1.5-geometry",
        question,
        f"The penalty keeps |w1| + |w2| inside a diamond whose corners lie on the axes. For "
        f"{first} and {second} and a diamond of radius {geometry.radius:.2f} the lowest loss is "
        f"at the corner ({geometry.l1[0]:.2f}, {geometry.l1[1]:.2f}): one coefficient is exactly "
        f"zero. The circle of L2 has no corner; there the lowest loss is at "
        f"({geometry.l2[0]:.2f}, {geometry.l2[1]:.2f}).",
    )


def _rounded(built: BiomarkerTables, evidence: BiomarkerEvidence) -> dict[str, float]:
    predictions = built.tables["predictions"].frame
    own = predictions[predictions["model"] == "logistic-l1"]
    positive = evidence.single.plan.target_of(0)
    parts = split_parts(evidence.test)
    score = own["score"].to_numpy()
    return {part: round(roc_auc(positive[rows], score[rows]), 4) for part, rows in parts.items()}


def _with_top(top: NamedTable) -> list[str]:
    """Return the models with a positive coefficient: the others have no figure."""
    return [model for model in COMPARED if (top.frame["model"] == model).any()]


def _row_1_6(cohort: Cohort, evidence: BiomarkerEvidence, top: NamedTable) -> Section:
    n_splits = len(evidence.many_test)
    section = Section(
        "1.6",
        f"Which features point towards {cohort.target.positive}",
        "By sign towards cases, the model without penalty first, then L1; with how often each is "
        f"among the five largest over {n_splits} random splits.",
        tables=["top_features", "split_aucs"],
        figures=[*(f"top_features_{model}" for model in _with_top(top)), "split_aucs"],
    )
    for model in COMPARED:
        own = top.frame[top.frame["model"] == model]
        listed = ", ".join(
            f"{row.feature} ({row.coefficient:.2f}; top five in {row.top5_share:.0%})"
            for row in own.itertuples()
        )
        lowest = own["top5_share"].min() if len(own) else 0.0
        section.answer(
            f"1.6-top-five-{model}",
            f"Which five features have the largest positive coefficients {_SPOKEN[model]}, and do "
            "they last?",
            f"{listed or 'None is positive'}. Over {n_splits} random splits the least lasting of "
            f"these returns in {lowest:.0%} of them. A large coefficient of correlated columns is "
            "no proof of a marker: see the AUC of the column alone.",
        )
    return section


def _row_1_7(cohort: Cohort, evidence: BiomarkerEvidence, summary: NamedTable) -> Section:
    n_repeats, n_folds = evidence.folds.shape[0], int(evidence.folds.max()) + 1
    section = Section(
        "1.7",
        "Cross-validation: logistic regression and random forest on the same folds",
        f"{n_repeats} x {n_folds} stratified, shuffled folds; the scaler is fitted inside each "
        "fold. The spread of folds is not an error of the mean; the interval is.",
        tables=["cv_summary", "cv_folds"],
        figures=["cv_aucs"],
    )
    frame = summary.frame.set_index("model")
    none, l1, forest = (frame.loc[name] for name in ("logistic-none", "logistic-l1", "forest"))
    difference: FloatArray = (
        evidence.cross_validation["forest"] - evidence.cross_validation["logistic-none"]
    )
    section.answer(
        "1.7-cv",
        "What are the cross-validated AUCs of logistic regression and of the forest?",
        f"Logistic regression without penalty {none['mean']:.3f} (spread of folds "
        f"{none.spread:.3f}), with L1 {l1['mean']:.3f} ({l1.spread:.3f}), random forest "
        f"{forest['mean']:.3f} ({forest.spread:.3f}). The forest is higher in "
        f"{(difference > 0).mean():.0%} of the {difference.size} folds, on average by "
        f"{difference.mean():+.3f}.",
    )
    single, guess = frame.loc["best-single-metabolite"], float(frame["mean"]["majority"])
    section.answer(
        "1.7-baselines",
        "Do they beat the baselines?",
        f"The best single column, chosen in each fold, reaches {single['mean']:.3f} (spread "
        f"{single.spread:.3f}) and guessing {guess:.3f}: L1 gains "
        f"{l1['mean'] - single['mean']:+.3f} over one column.",
    )
    return section
