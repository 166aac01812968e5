"""Formulas and site cells are read as written, or refused by name."""

import json
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foldwise.data.composition import (
    ELEMENTS,
    amount_text,
    parse_formula,
    parse_site,
    parse_site_column,
    site_text,
)
from foldwise.errors import InvalidInputError

_amounts = st.dictionaries(
    st.sampled_from(ELEMENTS), st.integers(1, 4000).map(lambda n: n / 100), min_size=1, max_size=6
)


def test_there_are_118_elements_in_the_order_of_their_numbers():
    assert len(ELEMENTS) == len(set(ELEMENTS)) == 118
    assert [ELEMENTS[z - 1] for z in (1, 26, 57, 82, 118)] == ["H", "Fe", "La", "Pb", "Og"]


@given(_amounts)
def test_a_written_formula_reads_back_as_the_same_composition(amounts):
    text = "".join(symbol + amount_text(n) for symbol, n in amounts.items())
    assert parse_formula(text) == pytest.approx(amounts, abs=1e-9)  # two decimals were written


@given(_amounts, st.integers(2, 5))
def test_a_bracket_multiplies_what_it_holds(amounts, n):
    inner = "".join(symbol + amount_text(count) for symbol, count in amounts.items())
    expected = {symbol: n * count for symbol, count in amounts.items()}
    assert parse_formula(f"({inner}){n}") == pytest.approx(expected)


@given(_amounts)
def test_a_site_survives_being_written_and_read(amounts):
    total = math.fsum(amounts.values())
    pairs = [(symbol, n / total) for symbol, n in amounts.items()]
    text = site_text(pairs)
    assert dict(parse_site(text)) == pytest.approx(dict(pairs), abs=1e-6)  # six decimals
    assert site_text(parse_site(text)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("BaTiO3", {"Ba": 1, "Ti": 1, "O": 3}, id="plain"),
        pytest.param("La0.5Sr0.5MnO3", {"La": 0.5, "Sr": 0.5, "Mn": 1, "O": 3}, id="decimals"),
        pytest.param("[(Ba0.5Sr0.5)2]TiO4", {"Ba": 1, "Sr": 1, "Ti": 1, "O": 4}, id="nested"),
        pytest.param("CuSO4·5H2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}, id="hydrate"),
        pytest.param("CaSO4·0.5H2O", {"Ca": 1, "S": 1, "O": 4.5, "H": 1}, id="half-hydrate"),
        pytest.param("BaTiO₃", {"Ba": 1, "Ti": 1, "O": 3}, id="subscripts"),
        pytest.param("CO", {"C": 1, "O": 1}, id="two-elements-not-cobalt"),
        pytest.param("Co", {"Co": 1}, id="cobalt-not-two-elements"),
    ],
)
def test_formulas_are_read(text, expected):
    assert parse_formula(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("XxO3", "'Xx' is not an element", id="unknown-element"),
        pytest.param("bao3", "'b' is not expected", id="lower-case"),
        pytest.param("(BaTi", "not closed", id="open-bracket"),
        pytest.param("BaTi)O3", "never opened", id="closed-bracket"),
        pytest.param("", "names no element", id="empty"),
        pytest.param("BaTiO3-x", "'-' is not expected", id="unknown-amount"),
    ],
)
def test_what_is_not_a_formula_is_refused_with_a_reason(text, reason):
    with pytest.raises(InvalidInputError, match=reason):
        parse_formula(text)


_HALF = (("La", 0.5), ("Sr", 0.5))


@pytest.mark.parametrize(
    ("cell", "pairs"),
    [
        pytest.param("Ba", (("Ba", 1.0),), id="symbol"),
        pytest.param(" Sr0.5La0.5 ", _HALF, id="compact"),
        pytest.param({"Sr": 0.5, "La": 0.5}, _HALF, id="mapping"),
        pytest.param('{"La": 0.5, "Sr": 0.5}', _HALF, id="json"),
        pytest.param(json.dumps('{"La": 0.5, "Sr": 0.5}'), _HALF, id="json-encoded-twice"),
        pytest.param("{'La': 0.5, 'Sr': 0.5}", _HALF, id="python-text"),
        pytest.param({"La": 0.5, "Sr": 0.5, "Ba": 0.0}, _HALF, id="share-of-zero"),
    ],
)
def test_site_cells_are_read_in_every_form(cell, pairs):
    assert parse_site(cell) == pairs


def test_rounded_shares_are_put_right():
    shares = dict(parse_site("La0.333Sr0.333Ba0.333"))
    assert list(shares.values()) == pytest.approx([1 / 3] * 3, abs=1e-12)


def test_shares_that_sum_to_nine_tenths_are_refused_with_the_sum():
    with pytest.raises(InvalidInputError, match=r"'La0.5Sr0.4' sum to 0.9, not to 1"):
        parse_site("La0.5Sr0.4")


@pytest.mark.parametrize(
    "cell",
    [
        *(None, "", "fe", "Xx", 3.0, float("nan"), {}),
        *({"La": -1.0, "Sr": 2.0}, {"La": float("nan")}),
        *('{"La": true}', '{"La": [1]}', "{broken"),
    ],
)
def test_what_is_not_a_site_is_refused(cell):
    with pytest.raises(InvalidInputError, match="does not name the elements of a site"):
        parse_site(cell)


def test_all_bad_cells_of_a_column_stand_in_one_message():
    cells = pd.Series(["Xx", "Fe", "fe", None], index=["4", "5", "9", "17"], name="B")
    with pytest.raises(InvalidInputError) as caught:
        parse_site_column(cells, where="perov.csv")
    assert str(caught.value).startswith(
        "perov.csv: column 'B' has 3 entries that are not element symbols: "
        "'Xx' (row id 4), 'fe' (row id 9), '' (row id 17). Write symbols such as 'Fe'"
    )


def test_wrong_sums_of_a_column_are_named_with_their_rows():
    cells = pd.Series(["La0.5Sr0.4", "Fe"], index=["p1", "p2"], name="A")
    with pytest.raises(InvalidInputError, match=r"'La0.5Sr0.4' sums to 0.9 \(row id p1\)"):
        parse_site_column(cells, where="perov.csv")
