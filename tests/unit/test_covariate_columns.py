import numpy as np
import pandas as pd
import pytest

from foldwise.data.tables import Column, Table
from foldwise.errors import InvalidInputError
from foldwise.evaluation.overlap import covariate_overlap
from foldwise.features.covariate_columns import encode_columns


def table_of(role: str, **columns: list[object]) -> Table:
    frame = pd.DataFrame(
        columns, index=[f"P{row:02d}" for row in range(len(*[*columns.values()][:1]))]
    )
    return Table(frame, tuple(Column(key, role) for key in columns))  # type: ignore[arg-type]


def test_numbers_stay_numbers_and_texts_become_one_column_per_level() -> None:
    encoded = encode_columns(
        table_of("covariate", age=[30.0, 41.0, np.nan, 50.0] * 2, sex=["F", "M", "F", None] * 2),
        "covariate",
    )
    assert encoded is not None
    assert encoded.names == ("age", "sex = (missing)", "sex = F", "sex = M")
    assert encoded.sources == ("age", "sex", "sex", "sex")
    np.testing.assert_array_equal(encoded.X[:, 0], [30.0, 41.0, np.nan, 50.0] * 2)
    np.testing.assert_array_equal(encoded.X[:, 1:].sum(axis=1), np.ones(8))


def test_batches_are_names_even_where_they_are_numbers() -> None:
    encoded = encode_columns(table_of("batch", plate=["1", "2", "1", "2"]), "batch")
    assert encoded is not None
    assert encoded.names == ("plate = 1", "plate = 2")


def test_a_table_without_the_role_gives_none() -> None:
    assert encode_columns(table_of("feature", a=[1.0, 2.0]), "covariate") is None


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        pytest.param(["F"] * 6, "holds one value only", id="constant"),
        pytest.param(
            ["31 y", "32 y", "45 y", "29 y", "61 y", "50 y"], "6 different texts", id="text"
        ),
    ],
)
def test_a_covariate_that_is_no_covariate_is_refused(cells: list[object], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        encode_columns(table_of("covariate", age=cells), "covariate")


def test_overlap_equals_a_loop_over_rows() -> None:
    rng = np.random.default_rng(3)
    y = np.repeat([0.0, 1.0], 30)
    covariates = np.column_stack([rng.normal(40 + 8 * y, 6), (rng.random(60) < 0.3 * y) * 1.0])
    covariates[rng.random(covariates.shape) < 0.05] = np.nan
    inside = covariate_overlap(covariates, y)
    for row, values in enumerate(covariates):
        shared = True
        for column, value in zip(covariates.T, values, strict=True):
            of = {
                c: [v for v, label in zip(column, y, strict=True) if label == c and v == v]
                for c in (0, 1)
            }
            shared &= max(min(of[0]), min(of[1])) <= value <= min(max(of[0]), max(of[1]))
        assert inside[row] == shared
    assert 0 < inside.sum() < 60


def test_no_rows_overlap_where_one_class_has_no_value() -> None:
    ages = np.array([[np.nan], [np.nan], [30.0], [40.0]])
    assert not covariate_overlap(ages, np.array([0.0, 0, 1, 1])).any()
