"""One-hot columns hold the share of each element on each site."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from foldwise.errors import FoldwiseWarning, InvalidInputError
from foldwise.features.site_one_hot import SiteOneHotEncoder

SITES = pd.DataFrame(
    {"A": ["Ba", "La0.5Sr0.5", "Sr"], "B": ["Ti", "Mn", "Fe0.25Mn0.75"]}, index=["p1", "p2", "p3"]
)


def test_each_site_gets_one_block_of_the_same_vocabulary():
    encoder = SiteOneHotEncoder(vocabulary=["Ti", "Ba", "La", "Sr", "Mn", "Fe"]).fit(SITES)
    expected = np.zeros((3, 12))
    expected[0, [1, 6]] = 1
    expected[1, [2, 3]], expected[1, 10] = 0.5, 1
    expected[2, 3], expected[2, 10], expected[2, 11] = 1, 0.75, 0.25
    assert np.array_equal(encoder.transform(SITES), expected)
    assert encoder.get_feature_names_out()[[1, 11]].tolist() == ["A_Ba", "B_Fe"]


def test_without_a_vocabulary_elements_come_by_atomic_number():
    encoder = SiteOneHotEncoder().fit(SITES)
    assert encoder.vocabulary_ == ("Ti", "Mn", "Fe", "Sr", "Ba", "La")


def test_look_ups_hold_the_same_numbers_as_the_matrix():
    encoder = SiteOneHotEncoder().fit(SITES)
    lookup = encoder.lookup(SITES)
    assert lookup.index.shape == (3, 2, 2)
    assert np.array_equal(lookup.fraction.sum(axis=2), np.ones((3, 2)))
    assert np.array_equal(lookup.to_dense(), encoder.transform(SITES))


def test_encoded_sites_decode_to_the_same_text():
    encoder = SiteOneHotEncoder().fit(SITES)
    decoded = encoder.inverse_transform(encoder.transform(SITES))
    assert decoded.to_numpy().tolist() == SITES.to_numpy().tolist()
    assert list(decoded.columns) == ["A", "B"]


def test_unknown_elements_are_named_with_their_rows():
    encoder = SiteOneHotEncoder(vocabulary=["Ba", "Ti", "Mn", "Fe"]).fit(SITES)
    with pytest.raises(InvalidInputError) as caught:
        encoder.transform(SITES)
    assert "2 elements outside the vocabulary of 4: 'Sr', 'La', in 2 rows" in str(caught.value)
    assert "(row id 'p2', 'p3')" in str(caught.value)


def test_unknown_elements_become_zeros_when_asked_and_a_warning_says_so():
    encoder = SiteOneHotEncoder(["Ba", "Sr", "Ti", "Mn", "Fe"], handle_unknown="ignore").fit(SITES)
    with pytest.warns(FoldwiseWarning, match=r"'La', in 1 row \(row id 'p2'\); encoded as zeros"):
        encoded = encoder.transform(SITES)
    assert encoded[1, :5].tolist() == [0, 0.5, 0, 0, 0]


def test_the_encoder_keeps_the_habits_of_scikit_learn():
    encoder = SiteOneHotEncoder(vocabulary=("Ba", "Ti"), handle_unknown="ignore")
    assert clone(encoder).get_params() == {
        "vocabulary": ("Ba", "Ti"),
        "handle_unknown": "ignore",
    }
    fitted = SiteOneHotEncoder().set_output(transform="pandas").fit(SITES)
    frame = fitted.transform(SITES)
    assert list(frame.columns) == fitted.get_feature_names_out().tolist()
    assert list(frame.index) == ["p1", "p2", "p3"]
    assert (fitted.n_features_in_, fitted.feature_names_in_.tolist()) == (2, ["A", "B"])


def test_arrays_and_arrow_tables_encode_like_frames():
    pa = pytest.importorskip("pyarrow", reason="pyarrow comes with foldwise[formats]")
    expected = SiteOneHotEncoder().fit_transform(SITES)
    encoder = SiteOneHotEncoder().fit(SITES.to_numpy())
    assert encoder.get_feature_names_out()[0] == "site_0_Ti"
    assert np.array_equal(encoder.transform(SITES.to_numpy()), expected)
    table = pa.table({"A": SITES["A"].tolist(), "B": SITES["B"].tolist()})
    assert np.array_equal(SiteOneHotEncoder().fit_transform(table), expected)


def test_other_sites_than_those_learned_are_refused():
    encoder = SiteOneHotEncoder().fit(SITES)
    with pytest.raises(InvalidInputError, match=r"has the sites 'B', 'A', but .* 'A', 'B'"):
        encoder.transform(SITES[["B", "A"]])
    with pytest.raises(InvalidInputError, match="1 dimension"):
        encoder.transform(["Ba", "Ti"])
    with pytest.raises(InvalidInputError, match="empty"):
        encoder.transform(SITES.iloc[:0])


@pytest.mark.parametrize(
    ("vocabulary", "said"),
    [(["Ba", "Xx"], "'Xx': not element symbols"), (["Ba", "Ba"], "'Ba': listed more than once")],
)
def test_a_vocabulary_that_is_none_is_refused(vocabulary, said):
    with pytest.raises(InvalidInputError, match=said):
        SiteOneHotEncoder(vocabulary).fit(SITES)


def test_an_unknown_way_with_unknown_elements_is_refused():
    with pytest.raises(InvalidInputError, match="Use 'error' or 'ignore'"):
        SiteOneHotEncoder(handle_unknown="drop").fit(SITES)
