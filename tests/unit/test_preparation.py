"""Settings of preparation become steps, by the scale of the table, and nothing is silent."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from foldwise.data.registry import load_abundances
from foldwise.data.tables import Column, Scale, Table
from foldwise.errors import InvalidInputError
from foldwise.evaluation.cross_validation import ask_splits
from foldwise.evaluation.questions import run_question
from foldwise.fits.abundance_steps import (
    HalfMinimumFill,
    KnnFill,
    Log2,
    Log2WithOffset,
    MissingIndicator,
    ZerosAbsent,
    ZerosBelowDetection,
)
from foldwise.fits.column_filters import MissingFilter, QcFilter
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.preprocessing import CenterOnly, MedianFill, ParetoScale, Standardize, Step
from foldwise.fits.sample_normalization import ProbabilisticQuotient, SumNormalize
from foldwise.studies.config import BiomarkersConfig, TuneBiomarkersConfig, make_config
from foldwise.studies.preparation import forest_steps, prepare


def table_of(
    scale: Scale = "raw", *, zeros: bool = True, negative: bool = False, gaps: bool = True
) -> Table:
    rng = np.random.default_rng(0)
    X = rng.lognormal(2.0, 0.5, (30, 4))
    if gaps:
        X[::9, 1] = np.nan
    if zeros:
        X[::7, 2] = 0.0
    if negative:
        X[5, 3] = -1.5
    names = ["glucose", "lactate", "alanine", "urea"]
    frame = pd.DataFrame(X, index=[f"P{i:02d}" for i in range(30)], columns=names)
    return Table(frame, tuple(Column(name, "feature") for name in names), scale=scale)


def steps_of(
    values: dict[str, Any] | None = None,
    table: Table | None = None,
    pool: np.ndarray | None = None,
) -> tuple[Step, ...]:
    config = BiomarkersConfig(**(values or {}))
    return prepare(config, table_of() if table is None else table, pool).steps


def test_raw_abundances_are_logged_and_their_zeros_lie_below_detection_by_default() -> None:
    assert steps_of() == (ZerosBelowDetection(), Log2(), MedianFill(), Standardize())
    notes = " ".join(prepare(BiomarkersConfig(), table_of()).notes)
    assert "Exactly zero: 5 cells of 120 (4.2%), read as below the limit" in notes
    assert "abundances are log2 transformed" in notes


@pytest.mark.parametrize("scale", ["log2", "log10", "ln", "percentile", "z"])
def test_other_scales_are_filled_and_standardised_alone_by_default(scale: Scale) -> None:
    prepared = prepare(BiomarkersConfig(), table_of(scale))
    assert prepared.steps == (MedianFill(), Standardize())
    assert prepared.forest_steps == (MedianFill(),)
    assert prepared.notes == ()


def test_tuning_has_the_same_settings() -> None:
    config = make_config("tune-biomarkers", {"zeros": "absent", "scaling": "pareto"})
    assert isinstance(config, TuneBiomarkersConfig)
    expected = (ZerosAbsent(), Log2(), MedianFill(), ParetoScale())
    assert prepare(config, table_of()).steps == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(
            {"zeros": "true"},
            (Log2WithOffset(), MedianFill(), Standardize()),
            id="true-zeros-need-an-offset",
        ),
        pytest.param(
            {"zeros": "lod", "impute": "half-minimum"},
            (
                ZerosAbsent(),
                Log2(),
                HalfMinimumFill(1.0, empty="constant"),
                Standardize(),
            ),
            id="one-half-minimum-for-zeros-and-gaps",
        ),
        pytest.param(
            {"transform": "none", "impute": "half-minimum", "zeros": "absent"},
            (ZerosAbsent(), HalfMinimumFill(), Standardize()),
            id="half-minimum-of-abundances",
        ),
        pytest.param(
            {"impute": "knn", "missing_indicator": True, "scaling": "none"},
            (ZerosBelowDetection(), Log2(), MissingIndicator((1,)), KnnFill(), CenterOnly()),
            id="indicator-before-the-fill",
        ),
        pytest.param(
            {"zeros": "absent", "missing_indicator": True},
            (ZerosAbsent(), Log2(), MissingIndicator((1, 2)), MedianFill(), Standardize()),
            id="absent-zeros-are-indicated",
        ),
        pytest.param(
            {"normalise": "pqn", "max_missing": 0.2},
            (
                MissingFilter(0.2, zeros=True),
                ZerosBelowDetection(),
                ProbabilisticQuotient(),
                Log2(),
                MedianFill(empty="constant"),
                Standardize(),
            ),
            id="filter-first",
        ),
        pytest.param(
            {"normalise": "sum", "transform": "none", "zeros": "true", "max_missing": 0.2},
            (
                MissingFilter(0.2),
                SumNormalize(),
                MedianFill(empty="constant"),
                Standardize(),
            ),
            id="true-zeros-are-no-gaps",
        ),
    ],
)
def test_settings_become_steps_in_their_order(
    values: dict[str, Any], expected: tuple[Step, ...]
) -> None:
    assert steps_of(values) == expected


@pytest.mark.parametrize(
    ("scale", "halving"),
    [("log2", 1.0), ("log10", 0.30102999566398120), ("ln", 0.69314718055994531)],
)
def test_half_a_minimum_of_logarithms_knows_their_base(scale: Scale, halving: float) -> None:
    steps = steps_of({"impute": "half-minimum"}, table_of(scale))
    assert isinstance(steps[0], HalfMinimumFill)
    assert steps[0].halving == pytest.approx(halving, rel=1e-15)


def test_forests_get_the_same_steps_without_scaling() -> None:
    for scaling in ("auto", "pareto", "none"):
        prepared = prepare(BiomarkersConfig(scaling=scaling), table_of())
        assert prepared.forest_steps == prepared.steps[:-1]
        assert forest_steps(prepared.steps) == prepared.forest_steps


@pytest.mark.parametrize(
    ("values", "scale", "message"),
    [
        ({"transform": "log2"}, "log10", r"--transform log2 speaks of abundances.* 'log10'"),
        ({"transform": "log2"}, "percentile", "'percentile'"),
        ({"transform": "log2"}, "z", "'z'"),
        ({"normalise": "pqn", "zeros": "lod"}, "ln", "--normalise pqn, --zeros lod"),
        ({"impute": "half-minimum"}, "z", "--impute half-minimum"),
        ({"max_qc_rsd": 0.3}, "percentile", r"--max-qc-rsd 0\.3 speaks of abundances"),
    ],
)
def test_settings_without_meaning_on_a_scale_are_refused(
    values: dict[str, Any], scale: Scale, message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        steps_of(values, table_of(scale))


def test_negative_abundances_are_named_or_not_logged() -> None:
    table = table_of(negative=True)
    prepared = prepare(BiomarkersConfig(), table)
    assert not any(isinstance(step, Log2 | Log2WithOffset) for step in prepared.steps)
    assert any("1 cell below zero: no logarithm is taken" in note for note in prepared.notes)
    with pytest.raises(InvalidInputError, match=r"1 cell below zero, .* in 1 column: 'urea'"):
        prepare(BiomarkersConfig(transform="log2"), table)


def test_zeros_cannot_be_amounts_and_gaps_small_amounts_at_once() -> None:
    with pytest.raises(InvalidInputError, match=r"--zeros true says .* Use --zeros lod"):
        steps_of({"zeros": "true", "impute": "half-minimum"})


def test_a_pool_of_quality_controls_decides_on_features() -> None:
    pool = np.array([[10.0, 5.0, 0.0, 1.0], [11.0, 5.1, 8.0, 3.0], [10.5, 5.0, 0.0, 5.0]])
    steps = steps_of({"max_qc_rsd": 0.3}, pool=pool)
    assert steps[0] == QcFilter((True, True, False, False), 0.3)  # one value is no deviation
    assert MedianFill(empty="constant") in steps
    with_zeros = steps_of({"max_qc_rsd": 2.0, "zeros": "true"}, pool=pool)
    assert with_zeros[0] == QcFilter((True, True, True, True), 2.0)
    for none in (None, pool[:1]):
        with pytest.raises(InvalidInputError, match="quality-control samples"):
            steps_of({"max_qc_rsd": 0.3}, pool=none)


def test_a_note_says_what_an_indicator_or_a_saved_neighbour_means() -> None:
    table = table_of(gaps=False)
    prepared = prepare(BiomarkersConfig(missing_indicator=True, impute="knn"), table)
    notes = " ".join(prepared.notes)
    assert "no missing indicator was added" in notes
    assert "a saved model holds the training rows" in notes
    assert not any(isinstance(step, MissingIndicator) for step in prepared.steps)


@pytest.mark.parametrize(
    ("name", "value"),
    [("zeros", "none"), ("impute", "mean"), ("max_missing", 1.0), ("max_qc_rsd", 0.0)],
)
def test_values_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(InvalidInputError, match=f"{name} = "):
        make_config("biomarkers", {name: value})


def test_the_embedded_logarithms_keep_their_bits_under_the_defaults() -> None:
    """sacurine is log10 and complete: the steps are those of a study without settings."""
    table = load_abundances("sacurine").table
    X, y = table.X(), (np.arange(table.n_rows) % 2).astype(float)
    test = (np.arange(table.n_rows) % 5 == 0)[None]
    question = ask_splits(y, test, settings=[{"C": 0.1, "l1_ratio": 1.0}], seed=0)
    prepared = prepare(BiomarkersConfig(), table)
    scores = run_question(question, LogisticLearner(steps=prepared.steps, n_jobs=1), X).scores
    question = ask_splits(y, test, settings=[{"C": 0.1, "l1_ratio": 1.0}], seed=0)
    before = run_question(question, LogisticLearner(n_jobs=1), X).scores
    np.testing.assert_array_equal(scores, before)
