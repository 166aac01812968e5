"""Audit a user's table: read it with its roles, and gather every finding."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foldwise.audit.cohort import audit_cohort, gravest_first
from foldwise.audit.findings import Finding
from foldwise.audit.subjects import propose_groups
from foldwise.data.rules import BinaryTarget
from foldwise.data.tables import Table
from foldwise.errors import InvalidInputError
from foldwise.studies.cohorts import Cohort, load_cohort
from foldwise.studies.config import BiomarkersConfig, CohortConfig, make_config
from foldwise.studies.sections import Watch

__all__ = ["Audited", "audit", "audit_tables"]


@dataclass(frozen=True, eq=False)
class Audited:
    """A table, its classes and what was found.

    Parameters
    ----------
    table : Table
        As it was read.
    target : BinaryTarget
        Which rows are cases.
    findings : tuple of Finding
        Gravest first.
    """

    table: Table
    target: BinaryTarget
    findings: tuple[Finding, ...]

    @property
    def stops(self) -> bool:
        """Whether a finding stops the claim."""
        return any(finding.severity == "stops" for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Return what ``audit.json`` holds.

        ``proposed_groups`` gives the subject of each id that shares a stem with another.
        """
        subjects = propose_groups(self.table.ids)
        return {
            "findings": [finding.as_dict() for finding in self.findings],
            "table": {
                "files": [vars(source) for source in self.table.sources],
                "n_rows": self.table.n_rows,
                "n_features": len(self.table.keys("feature")),
                "scale": self.table.scale,
                "positive": self.target.positive,
                "negative": self.target.negative,
                "n_positive": int(self.target.y.sum()),
                "n_negative": int((self.target.y == 0).sum()),
                "notes": [*self.table.notes, *self.target.notes],
            },
            "proposed_groups": {
                one: subject
                for one, subject in zip(self.table.ids, subjects, strict=True)
                if subject is not None
            },
        }


def audit(cohort: Cohort, config: CohortConfig, watch: Watch) -> list[Finding]:
    """Return what the audit finds, gravest first, said before anything is fitted."""
    table = cohort.table
    with watch.step("audit"):
        found = audit_cohort(table, cohort.target, folds=config.folds, test_size=config.test_size)
        if cohort.dataset is not None and cohort.rule is not None and cohort.rule.caveat:
            remedy = f"Read the set's entry: `foldwise datasets show {cohort.dataset.name}`."
            found.append(Finding("known-limits-of-the-set", "weakens", cohort.rule.caveat, remedy))
        found = gravest_first(found)
    watch.announce(found)
    return found


def audit_tables(tables: Sequence[str | Path] = (), **settings: Any) -> Audited:
    """Return the audit of one file, of features and labels apart, or of a registered set.

    Parameters
    ----------
    tables : sequence of path
        Files; none for a registered set.
    **settings
        Of `BiomarkersConfig`: ``dataset, target, positive, id_column, groups, orientation,
        scale, covariates, batch, ignore``.

    Raises
    ------
    InvalidInputError
        If neither or both of files and a set are given, or the files are not as a study
        needs them.

    Examples
    --------
    >>> audit_tables(dataset="sacurine", positive="F").stops
    False
    """
    if bool(tables) == (settings.get("dataset") is not None):
        given = "Both files and a data set" if tables else "No table"
        raise InvalidInputError(
            f"{given} to audit. Give one file that holds the label column, or two (features and "
            "labels), or a registered set with --dataset NAME."
        )
    if tables:
        settings["tables"] = tuple(map(str, tables))
    config = make_config("biomarkers", settings)
    assert isinstance(config, BiomarkersConfig)
    cohort = load_cohort(config)
    return Audited(cohort.table, cohort.target, tuple(audit(cohort, config, Watch())))
