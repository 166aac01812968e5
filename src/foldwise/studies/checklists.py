"""Reporting guidelines as tables that a run fills as far as it knows.

The items and their numbers are those of the guidelines; the topics are described in our own
words, and the guideline itself is the text to follow. What only the authors know is marked.

References
----------
.. [1] Collins et al. (2024), TRIPOD+AI, BMJ 385, e078378: 27 items, 52 with their parts.
.. [2] Kapoor et al. (2024), REFORMS, Sci. Adv. 10, eadk3452: 32 items in 8 modules.
.. [3] Walsh et al. (2021), DOME, Nat. Methods 18, 1122: questions in 4 groups. Its
   questions bear no numbers; ours count within each group.
.. [4] Bossuyt et al. (2015), STARD 2015, BMJ 351, h5527: 30 items, 34 with their parts.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from foldwise.reporting.summary import NamedTable
from foldwise.studies.checklist_answers import ANSWERS
from foldwise.studies.sections import Section, named_table
from foldwise.studies.study_facts import StudyFacts

__all__ = [
    "AUTHORS",
    "STANDARDS",
    "Checklist",
    "Item",
    "checklist_section",
    "checklist_table",
    "checklist_tables",
    "read_checklist",
]

STANDARDS = ("tripod_ai", "reforms", "dome", "stard")
"""Names of the tables, and of the files of items."""
AUTHORS = "[Authors]"
TOOL, BOTH, ONLY_AUTHORS = "Foldwise", "Foldwise and authors", "authors"


@dataclass(frozen=True)
class Item:
    """One item of a guideline.

    Parameters
    ----------
    item, section, topic : str
        Its number, where it belongs, and what it is about, in our words.
    answer : str, optional
        Key of `ANSWERS`; None where only the authors know.
    ask : str, optional
        What authors must add to the answer.
    """

    item: str
    section: str
    topic: str
    answer: str | None = None
    ask: str | None = None

    @property
    def who(self) -> str:
        """Who fills the item."""
        if self.answer is None:
            return ONLY_AUTHORS
        return TOOL if self.ask is None else BOTH

    def filled(self, facts: StudyFacts) -> str:
        """Return what this run says to the item."""
        if self.answer is None:
            return AUTHORS
        added = "" if self.ask is None else f" {AUTHORS[:-1]}: {self.ask}]"
        return f"{ANSWERS[self.answer](facts)}{added}"


@dataclass(frozen=True)
class Checklist:
    """A guideline: its name, where its own words are, and its items in order."""

    name: str
    title: str
    source: str
    items: tuple[Item, ...]


@cache
def read_checklist(name: str) -> Checklist:
    """Return one of `STANDARDS`.

    Examples
    --------
    >>> found = read_checklist("reforms")
    >>> len(found.items), found.items[-1].item, found.items[-1].who
    (32, '8b', 'Foldwise and authors')
    """
    text = (files("foldwise.studies") / "standards" / f"{name}.toml").read_text(encoding="utf-8")
    described: dict[str, Any] = tomllib.loads(text)
    items = tuple(Item(**entry) for entry in described["items"])
    return Checklist(name, described["title"], described["source"], items)


def checklist_table(name: str, facts: StudyFacts) -> NamedTable:
    """Return a guideline's table as this run fills it.

    Parameters
    ----------
    name : str
        One of `STANDARDS`.
    facts : StudyFacts
        Of the run. Where its audit stops the claim, no result stands in the table.
    """
    checklist = read_checklist(name)
    columns = {
        "item": [item.item for item in checklist.items],
        "section": [item.section for item in checklist.items],
        "topic": [item.topic for item in checklist.items],
        "filled": [item.filled(facts) for item in checklist.items],
        "who": [item.who for item in checklist.items],
    }
    return named_table(name, f"{checklist.title}. {checklist.source}", columns)


def checklist_tables(facts: StudyFacts) -> dict[str, NamedTable]:
    """Return the tables of all `STANDARDS` by name."""
    return {name: checklist_table(name, facts) for name in STANDARDS}


def checklist_section(facts: StudyFacts) -> Section:
    """Return the report's section on reporting guidelines; its tables are `checklist_tables`."""
    counts = {name: [item.who for item in read_checklist(name).items] for name in STANDARDS}
    n_items = sum(map(len, counts.values()))
    n_authors = sum(who.count(ONLY_AUTHORS) for who in counts.values())
    section = Section(
        "standards",
        "Reporting guidelines, filled as far as this run knows",
        "Four guidelines as tables to copy. Topics are in our own words: submit the guideline's "
        f"own form. {AUTHORS} marks what only the authors know.",
        tables=list(STANDARDS),
    )
    section.answer(
        "standards-open",
        "What is left for the authors?",
        f"{n_authors} of {n_items} items are theirs alone, and others ask them to add something."
        + (" The audit stops the claim: no result is given in any item." if facts.stopped else ""),
    )
    return section
