"""A table keeps ids, roles and scale together."""

import numpy as np
import pandas as pd
import pytest

from foldwise.data.tables import Column, SourceFile, Table, guess_scale, require_scale
from foldwise.errors import InvalidInputError


def make_table(ids=("b", "a", "c"), name="t.csv"):
    frame = pd.DataFrame(
        {
            "glucose": np.arange(len(ids), dtype=float),
            "sex": ["F", "M", "F"][: len(ids)],
            "person": [1.0, 1.0, 2.0][: len(ids)],
        },
        index=list(ids),
    )
    columns = (Column("glucose", "feature"), Column("sex", "target"), Column("person", "group"))
    return Table(frame, columns, (SourceFile(name, "0" * 64, len(ids)),))


def test_rows_are_sorted_by_id():
    table = make_table()
    assert table.ids == ["a", "b", "c"]
    assert table.X().ravel().tolist() == [1.0, 0.0, 2.0]
    assert table.frame.index.name == "id"


def test_missing_cells_stay_missing_among_the_features():
    frame = pd.DataFrame({"glucose": [np.nan, 1.0]}, index=["a", "b"])
    X = Table(frame, (Column("glucose", "feature"),)).X()
    assert np.isnan(X[0, 0])
    assert X.dtype == np.float64


def test_repeated_ids_are_an_error_that_names_them():
    with pytest.raises(InvalidInputError, match=r"t.csv: 1 id stands in more than one row: 'a'"):
        make_table(ids=("a", "b", "a"))


def test_values_of_a_role_without_a_column_say_so():
    with pytest.raises(InvalidInputError, match="the role 'batch' needs one column but has no"):
        make_table().values("batch")


def test_groups_are_text_or_none():
    assert make_table().groups().tolist() == ["1", "1", "2"]
    frame = pd.DataFrame({"glucose": [1.0]}, index=["a"])
    assert Table(frame, (Column("glucose", "feature"),)).groups() is None


@pytest.mark.parametrize(
    "chosen",
    [np.array([True, False, True]), ["c", "a"], pd.Series([True, False, True])],
    ids=["mask", "ids", "series"],
)
def test_chosen_rows_keep_the_order_of_the_table(chosen):
    assert make_table().rows(chosen).ids == ["a", "c"]


def test_unknown_ids_are_named():
    with pytest.raises(InvalidInputError, match=r"1 of 2 ids are not in the table: 'zz'"):
        make_table().rows(["a", "zz"])


def test_two_tables_stack_into_one_sorted_table():
    both = make_table().stacked(make_table(("d", "aa"), "holdout.csv"))
    assert both.ids == ["a", "aa", "b", "c", "d"]
    assert [source.name for source in both.sources] == ["t.csv", "holdout.csv"]


def test_stacking_a_row_twice_names_the_row():
    with pytest.raises(
        InvalidInputError, match=r"holdout.csv: 1 of 2 row ids also stand in t.csv: 'a'"
    ):
        make_table().stacked(make_table(("d", "a"), "holdout.csv"))


def test_stacking_other_columns_names_them():
    frame = pd.DataFrame({"glucose": [1.0]}, index=["d"])
    with pytest.raises(InvalidInputError, match=r"'person \(group\)', 'sex \(target\)'"):
        make_table().stacked(Table(frame, (Column("glucose", "feature"),)))


_rng = np.random.default_rng(0)
_normal = _rng.normal(size=(60, 12))


@pytest.mark.parametrize(
    ("X", "scale"),
    [
        pytest.param(np.exp(_normal), "raw", id="skewed-abundances"),
        pytest.param(1e6 * np.exp(_normal), "raw", id="intensities"),
        pytest.param(5 + 0.5 * _normal, "log10", id="log10-intensities"),
        pytest.param(20 + 1.5 * _normal, "log2", id="log2-intensities"),
        pytest.param(3 * _normal, "log10", id="log-ratios"),
        pytest.param(_normal, "z", id="z-scores"),
        pytest.param(_rng.uniform(0, 100, size=(200, 5)), "percentile", id="percentiles"),
        pytest.param(np.full((5, 2), np.nan), "raw", id="nothing-known"),
    ],
)
def test_the_scale_is_guessed_from_the_numbers(X, scale):
    assert guess_scale(X) == scale


def test_an_unknown_scale_is_refused_with_the_list():
    assert require_scale("ln") == "ln"
    with pytest.raises(InvalidInputError, match=r"'log' is not known\. Use one of raw, log2"):
        require_scale("log")
