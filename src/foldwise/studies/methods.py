"""The methods section of a paper, written from the facts of one run.

Every number and name in it comes from `StudyFacts`; a part that was not done is said to be
not done. It speaks of separating these cases from these controls and of internal validation,
and of no state of health of any person.
"""

from collections.abc import Iterable

from foldwise.errors import first_few
from foldwise.studies.study_facts import StudyFacts
from foldwise.studies.study_results import Measure, OperatingPoint, Results

__all__ = [
    "audit_text",
    "calibration_text",
    "cut_off_text",
    "evaluation_text",
    "external_text",
    "methods_paragraphs",
    "missing_text",
    "operating_point_text",
    "panel_text",
    "performance_text",
    "permutation_text",
    "sources_text",
    "spectrum_text",
    "table_text",
    "versions_text",
]

NO_EXTERNAL = (
    "No external cohort was scored in this run: all validation is internal, on rows of the same "
    "table."
)


def methods_paragraphs(facts: StudyFacts) -> list[str]:
    """Return the methods of a run as paragraphs, for ``result["methods"]``.

    Where a finding of the audit stops the claim, no AUC, p or panel stands in them.

    Examples
    --------
    >>> from foldwise.studies.study_facts import Scheme
    >>> facts = StudyFacts(
    ...     positive="case", negative="control", target="diagnosis", n_positive=30,
    ...     n_negative=70, n_features=120, sources=(), scale="raw", scale_origin="guessed",
    ...     n_missing=0, n_zero=3, missing="", preprocessing=("features were standardised",),
    ...     models=("logistic regression with an L1 penalty (C = 1)",), scheme=Scheme(10, 5),
    ...     seed=0, versions={"foldwise": "1.0"}, command="foldwise run config.toml")
    >>> paragraphs = methods_paragraphs(facts)
    >>> paragraphs[0].split(".")[0]
    "The table holds 100 rows: 30 'case' (cases) and 70 'control' (controls), with 120 features"
    """
    written = [
        [table_text(facts), sources_text(facts), spectrum_text(facts), missing_text(facts)],
        [audit_text(facts)],
        [_models_text(facts), _balance_text(facts)],
        [evaluation_text(facts)],
        [permutation_text(facts), panel_text(facts)],
        [operating_point_text(facts), calibration_text(facts)],
        [performance_text(facts), external_text(facts)],
        [versions_text(facts), f"The same result again: {facts.command}."],
    ]
    return [" ".join(part for part in paragraph if part) for paragraph in written]


def table_text(facts: StudyFacts) -> str:
    """Return who and what the table holds."""
    excluded = (
        f" {facts.n_excluded} rows were left out: {facts.exclusions or 'no reason was recorded'}."
        if facts.n_excluded
        else ""
    )
    return (
        f"The table holds {facts.n_rows} rows: {facts.n_positive} '{facts.positive}' (cases) and "
        f"{facts.n_negative} '{facts.negative}' (controls), with {facts.n_features} features. "
        f"Labels stand in the column '{facts.target}'. The scale of the features is {facts.scale} "
        f"({facts.scale_origin}).{excluded}"
    )


def sources_text(facts: StudyFacts) -> str:
    """Return the files read, each with its hash."""
    listed = [
        f"{source.name} ({source.n_rows} rows, SHA-256 {source.sha256})" for source in facts.sources
    ]
    read = f"Read from {_and(listed)}." if listed else ""
    registered = f" It is the registered data set {facts.dataset}." if facts.dataset else ""
    return f"{read}{registered}".strip()


def spectrum_text(facts: StudyFacts) -> str:
    """Return whom the classes stand for, and what that does to every number."""
    who = f"The contrast is {facts.spectrum}. " if facts.spectrum else ""
    return (
        f"{who}People chosen because their state was known, such as known patients and healthy "
        "controls, separate more easily than people in doubt: clinical values are usually lower."
    )


def missing_text(facts: StudyFacts) -> str:
    """Return missing cells and zeros, and what was done about them."""
    zeros = f" {facts.n_zero} cells are zero" + (
        f", taken as {facts.zeros}." if facts.zeros else "; what a zero means was not declared."
    )
    zeros = zeros if facts.n_zero else " No cell is zero."
    if not facts.n_missing:
        return f"No cell is missing.{zeros}"
    handled = f", {facts.missing}" if facts.missing else ""
    return (
        f"{facts.n_missing} cells are missing ({100 * facts.share_missing:.2g} %){handled}.{zeros}"
    )


def audit_text(facts: StudyFacts) -> str:
    """Return the findings of the audit by name; their messages may hold results."""
    if not facts.findings:
        return "The audit of the table before modelling found nothing to report."
    severities = {"stops": "stops the claim", "weakens": "weakens the claim", "note": "note"}
    listed = [
        f"{finding.check.replace('-', ' ')} ({severities[finding.severity]})"
        for finding in facts.findings
    ]
    stopped = (
        " A finding stops the claim that the features separate the classes, and no result is given."
        if facts.stopped
        else ""
    )
    return f"The audit of the table before modelling found: {_and(listed)}.{stopped}"


def _models_text(facts: StudyFacts) -> str:
    steps = f"Before each fit, {_and(facts.preprocessing)}. " if facts.preprocessing else ""
    tuning = facts.tuning or "Penalties and other settings were fixed beforehand."
    return (
        f"{steps}Everything learned from rows is learned inside each fit from its own training "
        f"rows. Models: {_and(facts.models)}; the first is the headline model. {tuning}"
    )


def _balance_text(facts: StudyFacts) -> str:
    known = facts.covariates
    covariates = f"Known influences in the table: {_and(known)}." if known else ""
    return " ".join(part for part in (facts.class_balance or "", covariates) if part)


def evaluation_text(facts: StudyFacts) -> str:
    """Return how rows were split and what is averaged."""
    single = (
        f" One split of {facts.n_train} training and {facts.n_test} test rows is shown beside it."
        if facts.n_train and facts.n_test
        else ""
    )
    validation = f"Internal validation: {facts.scheme.text}; every model saw the same folds."
    if facts.stopped:
        return f"{validation}{single}"
    tests = f" Self-tests: {' '.join(facts.self_tests)}" if facts.self_tests else ""
    return (
        f"{validation} The headline is the mean of the AUCs within folds; scores of different "
        f"folds are not pooled.{single}{tests}"
    )


def permutation_text(facts: StudyFacts) -> str:
    """Return the permutation test, its p and the smallest p it could give."""
    test = facts.claimed.permutation
    if test is None:
        return _absent(facts, "permutation test", "permutation")
    return (
        f"Permutation test: the whole pipeline of the headline model was repeated on {test.n} "
        f"permutations of the labels with folds redrawn by the same rule; statistic: "
        f"{test.statistic}; p = {test.p:.2g}, the smallest possible being {test.floor:.2g}. It "
        "says whether features and labels are independent in this table, and no more."
    )


def panel_text(facts: StudyFacts) -> str:
    """Return what stability selection kept and what its bound bounds."""
    panel = facts.claimed.panel
    if panel is None:
        return _absent(facts, "stability selection", "panel")
    stability = f" Over resamples of this table, {panel.stability.text}." if panel.stability else ""
    names = first_few(panel.features, limit=len(panel.features)) if panel.features else "none"
    return (
        f"Stability selection: on {panel.n_half_samples} stratified half-samples the first "
        f"{panel.q} features to enter the L1 path were selected; kept are features selected in at "
        f"least {100 * panel.threshold:.3g} % of them ({names}). At most {panel.pfer:.3g} features "
        f"with a selection probability below q/p are expected among them ({panel.bound})."
        f"{stability}"
    )


def operating_point_text(facts: StudyFacts) -> str:
    """Return the threshold, its rule, the 2 x 2 table and the shares that follow."""
    point = facts.claimed.operating_point
    if point is None:
        return _absent(facts, "threshold", "operating_point")
    return (
        f"{cut_off_text(point)} Of the held-out rows {point.true_positive} cases lie above and "
        f"{point.false_negative} below the threshold of their fold, {point.false_positive} "
        f"controls above and {point.true_negative} below: {point.sensitivity.text}, "
        f"{point.specificity.text}.{_predictive(facts.claimed)}"
    )


def cut_off_text(point: OperatingPoint) -> str:
    """Return the saved model's threshold, its rule, and its spread over folds."""
    spread = (
        f" (from {point.lowest:.3f} to {point.highest:.3f} over folds)"
        if point.lowest is not None and point.highest is not None
        else ""
    )
    return f"Threshold {point.value:.3f}{spread}, chosen by {point.rule}."


def _predictive(results: Results) -> str:
    if results.prevalence is None:
        return " Predictive values depend on a prevalence, and none was stated."
    values = _measures(results.predictive_values)
    return f" At a stated prevalence of {100 * results.prevalence:.3g} %: {values}."


def calibration_text(facts: StudyFacts) -> str:
    """Return calibration of held-out scores, and what the sampling forbids to say."""
    found = facts.claimed.calibration
    if found is None:
        return _absent(facts, "calibration", "calibration")
    large = (
        found.intercept.text
        if found.intercept
        else "calibration in the large not assessable in case-control sampling"
    )
    return f"Calibration of held-out scores: {found.slope.text}, {found.brier.text}; {large}."


def performance_text(facts: StudyFacts) -> str:
    """Return the results, or that the audit withholds them."""
    results = facts.claimed
    if results.headline is None:
        return _absent(facts, "result", "headline")
    sentences = [
        f"In this table the headline model separates these cases from these controls with "
        f"{results.headline.text}."
    ]
    if results.apparent:
        sentences.append(f"On its own training rows: {results.apparent.text}.")
    for what, measures in (("Baselines", results.baselines), ("Further", results.others)):
        if measures:
            sentences.append(f"{what}: {_measures(measures)}.")
    if results.gain:
        sentences.append(f"Paired: {results.gain.text}.")
    return " ".join(sentences)


def external_text(facts: StudyFacts) -> str:
    """Return the external cohort, or that all validation is internal."""
    cohort = facts.claimed.external
    if facts.results.external is None:
        return NO_EXTERNAL
    if cohort is None:
        return _absent(facts, "external validation", "external")
    return (
        f"External validation on {cohort.n_positive} cases and {cohort.n_negative} controls that "
        f"no step of training has seen: {_measures(cohort.measures)}."
    )


def versions_text(facts: StudyFacts) -> str:
    """Return software and seed."""
    listed = _and([f"{name} {number}" for name, number in facts.versions.items()])
    software = f"Software: {listed}. " if listed else ""
    return f"{software}Every random choice follows from seed {facts.seed}."


def _absent(facts: StudyFacts, what: str, part: str) -> str:
    said = facts.absent(part)
    return f"{what[:1].upper()}{what[1:]}: {said[:1].lower()}{said[1:]}"


def _measures(measures: Iterable[Measure]) -> str:
    return "; ".join(measure.text for measure in measures)


def _and(parts: Iterable[str]) -> str:
    """Join parts with commas and one 'and'."""
    *first, last = list(parts) or [""]
    return f"{', '.join(first)} and {last}" if first else last
