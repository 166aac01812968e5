"""Labels say what the table of the docs says."""

import re
from pathlib import Path

import pytest

from foldwise.errors import InvalidInputError
from foldwise.evaluation.coverage_labels import (
    BANDS,
    COVERAGE,
    REJECTED,
    SOURCES,
    coverage_label,
    rejection_label,
)

PAGE = Path(__file__).parents[2] / "docs" / "intervals.md"


def rows_of_the_page() -> list[list[str]]:
    text = PAGE.read_text("utf-8").split("<!-- coverage -->")[1]
    lines = text.split("<!-- end of coverage -->")[0].strip().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_numbers_are_those_of_the_page() -> None:
    head, _, *rows = rows_of_the_page()
    assert [tuple(map(int, band.split(" to "))) for band in head[2:]] == list(BANDS)
    found = {}
    for name, tables, *cells in rows:
        numbers = [re.fullmatch(r"(\d+) \((\d+)\)", cell) for cell in cells]
        found[name, tables] = tuple(
            None if one is None else (int(one[1]), int(one[2])) for one in numbers
        )
    assert found == COVERAGE | REJECTED
    assert {name.startswith("p ") for name, _ in REJECTED} == {True}


def test_every_source_of_a_label_was_measured() -> None:
    assert {row for rows in SOURCES.values() for row in rows} <= set(COVERAGE)


@pytest.mark.parametrize("smaller", [10, 20, 21, 50, 51, 100, 101, 500, 4000])
def test_a_label_stands_exactly_where_the_goal_is_missed(smaller: int) -> None:
    place = min(sum(smaller > high for _, high in BANDS), len(BANDS) - 1)
    for method, rows in SOURCES.items():
        values = [pair for row in rows if (pair := COVERAGE[row][place]) is not None]
        label = coverage_label(method, smaller)
        if not values:
            assert "not measured" in label
        elif all(92 <= number <= 98 for pair in values for number in pair):
            assert label == ""
        else:
            assert f"{min(mean for mean, _ in values)} %" in label
            assert f"{min(worst for _, worst in values)} %" in label


def test_few_people_and_unknown_names_are_said() -> None:
    assert "not measured with fewer than 10" in coverage_label("wilson", 9)
    with pytest.raises(InvalidInputError, match="No interval is called 'Wilson'"):
        coverage_label("Wilson", 30)


@pytest.mark.parametrize("smaller", [10, 50, 100, 500])
def test_a_test_that_rejects_too_often_says_so(smaller: int) -> None:
    place = [high for _, high in BANDS].index(smaller) if smaller > 10 else 0
    for test in {name for name, _ in REJECTED}:
        cells = [cells[place] for (name, _), cells in REJECTED.items() if name == test]
        worst = max(pair[1] for pair in cells if pair is not None)
        label = rejection_label(test, smaller)
        assert (label == "") == (worst <= 8)
        assert not label or f"{worst} %" in label
    with pytest.raises(InvalidInputError, match="No paired test is called 'p'"):
        rejection_label("p", smaller)
