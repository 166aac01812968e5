"""Reporting tables hold every item of their guideline, and mark what only authors know."""

import re

import pytest
from study_facts_samples import bare_facts, full_facts, stopped_facts

from foldwise.reporting.html_report import render_report
from foldwise.reporting.summary import Summary, read_summary
from foldwise.studies.checklist_answers import ANSWERS
from foldwise.studies.checklists import (
    AUTHORS,
    STANDARDS,
    checklist_section,
    checklist_table,
    checklist_tables,
    read_checklist,
)

# Numbers of items as the guidelines count them, and lines with the parts a, b, ... apart.
COUNTS = {"tripod_ai": (27, 52), "reforms": (32, 32), "dome": (21, 21), "stard": (30, 34)}


@pytest.mark.parametrize("name", STANDARDS)
def test_every_item_is_there_once_and_in_order(name: str) -> None:
    items = [one.item for one in read_checklist(name).items]
    n_items, n_lines = COUNTS[name]
    assert len(set(items)) == len(items) == n_lines
    whole = set(items) if name in ("reforms", "dome") else {re.sub("[a-z]", "", i) for i in items}
    assert len(whole) == n_items
    if name != "dome":
        assert items == sorted(items, key=lambda one: (int(re.sub(r"\D", "", one)), one))


def test_reforms_has_eight_modules_of_the_published_sizes() -> None:
    sections = [one.section for one in read_checklist("reforms").items]
    sizes = [sections.count(section) for section in dict.fromkeys(sections)]
    assert sizes == [3, 5, 7, 3, 6, 3, 3, 2]  # Kapoor et al. (2024), table 1


def test_dome_has_four_groups_of_the_published_sizes() -> None:
    sections = [one.section for one in read_checklist("dome").items]
    sizes = {section: sections.count(section) for section in dict.fromkeys(sections)}
    assert sizes == {"Data": 4, "Optimization": 8, "Model": 4, "Evaluation": 5}


@pytest.mark.parametrize("name", STANDARDS)
def test_every_item_has_a_topic_of_its_own_and_the_source_is_cited(name: str) -> None:
    checklist = read_checklist(name)
    topics = [one.topic for one in checklist.items]
    assert all(15 <= len(topic) <= 110 for topic in topics)
    assert len(set(topics)) == len(topics)
    assert "doi 10." in checklist.source
    assert checklist.source in checklist_table(name, full_facts()).title


@pytest.mark.parametrize("name", STANDARDS)
def test_what_only_authors_know_is_marked_and_nothing_else_is(name: str) -> None:
    for run in (full_facts(), bare_facts(), stopped_facts()):
        frame = checklist_table(name, run).frame
        by_authors = frame["who"] == "authors"
        assert (frame.loc[by_authors, "filled"] == AUTHORS).all()
        assert by_authors.any() or name == "dome"
        both = frame["who"] == "Foldwise and authors"
        assert frame.loc[both, "filled"].str.contains(r"\[Authors: .+\]$").all()
        tool = frame["who"] == "Foldwise"
        assert not frame.loc[tool, "filled"].str.contains("[Authors", regex=False).any()
        assert (frame["filled"].str.len() > 5).all()


def test_every_answer_is_asked_for_by_an_item() -> None:
    asked = {one.answer for name in STANDARDS for one in read_checklist(name).items}
    assert asked - {None} == set(ANSWERS)


def test_no_item_names_an_illness_or_a_danger_for_the_tool() -> None:
    for name in STANDARDS:
        for one in read_checklist(name).items:
            words = f"{one.topic} {one.ask or ''}".casefold()
            assert "diagnos" not in words
            assert "risk" not in words


def test_the_section_says_what_is_left_and_that_a_stopped_run_gives_nothing() -> None:
    section = checklist_section(full_facts())
    assert section.tables == list(STANDARDS)
    whos = [one.who for name in STANDARDS for one in read_checklist(name).items]
    answer = section.answers[0]["answer"]
    assert answer.startswith(f"{whos.count('authors')} of {len(whos)} items are theirs alone")
    assert "no result is given" in checklist_section(stopped_facts()).answers[0]["answer"]


def test_tables_and_section_come_back_from_disk_and_onto_the_page(tmp_path) -> None:
    facts = full_facts()
    tables = checklist_tables(facts)
    summary = Summary("biomarkers", "A study", "No.", tables=tables)
    summary.result["sections"] = [checklist_section(facts).as_dict()]
    summary.write(tmp_path)
    again = read_summary(tmp_path)
    assert again.tables["stard"].frame.equals(tables["stard"].frame)
    page = render_report(again)
    assert "Table of test against reference" in page
    assert "28 cases lie above and 9 below" in page
