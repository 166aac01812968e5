"""The report: one file, complete, escaped, and readable without scripts or network."""

import re
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from reporting_samples import biomarkers_summary, perovskites_summary
from reviewed_samples import reviewed_summary

from foldwise.reporting.html_report import render_report
from foldwise.reporting.page_tables import cell_text
from foldwise.reporting.summary import Summary

HOSTILE = "<script>alert(1)</script>"
SUMMARIES = {"biomarkers": biomarkers_summary(HOSTILE), "perovskites": perovskites_summary()}
both_studies = pytest.mark.parametrize("study", SUMMARIES)
VOID = {"meta", "link", "br", "img", "input", "path", "use", "image", "hr", "rect", "circle"}


@cache
def _page(study: str) -> str:
    return render_report(SUMMARIES[study])


class _Outline(HTMLParser):
    """Collects what the tests ask about: ids, data anchors, headings, tags left open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.anchors: set[tuple[str, str]] = set()
        self.levels: list[int] = []
        self.references: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name.startswith("data-"):
                self.anchors.add((name, value or ""))
            if name in ("href", "src", "action", "xlink:href"):
                self.references.append(value or "")
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, f"</{tag}> closes something else"


@cache
def _outline(study: str) -> _Outline:
    return _Outline(_page(study))


@both_studies
def test_the_report_is_one_file_that_names_no_address(study):
    assert not re.search(r"https?://|url\((?!#)|@import", _page(study).lower())
    for reference in _outline(study).references:
        assert reference.startswith(("#", "data:")) or re.fullmatch(
            r"tables/[a-z0-9_]+\.csv", reference
        )
    assert len(_page(study).encode()) < 2_000_000


@both_studies
def test_every_section_figure_table_fact_and_answer_has_its_anchor(study):
    outline = _outline(study)
    for section in SUMMARIES[study].result["sections"]:
        assert f"row-{section['row']}" in outline.ids
        wanted = {("data-figure", name) for name in section["figures"]}
        wanted |= {("data-table", name) for name in section["tables"]}
        wanted |= {("data-fact", fact["key"]) for fact in section["facts"]}
        wanted |= {("data-answer", answer["key"]) for answer in section["answers"]}
        assert wanted <= outline.anchors


@both_studies
def test_ids_are_unique_and_tags_are_closed(study):
    outline = _outline(study)
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.open == []


@both_studies
def test_headings_start_at_one_and_skip_no_level(study):
    levels = _outline(study).levels
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= level + 1 for level, later in pairwise(levels))


@both_studies
def test_links_within_the_page_lead_somewhere(study):
    outline = _outline(study)
    targets = {one.removeprefix("#") for one in outline.references if one.startswith("#")}
    assert targets <= set(outline.ids)


def test_names_from_a_table_are_escaped():
    page = _page("biomarkers")
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert page.count("<script") == 1  # the page's own


@both_studies
def test_the_report_opens_with_verdict_claim_numbers_and_findings(study):
    page = _page(study)
    text = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", page[page.index("<body") :]))
    first = SUMMARIES[study].verdict.split("(")[0].strip()
    claim = f"Claim: {SUMMARIES[study].result['claim']}"
    places = [text.index(part) for part in (claim, first, "95 % interval", "What the audit found")]
    assert places == sorted(places)
    assert places[-1] < text.index("Contents")


@pytest.mark.parametrize("claim", ["supported", "not supported", "unclear"])
def test_the_claim_is_said_in_words_and_a_sign_not_by_colour_alone(claim):
    page = render_report(Summary("biomarkers", "T", "V.", result={"claim": claim}))
    assert re.search(rf'<span aria-hidden="true">.</span> Claim: {claim}<', page)


def test_the_gravest_finding_comes_first_with_its_remedy():
    page = _page("biomarkers")
    labels = re.findall(r'class="severity">([^<]*)<', page)
    assert labels == ["Stops the claim.", "Weakens the claim.", "Note."]
    assert "Ask for the abundances before they were turned into percentiles." in page


@both_studies
def test_the_report_says_how_it_was_computed(study):
    run = SUMMARIES[study].run
    page = _page(study)
    part = page[page.index('id="computed"') :]
    for text in (run["command"], run["data"][0]["sha256"], "scikit-learn", "1.9.0", "1729", "12.4"):
        assert text in part


def test_methods_are_shown_where_the_study_gives_them():
    assert 'id="methods"' in _page("biomarkers")
    assert 'id="methods"' not in _page("perovskites")


def test_long_tables_show_fifteen_rows_and_fold_the_rest():
    page = _page("biomarkers")
    part = page[page.index('data-table="scaling"') :]
    first = part[: part.index("</table>")]
    assert first.count("<tr>") == 16  # with the heading
    assert "All 120 rows" in part
    assert 'href="tables/scaling.csv"' in part


def test_a_table_too_long_for_the_page_says_how_many_rows_can_be_copied():
    page = render_report(reviewed_summary())
    assert re.search(r'data-table="metabolites">', page)  # 120 rows: all of them
    section = {"row": "1", "title": "T", "lead": "", "facts": [], "figures": [], "answers": []}
    path = reviewed_summary().tables["selection_path"]
    result = {"sections": [{**section, "tables": ["selection_path"]}]}
    long = Summary("biomarkers", "T", "V", result=result, tables={"selection_path": path})
    assert len(path.frame) > 400
    assert 'data-table="selection_path" data-part="15">' in render_report(long)


def test_numbers_stand_right_with_their_unit_in_the_heading():
    page = _page("biomarkers")
    part = page[page.index('data-table="coefficients"') :]
    assert '<th scope="col" class="number">Coefficient <span class="unit">(log-odds per sd)' in part
    assert '<td class="number">2.900</td>' in part


def test_a_section_that_names_a_missing_table_is_an_error():
    section = {"row": "1.1", "title": "T", "lead": "", "facts": [], "figures": [], "answers": []}
    result = {"sections": [{**section, "tables": ["nowhere"]}]}
    with pytest.raises(ValueError, match=r"Section 1\.1 names table 'nowhere'"):
        render_report(Summary("biomarkers", "T", "V", result=result))


def test_an_empty_summary_still_gives_a_page():
    assert "<h1>T</h1>" in render_report(Summary("biomarkers", "T", "V."))


def test_the_report_is_the_same_twice():
    assert render_report(SUMMARIES["biomarkers"]) == _page("biomarkers")


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.12345, 3, "0.123"),
        (-0.0004, 3, "0.000"),
        (-0.17, 2, "\N{MINUS SIGN}0.17"),
        (360496.216, 3, "360,496"),
        (7.73e14, 3, "7.73e14"),
        (0.0123456, None, "0.01235"),
        (1234.5678, None, "1235"),
        (12.0, None, "12"),
        (3e-7, None, "3.00e\N{MINUS SIGN}7"),
        (float("inf"), 3, "\N{INFINITY}"),
        (float("nan"), 3, ""),
        (-1841, None, "\N{MINUS SIGN}1,841"),
        (None, None, ""),
    ],
)
def test_numbers_are_printed_with_sensible_digits(value, digits, text):
    assert cell_text(value, digits) == text
