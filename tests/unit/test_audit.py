"""Each check finds its planted flaw and stays silent on a clean table."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from foldwise.audit.columns import check_columns, check_scale, check_training_columns
from foldwise.audit.compositions import check_elements, check_outputs
from foldwise.audit.findings import Finding

NAMES = ["glucose", "lactate", "alanine"]
CLEAN = np.array([[5.1, 1.2, 0.3], [4.8, 0.9, 0.4], [6.0, 1.2, 0.3], [5.5, 2.0, 0.1]])


def with_missing() -> np.ndarray:
    X = CLEAN.copy()
    X[0, 0] = X[0, 2] = X[2, 2] = np.nan
    return X


def with_constant() -> np.ndarray:
    X = CLEAN.copy()
    X[:, 1] = 0.1  # a sum of tenths rounds: only the values say that it is constant
    return X


def with_repeated() -> np.ndarray:
    X = CLEAN.copy()
    X[:, 2] = X[:, 0]
    return X


@pytest.mark.parametrize(
    ("planted", "check", "severity", "columns", "said"),
    [
        pytest.param(
            with_missing,
            "missing-cells",
            "note",
            ("glucose", "alanine"),
            "3 of 12 cells (25.0%) are missing, in 2 of 3 columns; the emptiest lacks 50%",
            id="missing",
        ),
        pytest.param(
            with_constant, "constant-columns", "note", ("lactate",), "'lactate'", id="constant"
        ),
        pytest.param(
            with_repeated,
            "repeated-columns",
            "weakens",
            ("alanine",),
            "glucose = alanine",
            id="repeated",
        ),
    ],
)
def test_a_planted_flaw_of_the_columns_is_the_only_finding(
    planted: Callable[[], np.ndarray],
    check: str,
    severity: str,
    columns: tuple[str, ...],
    said: str,
) -> None:
    (finding,) = check_columns(planted(), NAMES)
    assert (finding.check, finding.severity, finding.columns) == (check, severity, columns)
    assert said in finding.message


def test_clean_columns_have_no_finding() -> None:
    assert check_columns(CLEAN, NAMES) == []


def test_a_column_of_one_value_beside_missing_cells_is_constant() -> None:
    X = with_constant()
    X[1, 1] = np.nan
    assert [finding.check for finding in check_columns(X, NAMES)] == [
        "missing-cells",
        "constant-columns",
    ]


def test_columns_that_repeat_missing_cells_too_are_repeats() -> None:
    X = with_missing()
    X[:, 0] = X[:, 2]
    assert check_columns(X, NAMES)[-1].columns == ("alanine",)


def test_columns_that_differ_in_one_cell_are_no_repeats() -> None:
    X = with_repeated()
    X[3, 2] = np.nextafter(X[3, 2], 0)
    assert check_columns(X, NAMES) == []


def test_repeats_of_one_column_are_all_told_with_the_first() -> None:
    (finding,) = check_columns(CLEAN[:, [0, 0, 0]], NAMES)
    assert finding.columns == ("lactate", "alanine")
    assert "glucose = lactate" in finding.message
    assert "glucose = alanine" in finding.message


def test_a_column_without_any_value_is_missing_and_not_constant() -> None:
    X = CLEAN.copy()
    X[:, 1] = np.nan
    (finding,) = check_columns(X, NAMES)
    assert (finding.check, finding.columns) == ("missing-cells", ("lactate",))


def test_columns_that_vary_outside_training_only_are_named() -> None:
    X = with_constant()  # constant everywhere: told by the other check
    X[:3, 2] = [0.3, np.nan, 0.3]
    (finding,) = check_training_columns(X, np.array([True, True, True, False]), NAMES)
    assert (finding.check, finding.columns) == ("constant-in-training", ("alanine",))


def test_columns_that_vary_in_training_have_no_finding() -> None:
    assert check_training_columns(CLEAN, np.array([True, True, True, False]), NAMES) == []


@pytest.mark.parametrize(
    ("scale", "kind"),
    [
        pytest.param("percentile", "percentiles", id="percentile"),
        pytest.param("z", "standardised values", id="z"),
    ],
)
def test_values_made_from_all_rows_at_once_weaken_the_claim(scale: str, kind: str) -> None:
    (finding,) = check_scale(scale, "guessed from the numbers")
    assert (finding.check, finding.severity) == ("transformed-values", "weakens")
    assert f"look like {kind}, not abundances (guessed from the numbers)" in finding.message


@pytest.mark.parametrize("scale", ["raw", "log2", "log10"])
def test_abundances_and_their_logarithms_have_no_finding(scale: str) -> None:
    assert check_scale(scale, "declared") == []


def test_outputs_of_the_calculation_are_named() -> None:
    (finding,) = check_outputs(["formation_energy", "band_gap"])
    assert finding.check == "outputs-of-the-same-calculation"
    assert finding.columns == ("formation_energy", "band_gap")
    assert "'formation_energy', 'band_gap'" in finding.message


def test_elements_of_the_holdout_without_a_training_row_are_counted() -> None:
    (finding,) = check_elements({"Ba", "Ti"}, {"Ti": 9, "Yb": 7, "Dy": 3}, ())
    assert finding.check == "unseen-elements"
    assert "Dy (3 rows), Yb (7 rows)" in finding.message


def test_elements_of_the_vocabulary_without_any_row_are_named_in_order() -> None:
    (finding,) = check_elements({"Ba", "Ti"}, {}, {"Xe", "U"})
    assert finding.check == "idle-vocabulary"
    assert "'U', 'Xe'" in finding.message


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(lambda: check_outputs([]), id="no-outputs"),
        pytest.param(lambda: check_elements({"Ba"}, {"Ba": 2}, ()), id="known-elements"),
    ],
)
def test_clean_compositions_have_no_finding(found: Callable[[], list[Finding]]) -> None:
    assert found() == []


def test_a_finding_becomes_an_entry_that_json_gives_back() -> None:
    finding = Finding("missing-cells", "note", "1 cell", "Fill it.", rows=("a",), columns=("b",))
    assert json.loads(json.dumps(finding.as_dict())) == finding.as_dict()
    assert finding.as_dict()["rows"] == ["a"]
    assert finding.as_dict()["columns"] == ["b"]


def test_columns_constant_in_training_rows_alone_are_named() -> None:
    rng = np.random.default_rng(0)
    X, train = rng.normal(size=(10, 3)), np.arange(10) < 6
    assert check_training_columns(X, train, ["a", "b", "c"]) == []
    X[train, 1] = 4.0
    X[2, 1] = np.nan  # a missing cell is filled with the same number
    X[:, 2] = 1.0  # constant everywhere: another finding
    (finding,) = check_training_columns(X, train, ["a", "b", "c"])
    assert finding.columns == ("b",)
    assert "all 6 training rows" in finding.message
