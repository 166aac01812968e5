"""StudyFacts: everything the methods paragraph and the reporting tables are written from.

A study fills it in; the writers add no number of their own. A part that was not done is
None, and the text then says so. Where the audit stops the claim, `StudyFacts.claimed` holds
no result, so that no writer can print one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from foldwise.audit.findings import Finding
from foldwise.data.tables import SourceFile
from foldwise.studies.study_results import Results

__all__ = [
    "NOT_DONE",
    "WITHHELD",
    "Scheme",
    "StudyFacts",
]

NOT_DONE = "Not done in this run."
WITHHELD = "Withheld: the audit stops the claim, and no result is given beside it."


@dataclass(frozen=True)
class Scheme:
    """How rows were split: repeats of folds, kept together by group or batch."""

    n_repeats: int
    n_folds: int
    given: bool = False
    groups: str | None = None
    n_groups: int | None = None
    leave_batch_out: str | None = None

    @property
    def text(self) -> str:
        """The scheme in words.

        Examples
        --------
        >>> Scheme(10, 5).text
        '10 x 5-fold cross-validation, shuffled, stratified by class'
        """
        kept = f", rows of one '{self.groups}' kept in one fold" if self.groups else ""
        n_groups = f" ({self.n_groups} groups)" if self.groups and self.n_groups else ""
        batch = f"; beside it, one '{self.leave_batch_out}' left out at a time" * bool(
            self.leave_batch_out
        )
        drawn = ", folds as given" if self.given else ", shuffled, stratified by class"
        return (
            f"{self.n_repeats} x {self.n_folds}-fold cross-validation{drawn}{kept}{n_groups}{batch}"
        )


@dataclass(frozen=True)
class StudyFacts:
    """Facts of one finished run.

    Parameters
    ----------
    positive, negative : str
        Labels of cases and controls.
    target : str
        Column of labels.
    n_positive, n_negative, n_features : int
    sources : tuple of SourceFile
        Files read, with SHA-256 and rows.
    scale, scale_origin : str
        Scale of the features, "guessed" or "declared".
    n_missing, n_zero : int
        Cells.
    missing : str
        How missing cells were handled, as a clause: "filled with the median of the
        training rows of each fit".
    preprocessing : tuple of str
        Steps in their order, as clauses, each with where it was learned.
    models : tuple of str
        Models as noun phrases with penalties: "logistic regression with an L1 penalty
        (C = 1)". The first is the headline model.
    scheme : Scheme
    seed : int
    versions : mapping of str to str
    command : str
        What runs it again; the same for every folder, such as ``foldwise run config.toml``.
    findings : tuple of Finding
        Of the audit.
    results : Results
        What was measured; read it through `claimed`.
    dataset : str, optional
        Registered set.
    spectrum : str, optional
        Who cases and controls are, as a clause: "known patients against healthy controls".
    n_train, n_test : int, optional
        Of a single split.
    tuning : str, optional
        How hyperparameters were chosen, as a sentence; None where they were fixed before.
    class_balance : str, optional
        What was done about unequal classes, as a sentence.
    groups, batch : str, optional
        Columns.
    covariates : tuple of str
    zeros : str, optional
        What a zero was taken for.
    n_excluded : int, optional
        Rows left out; None where none was.
    exclusions : str, optional
        Why.
    self_tests : tuple of str
        Outcomes, as sentences without numbers of performance.
    infrastructure : str, optional
        The computer; times belong to the run, for they differ between reruns.
    n_parameters : int, optional
        Of the headline model.
    limits : tuple of str
        Further sentences.

    Examples
    --------
    >>> from foldwise.data.tables import SourceFile
    >>> facts = StudyFacts(
    ...     positive="case", negative="control", target="diagnosis", n_positive=30,
    ...     n_negative=70, n_features=120, sources=(SourceFile("x.csv", "ab12", 100),),
    ...     scale="raw", scale_origin="declared", n_missing=0, n_zero=0, missing="",
    ...     preprocessing=(), models=("logistic regression",), scheme=Scheme(10, 5), seed=0,
    ...     versions={}, command="foldwise run config.toml")
    >>> facts.n_rows, facts.cases_per_feature
    (100, 0.25)
    """

    positive: str
    negative: str
    target: str
    n_positive: int
    n_negative: int
    n_features: int
    sources: tuple[SourceFile, ...]
    scale: str
    scale_origin: str
    n_missing: int
    n_zero: int
    missing: str
    preprocessing: tuple[str, ...]
    models: tuple[str, ...]
    scheme: Scheme
    seed: int
    versions: Mapping[str, str]
    command: str
    findings: tuple[Finding, ...] = ()
    results: Results = field(default_factory=Results)
    dataset: str | None = None
    spectrum: str | None = None
    n_train: int | None = None
    n_test: int | None = None
    tuning: str | None = None
    class_balance: str | None = None
    groups: str | None = None
    batch: str | None = None
    covariates: tuple[str, ...] = ()
    zeros: str | None = None
    n_excluded: int | None = None
    exclusions: str | None = None
    self_tests: tuple[str, ...] = ()
    infrastructure: str | None = None
    n_parameters: int | None = None
    limits: tuple[str, ...] = ()

    @property
    def n_rows(self) -> int:
        """Cases and controls together."""
        return self.n_positive + self.n_negative

    @property
    def n_smaller(self) -> int:
        """Rows of the smaller class."""
        return min(self.n_positive, self.n_negative)

    @property
    def cases_per_feature(self) -> float:
        """Rows of the smaller class per candidate feature (events per predictor)."""
        return self.n_smaller / self.n_features

    @property
    def share_missing(self) -> float:
        """Share of cells that are missing."""
        return self.n_missing / (self.n_rows * self.n_features)

    @property
    def share_positive(self) -> float:
        """Share of cases among the rows."""
        return self.n_positive / self.n_rows

    @property
    def stopped(self) -> bool:
        """Whether a finding of the audit stops the claim."""
        return any(finding.severity == "stops" for finding in self.findings)

    @property
    def claimed(self) -> Results:
        """The results, or none where the audit stops the claim."""
        return Results() if self.stopped else self.results

    def absent(self, part: str) -> str:
        """Return what stands in place of a part of `Results`: withheld, or never done."""
        return WITHHELD if self.stopped and getattr(self.results, part) else NOT_DONE
