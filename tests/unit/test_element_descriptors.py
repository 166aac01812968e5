"""Descriptors are share-weighted moments of element properties."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from foldwise.errors import FoldwiseWarning, InvalidInputError
from foldwise.features.element_descriptors import (
    ElementDescriptorEncoder,
    load_element_properties,
    property_columns,
    read_properties,
)

SITES = pd.DataFrame({"A": ["Ba", "La0.25Sr0.75"], "B": ["Ti", "Mn"]}, index=["p1", "p2"])
OWN = pd.DataFrame(
    {"radius_pm": [215.0, 195.0, 200.0, 140.0, 140.0], "charge": [2.0, 3.0, 2.0, 4.0, 4.0]},
    index=["Ba", "La", "Sr", "Ti", "Mn"],
)


def test_a_mixed_site_has_the_weighted_mean_and_deviation():
    encoder = ElementDescriptorEncoder(OWN, spread=True).fit(SITES)
    row = pd.Series(encoder.transform(SITES)[1], index=encoder.get_feature_names_out())
    # By hand: 0.25 * 195 + 0.75 * 200, and 5 * sqrt(0.25 * 0.75).
    assert row["A_radius_pm_mean"] == 198.75
    assert row["A_radius_pm_std"] == pytest.approx(5 * np.sqrt(0.1875), rel=1e-12)
    assert row["A_charge_mean"] == 2.25
    assert row["B_charge_std"] == 0.0


def test_without_spread_columns_are_named_after_site_and_property():
    encoder = ElementDescriptorEncoder(OWN).fit(SITES)
    assert encoder.get_feature_names_out().tolist() == [
        "A_radius_pm",
        "A_charge",
        "B_radius_pm",
        "B_charge",
    ]
    assert encoder.transform(SITES)[0].tolist() == [215.0, 2.0, 140.0, 4.0]


def test_the_reference_set_has_sixteen_properties_per_site():
    encoder = ElementDescriptorEncoder().fit(SITES)
    assert encoder.transform(SITES).shape == (2, 32)
    assert encoder.get_feature_names_out()[0] == "A_atomic_radius"


def test_the_extended_set_has_means_and_deviations_of_all_properties():
    encoder = ElementDescriptorEncoder("extended").fit(SITES)
    n_properties = load_element_properties().shape[1]
    assert n_properties > 16
    with pytest.warns(FoldwiseWarning, match="shannon_radius_xii: Mn, Ti"):
        encoded = encoder.transform(SITES)
    assert encoded.shape == (2, 2 * 2 * n_properties)
    assert encoder.get_feature_names_out()[1] == "A_atomic_radius_std"


def test_the_reference_properties_are_those_of_the_course_file(course_data):
    course = read_properties(course_data / "mendeleev.csv")
    assert list(read_properties("reference").columns) == list(course.columns)


def test_every_embedded_property_is_declared_with_unit_and_source():
    declared = property_columns()
    assert list(declared.index) == list(load_element_properties().columns)
    assert declared["label"].notna().all()
    assert declared["source"].notna().all()
    assert declared.loc["dipole_polarizability_unc", "kind"] == "uncertainty"


def test_the_embedded_tables_cannot_be_changed_by_their_readers():
    mine = load_element_properties()
    mine.loc["Fe", "atomic_weight"] = 0.0
    assert load_element_properties().loc["Fe", "atomic_weight"] == pytest.approx(55.845, abs=0.01)


def test_missing_properties_stay_empty_and_one_warning_names_them():
    gaps = OWN.copy()
    gaps.loc[["La", "Ti"], "charge"] = np.nan
    encoder = ElementDescriptorEncoder(gaps).fit(SITES)
    with pytest.warns(FoldwiseWarning, match=r"charge: La, Ti") as caught:
        encoded = encoder.transform(SITES)
    assert len(caught) == 1
    assert np.isnan(encoded).tolist() == [[False, False, False, True], [False, True, False, False]]


def test_elements_without_a_row_of_properties_are_named():
    encoder = ElementDescriptorEncoder(OWN.drop(index=["Sr", "Mn"])).fit(SITES)
    with pytest.raises(InvalidInputError, match=r"no row for 'Mn', 'Sr', held by 1 row") as caught:
        encoder.transform(SITES)
    assert "'p2'" in str(caught.value)


def test_the_encoder_keeps_the_habits_of_scikit_learn():
    assert clone(ElementDescriptorEncoder("extended", spread=False)).get_params() == {
        "properties": "extended",
        "spread": False,
    }
    fitted = ElementDescriptorEncoder(OWN).set_output(transform="pandas").fit(SITES)
    frame = fitted.transform(SITES)
    assert list(frame.columns) == fitted.get_feature_names_out().tolist()
    assert list(frame.index) == ["p1", "p2"]


def test_arrow_tables_are_described_like_frames():
    pa = pytest.importorskip("pyarrow", reason="pyarrow comes with foldwise[formats]")
    table = pa.table({"A": SITES["A"].tolist(), "B": SITES["B"].tolist()})
    expected = ElementDescriptorEncoder(OWN).fit_transform(SITES)
    assert np.array_equal(ElementDescriptorEncoder(OWN).fit_transform(table), expected)


def test_properties_are_read_from_a_file(tmp_path):
    OWN.to_csv(tmp_path / "own.csv")
    encoder = ElementDescriptorEncoder(tmp_path / "own.csv").fit(SITES)
    assert encoder.transform(SITES)[0].tolist() == [215.0, 2.0, 140.0, 4.0]
