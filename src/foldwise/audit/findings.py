"""A finding: what was seen, how much it matters, and the remedy."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["Finding", "Severity"]

Severity = Literal["stops", "weakens", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing a reader must know about the table.

    Parameters
    ----------
    check : str
        Name of the check, such as "missing-cells".
    severity : {"stops", "weakens", "note"}
        Whether the claim falls, is weaker, or only wants a remark.
    message : str
        What was seen, with its numbers.
    remedy : str
        What to do about it.
    rows, columns : tuple of str
        Where; may be empty.
    """

    check: str
    severity: Severity
    message: str
    remedy: str
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the entry of ``summary.findings``."""
        return {**asdict(self), "rows": list(self.rows), "columns": list(self.columns)}
