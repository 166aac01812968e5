"""What a run's facts say to the items of reporting guidelines; one function per question."""

from collections.abc import Callable, Mapping

from foldwise.studies import methods
from foldwise.studies.study_facts import NOT_DONE, StudyFacts
from foldwise.studies.study_results import Measure

__all__ = ["ANSWERS"]


def _abstract(facts: StudyFacts) -> str:
    people = f"{facts.n_positive} cases, {facts.n_negative} controls."
    headline = facts.claimed.headline
    if headline is None:
        return f"{people} {facts.absent('headline')} {methods.external_text(facts)}"
    return (
        f"{people} A model separates these cases from these controls with {headline.text}. "
        f"{methods.external_text(facts)}"
    )


def _aim(facts: StudyFacts) -> str:
    evaluated = "built and evaluated on an external cohort"
    internal = "built and internally validated"
    done = evaluated if facts.results.external else internal
    return (
        f"A model that separates these cases ('{facts.positive}') from these controls "
        f"('{facts.negative}') is {done}."
    )


def _outcome(facts: StudyFacts) -> str:
    return (
        f"Column '{facts.target}': {facts.n_positive} rows '{facts.positive}' and "
        f"{facts.n_negative} rows '{facts.negative}'."
    )


def _scale(facts: StudyFacts) -> str:
    return (
        f"{facts.n_features} features, scale {facts.scale} ({facts.scale_origin}); names as in the "
        "table of the report."
    )


def _size(facts: StudyFacts) -> str:
    return (
        f"{facts.n_rows} rows, {facts.n_positive} cases and {facts.n_negative} controls; "
        f"{facts.n_features} candidate features: {facts.cases_per_feature:.2f} rows of the smaller "
        "class per feature. No calculation of sample size was part of this run."
    )


def _preprocessing(facts: StudyFacts) -> str:
    steps = "; ".join(facts.preprocessing)
    return f"{steps[:1].upper()}{steps[1:]}." if steps else "Features were used as read."


def _models(facts: StudyFacts) -> str:
    return f"{'; '.join(facts.models)}. {_tuning(facts)}"


def _tuning(facts: StudyFacts) -> str:
    return facts.tuning or f"Nothing was tuned: settings were fixed beforehand ({facts.models[0]})."


def _clusters(facts: StudyFacts) -> str:
    parts = []
    if facts.scheme.groups:
        parts.append(f"Rows of one '{facts.scheme.groups}' stay in one fold.")
    if facts.batch:
        parts.append(f"Batch: column '{facts.batch}'.")
    if facts.scheme.leave_batch_out:
        parts.append(f"Each '{facts.scheme.leave_batch_out}' was left out in turn.")
    return (
        " ".join(parts)
        or "No column of groups or batches was given; rows are taken as independent."
    )


def _clusters_and_audit(facts: StudyFacts) -> str:
    return f"{_clusters(facts)} {methods.audit_text(facts)}"


def _measures(facts: StudyFacts) -> str:
    found = facts.claimed
    measures = [found.headline, *found.others, *found.baselines, found.gain, found.apparent]
    if found.calibration:
        measures += [
            found.calibration.slope,
            found.calibration.brier,
            found.calibration.intercept,
        ]
    if found.operating_point:
        measures += [found.operating_point.sensitivity, found.operating_point.specificity]
    named = list(dict.fromkeys(_name(one) for one in measures if one is not None))
    return f"{'; '.join(named)}." if named else facts.absent("headline")


def _name(measure: Measure) -> str:
    return f"{measure.name} ({measure.interval})" if measure.interval else measure.name


def _balance(facts: StudyFacts) -> str:
    done = facts.class_balance or "Whether classes were weighted or resampled was not recorded."
    return f"Cases are {100 * facts.share_positive:.0f} % of the rows. {done}"


def _fairness(facts: StudyFacts) -> str:
    known = ", ".join(facts.covariates)
    looked = f"Known influences in the table: {known}. " if known else ""
    return f"{looked}Performance within groups of people: {NOT_DONE[0].lower()}{NOT_DONE[1:]}"


def _output(facts: StudyFacts) -> str:
    return (
        f"A score between 0 and 1; the higher, the more a row looks like '{facts.positive}'. It is "
        "no one's probability of illness: cases are "
        f"{100 * facts.share_positive:.0f} % of this table. {methods.operating_point_text(facts)}"
    )


def _updating(facts: StudyFacts) -> str:
    return NOT_DONE


def _model_files(facts: StudyFacts) -> str:
    size = f" ({facts.n_parameters} parameters)" if facts.n_parameters else ""
    return (
        f"The folder model/ of the run holds the headline model{size}: coefficients, intercept and "
        "the constants of preprocessing, fitted on all rows; foldwise predict computes scores of "
        "new rows from it."
    )


def _rerun(facts: StudyFacts) -> str:
    return f"{methods.versions_text(facts)} The same result again: {facts.command}."


def _performance_all(facts: StudyFacts) -> str:
    parts = [
        methods.performance_text(facts),
        methods.calibration_text(facts),
        methods.operating_point_text(facts),
        methods.external_text(facts),
    ]
    return " ".join(parts)


def _limits(facts: StudyFacts) -> str:
    internal = "" if facts.results.external else methods.NO_EXTERNAL
    parts = [internal, methods.spectrum_text(facts), *facts.limits]
    if facts.stopped:
        parts.insert(0, methods.audit_text(facts))
    return " ".join(part for part in parts if part)


def _missing_input(facts: StudyFacts) -> str:
    return (
        "The command foldwise predict refuses a table that lacks a feature, fills missing cells as "
        "in training, and warns of drift and of values outside the training range."
    )


def _infrastructure(facts: StudyFacts) -> str:
    computer = f"{facts.infrastructure}. " if facts.infrastructure else ""
    return f"{computer}Computer and seconds of each step stand at the end of the report."


def _exclusions(facts: StudyFacts) -> str:
    if facts.n_excluded is None:
        return (
            "Left out are only rows that are no samples of the study, such as pools and blanks, "
            "and rows outside the two classes; the notes of the report count them."
        )
    if not facts.n_excluded:
        return "No row of the table was left out."
    return f"{facts.n_excluded} rows: {facts.exclusions or 'no reason was recorded'}."


def _choice(facts: StudyFacts) -> str:
    return (
        f"The headline model ({facts.models[0]}) is named before any result; every other model is "
        "reported beside it."
    )


def _baselines(facts: StudyFacts) -> str:
    found = facts.claimed
    parts = [measure.text for measure in (*found.baselines, *([found.gain] if found.gain else []))]
    return f"On the same folds: {'; '.join(parts)}." if parts else facts.absent("baselines")


def _apart(facts: StudyFacts) -> str:
    tests = "" if facts.stopped else " ".join(facts.self_tests)
    return (
        "Everything learned from rows is learned inside each fit from its own training rows. "
        f"{tests or 'Leaks made before the table was read cannot be seen here.'}"
    )


def _provenance(facts: StudyFacts) -> str:
    return f"{methods.sources_text(facts)} {methods.table_text(facts)}"


def _split_files(facts: StudyFacts) -> str:
    return f"{methods.sources_text(facts)} Every split stands in splits.csv of the run."


def _meta(facts: StudyFacts) -> str:
    return "Foldwise fed no output of one model to another."


def _parameters(facts: StudyFacts) -> str:
    count = facts.n_parameters
    many = f"{count} in the headline model" if count else "One per feature and an intercept"
    return f"{many}, from {facts.n_features} features. {_tuning(facts)}"


def _features(facts: StudyFacts) -> str:
    return (
        f"All {facts.n_features} features of the table were candidates; any selection is part of a "
        f"fit and sees its training rows alone. {methods.panel_text(facts)}"
    )


def _fitting(facts: StudyFacts) -> str:
    apparent = facts.claimed.apparent
    gap = (
        f" On training rows: {apparent.text}; see the held-out value beside it." if apparent else ""
    )
    return f"{_size(facts)}{gap}"


def _interpretability(facts: StudyFacts) -> str:
    return (
        "Coefficients of linear models are given by feature, with how often they recur over random "
        "splits; a large coefficient among correlated features proves no marker."
    )


def _evaluation_and_external(facts: StudyFacts) -> str:
    return f"{methods.evaluation_text(facts)} {methods.external_text(facts)}"


def _prediction_files(facts: StudyFacts) -> str:
    return "Scores of each row stand in predictions.csv of the run, splits in splits.csv."


def _cut_off(facts: StudyFacts) -> str:
    point = facts.claimed.operating_point
    if point is None:
        return facts.absent("operating_point")
    return (
        f"{methods.cut_off_text(point)} Chosen on these data: exploratory until another cohort "
        "confirms it."
    )


def _indeterminate(facts: StudyFacts) -> str:
    return (
        f"Every row has a score and no class lies in between; labels are '{facts.positive}' or "
        f"'{facts.negative}'."
    )


ANSWERS: Mapping[str, Callable[[StudyFacts], str]] = {
    "abstract": _abstract,
    "aim": _aim,
    "apart": _apart,
    "audit": methods.audit_text,
    "balance": _balance,
    "baselines": _baselines,
    "choice": _choice,
    "clusters": _clusters,
    "clusters_and_audit": _clusters_and_audit,
    "cut_off": _cut_off,
    "evaluation": methods.evaluation_text,
    "evaluation_and_external": _evaluation_and_external,
    "exclusions": _exclusions,
    "external": methods.external_text,
    "fairness": _fairness,
    "features": _features,
    "fitting": _fitting,
    "indeterminate": _indeterminate,
    "infrastructure": _infrastructure,
    "interpretability": _interpretability,
    "limits": _limits,
    "measures": _measures,
    "meta": _meta,
    "missing": methods.missing_text,
    "missing_input": _missing_input,
    "model_files": _model_files,
    "models": _models,
    "operating_point": methods.operating_point_text,
    "outcome": _outcome,
    "output": _output,
    "parameters": _parameters,
    "performance_all": _performance_all,
    "permutation": methods.permutation_text,
    "prediction_files": _prediction_files,
    "preprocessing": _preprocessing,
    "provenance": _provenance,
    "rerun": _rerun,
    "scale": _scale,
    "single_column": _baselines,
    "size": _size,
    "sources": methods.sources_text,
    "spectrum": methods.spectrum_text,
    "split_files": _split_files,
    "table": methods.table_text,
    "tuning": _tuning,
    "updating": _updating,
    "versions": methods.versions_text,
}
"""Key of an item's ``answer`` to the function that writes it."""
