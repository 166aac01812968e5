"""Preprocessing learns from training rows and equals scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from foldwise.errors import InvalidInputError
from foldwise.fits.preprocessing import MedianFill, Standardize, apply_steps, learn_steps

STEPS = (MedianFill(), Standardize())
NUMBERS = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


@given(arrays(float, (9, 3), elements=NUMBERS | st.just(np.nan)))
def test_both_steps_equal_scikit_learns(X: np.ndarray) -> None:
    X[0] = [1.0, -2.0, 3.0]  # each column keeps one number
    train, new = X[:6], X[6:]
    pipeline = make_pipeline(SimpleImputer(strategy="median"), StandardScaler()).fit(train)
    state = learn_steps(STEPS, train)
    expected = pipeline.transform(new)
    # Two sums of the same numbers in another order, relative to the largest cell.
    np.testing.assert_allclose(
        apply_steps(STEPS, state, new),
        expected,
        rtol=1e-6,
        atol=1e-6 * (1 + np.abs(expected).max()),
    )


def test_a_constant_column_keeps_scale_one() -> None:
    X = np.column_stack([np.full(7, 0.1), np.arange(7.0)])
    state = learn_steps((Standardize(),), X)
    assert state["scale"][0] == 1.0
    np.testing.assert_allclose(apply_steps((Standardize(),), state, X + 1.0)[:, 0], 1.0)


def test_a_column_without_any_training_value_is_an_error() -> None:
    X = np.array([[1.0, np.nan], [2.0, np.nan], [3.0, 4.0]])
    with pytest.raises(
        InvalidInputError,
        match=r"without any value in the 2 training rows of a fit, by position: 1",
    ):
        learn_steps(STEPS, X[:2])


def test_scaling_can_be_undone() -> None:
    X = np.random.default_rng(0).lognormal(size=(20, 4))
    state = learn_steps((Standardize(),), X)
    back = apply_steps((Standardize(),), state, X) * state["scale"] + state["center"]
    np.testing.assert_allclose(back, X, rtol=1e-12)
