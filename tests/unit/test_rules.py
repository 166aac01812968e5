"""Labels become cases and controls only where it is clear which is which."""

import pandas as pd
import pytest

from foldwise.data.rules import binary_target, label_text
from foldwise.errors import InvalidInputError


def labels(*values, name="Diagnosis"):
    return pd.Series(list(values), index=[f"s{i}" for i in range(len(values))], name=name)


@pytest.mark.parametrize(
    ("negative", "positive"),
    [
        *[("0", "1"), (0.0, 1.0), (0, 1), ("control", "case"), ("Healthy", "COVID-19")],
        *[("Controls", "Tumor"), ("False", "True"), ("normal", "AD"), ("healthy_donor", "patient")],
    ],
)
def test_a_word_for_controls_settles_which_label_is_the_case(negative, positive):
    target = binary_target(labels(*[negative] * 5, *[positive] * 4))
    assert target.y.tolist() == [0.0] * 5 + [1.0] * 4
    assert (target.positive, target.negative) == (label_text(positive), label_text(negative))


def test_two_labels_without_a_word_for_controls_are_asked_about():
    with pytest.raises(InvalidInputError) as caught:
        binary_target(labels(*"F" * 83, *"M" * 100, name="sex"))
    assert str(caught.value) == (
        "Which label of 'sex' is the case? 'F' (83 rows), 'M' (100 rows). "
        "Pass --positive F or --positive M."
    )


@pytest.mark.parametrize("positive", ["1", 1, 1.0, "1.0"])
def test_the_case_may_be_named_as_number_or_text(positive):
    assert binary_target(labels(*[1.0] * 4, *[2.0] * 6), positive).y.sum() == 4


def test_more_than_two_labels_are_listed_and_the_option_is_shown():
    three = labels(*["mild"] * 5, *["severe"] * 4, *["control"] * 6)
    with pytest.raises(InvalidInputError) as caught:
        binary_target(three)
    assert "3 labels: 'control' (6 rows), 'mild' (5 rows), 'severe' (4 rows)" in str(caught.value)
    assert "--positive severe" in str(caught.value)


def test_one_label_against_the_rest_is_noted():
    three = labels(*["mild"] * 5, *["severe"] * 4, *["control"] * 6)
    target = binary_target(three, "severe")
    assert (target.y.sum(), target.negative) == (4, "not severe")
    assert target.notes == ("Controls are the rows of 2 labels together: 'control', 'mild'.",)


def test_a_case_that_is_no_label_is_refused_with_the_labels():
    with pytest.raises(InvalidInputError, match=r"--positive sick is not a label of 'Diagnosis'"):
        binary_target(labels(*"ABABABABAB"), "sick")


def test_one_class_only_is_refused():
    with pytest.raises(InvalidInputError, match=r"one class only: 'case' \(12 rows\)"):
        binary_target(labels(*["case"] * 12))


def test_missing_labels_are_named_by_row():
    with pytest.raises(InvalidInputError, match=r"is missing in 2 rows: 's1', 's3'"):
        binary_target(labels("0", None, "1", float("nan")))


def test_a_class_of_three_rows_is_too_small():
    with pytest.raises(InvalidInputError, match=r"'1' \(3 rows\). At least 4 rows of each class"):
        binary_target(labels(*["0"] * 9, *["1"] * 3))
