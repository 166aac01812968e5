"""Roles of columns: what the user said a column is for, and what its name says."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from foldwise.data.tables import Role

__all__ = ["TARGET_NAME", "Roles"]

TARGET_NAME = re.compile(
    r"diagnos[ei]s|labels?|class|groups?|outcome|target|y|condition|status|disease|phenotype",
    re.IGNORECASE,
)
"""Names under which tables of this field keep their labels."""


@dataclass(frozen=True)
class Roles:
    """Columns that the user gave a role."""

    target: str | None
    group: str | None
    covariates: tuple[str, ...]
    batch: str | None
    ignored: tuple[str, ...]

    def named(self) -> list[str]:
        """Return the columns with a role."""
        single = [key for key in (self.target, self.group, self.batch) if key is not None]
        return [*single, *self.covariates, *self.ignored]

    def of(self, key: str) -> Role | None:
        """Return the role of a column, or None if it was given none."""
        if key == self.target:
            return "target"
        if key == self.group:
            return "group"
        if key == self.batch:
            return "batch"
        if key in self.covariates:
            return "covariate"
        return "ignored" if key in self.ignored else None

    def leaving_out(self, keys: Iterable[str]) -> "Roles":
        """Return the roles with those of ``keys`` that have none left out."""
        spare = tuple(key for key in keys if key not in self.named())
        return replace(self, ignored=self.ignored + spare)
