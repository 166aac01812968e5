"""What a table's size can show: formulas against simulation, limits against hand counts."""

import numpy as np
import pytest

from foldwise.audit.size import check_size, hanley_mcneil_error, power_to_tell
from foldwise.evaluation.metrics import roc_auc

CLASSES = ("control", "case")


def simulated_aucs(auc: float, n_cases: int, n_controls: int, n_draws: int) -> np.ndarray:
    """Draw exponential scores: P(case > control) = ratio / (1 + ratio)."""
    rng = np.random.default_rng(0)
    ratio = auc / (1 - auc)
    y = np.repeat([1.0, 0.0], [n_cases, n_controls])
    scale = np.where(y == 1, ratio, 1.0)
    return np.array([roc_auc(y, rng.exponential(scale)) for _ in range(n_draws)])


@pytest.mark.parametrize(("auc", "n_cases", "n_controls"), [(0.8, 15, 27), (0.9, 40, 20)])
def test_the_error_is_the_spread_of_simulated_aucs(
    auc: float, n_cases: int, n_controls: int
) -> None:
    drawn = simulated_aucs(auc, n_cases, n_controls, 4000)
    # The spread of 4000 draws is known to about 1/sqrt(8000) = 1.1 %; allow three of these.
    assert drawn.std() == pytest.approx(hanley_mcneil_error(auc, n_cases, n_controls), rel=0.035)


def test_the_error_of_one_pair_is_that_of_a_coin() -> None:
    # One case and one control: the AUC is 1 or 0, and its variance A (1 - A).
    assert hanley_mcneil_error(0.8, 1, 1) == pytest.approx(np.sqrt(0.8 * 0.2))


@pytest.mark.parametrize(("n_cases", "n_controls"), [(60, 60), (120, 60)])
def test_the_power_is_the_share_of_simulated_tests_that_tell(n_cases: int, n_controls: int) -> None:
    edge = 0.8 + 1.959964 * hanley_mcneil_error(0.8, n_cases, n_controls)
    told = (simulated_aucs(0.9, n_cases, n_controls, 2000) > edge).mean()
    # Normal approximation of a skewed law: within six points at these sizes.
    assert power_to_tell(0.8, 0.9, n_cases, n_controls) == pytest.approx(told, abs=0.06)


@pytest.mark.parametrize(
    ("n_controls", "n_cases", "n_features", "checks"),
    [
        pytest.param(76, 135, 128, ["events-per-predictor", "test-part-too-small"], id="few-cases"),
        pytest.param(400, 400, 40, [], id="enough"),
        pytest.param(400, 400, 41, ["events-per-predictor"], id="one-feature-too-many"),
        pytest.param(
            300, 24, 2, ["few-rows-in-fold", "test-part-too-small"], id="four-cases-in-a-fold"
        ),
        pytest.param(300, 25, 2, ["test-part-too-small"], id="five-cases-in-a-fold"),
    ],
)
def test_each_limit_is_told_where_it_is_passed(
    n_controls: int, n_cases: int, n_features: int, checks: list[str]
) -> None:
    y = np.repeat([0.0, 1.0], [n_controls, n_cases])
    found = check_size(y, n_features, CLASSES)
    assert [finding.check for finding in found] == checks
    assert all(finding.severity == "note" for finding in found)


@pytest.mark.parametrize("case_is_rare", [True, False])
def test_the_smaller_class_is_named(case_is_rare: bool) -> None:
    y = np.repeat([0.0, 1.0], [90, 6] if case_is_rare else [6, 90])
    found = {finding.check: finding for finding in check_size(y, 50, CLASSES, folds=5)}
    rare = "case" if case_is_rare else "control"
    assert f"6 rows of the smaller class ('{rare}')" in found["events-per-predictor"].message
    assert f"as few as 1 rows of '{rare}'" in found["few-rows-in-fold"].message
    assert found["few-rows-in-fold"].severity == "weakens"


def test_more_folds_and_a_smaller_test_part_show_less() -> None:
    y = np.repeat([0.0, 1.0], [400, 400])
    assert check_size(y, 4, CLASSES) == []
    assert [one.check for one in check_size(y, 4, CLASSES, folds=100)] == ["few-rows-in-fold"]
    assert [one.check for one in check_size(y, 4, CLASSES, test_size=0.05)] == [
        "test-part-too-small"
    ]
