"""Bounds on the errors of a panel are those of their papers, worked in R."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldwise.errors import InvalidInputError
from foldwise.evaluation.selection_bounds import Bound, expected_errors, solve_selection

WORKED = [
    # p, q, threshold, B; q^2 / p / (2 tau - 1); R: q^2 / p / um_const(tau, B, q / p);
    # R: minD(q, p, tau, B) * p, functions of stabs, the tail maximised over 4000 points
    # between knots. stabs' own optimize() stops at a tolerance of 1.2e-4 and gives less, such
    # as 0.0447 for 0.0450, 0.1705 for 0.1707 and 0.0030 for 0.0033.
    (128, 9, 0.9, 50, 0.791015625, 0.2729779412, 0.04499106143),
    (128, 9, 0.6, 50, 3.1640625, 1.665296053, 0.6842388062),
    (128, 9, 0.75, 50, 1.265625, 0.6457270408, 0.1707374834),
    (1000, 30, 0.9, 50, 1.125, 0.3882352941, 0.05887049849),
    (200, 10, 0.6, 100, 2.5, 1.282051282, 0.4465261235),
    (1000, 50, 0.55, 25, 25.0, 15.625, 4.505618416),
    (71, 11, 0.99, 50, 1.739005461, 0.1336647335, 0.02144129719),
    (128, 9, 1.0, 50, 0.6328125, 0.02481617647, 0.003268288049),
]
BOUNDS: tuple[Bound, ...] = ("shah-samworth", "unimodal", "r-concave")


@pytest.mark.parametrize("worked", [pytest.param(one, id=f"p{one[0]}-{one[2]}") for one in WORKED])
def test_each_bound_has_the_value_worked_in_r(worked: tuple[float, ...]) -> None:
    p, q, threshold, n_pairs, *expected = worked
    found = [
        expected_errors(int(p), int(q), threshold, bound=bound, n_pairs=int(n_pairs))
        for bound in BOUNDS
    ]
    assert found == pytest.approx(expected, rel=1e-8)


def test_meinshausen_and_buhlmanns_bound_is_their_formula() -> None:
    assert expected_errors(1000, 30, 0.8, bound="meinshausen-buhlmann") == pytest.approx(
        30**2 / ((2 * 0.8 - 1) * 1000)
    )


@pytest.mark.parametrize(
    ("p", "q", "pfer", "unimodal", "r_concave"),
    [
        # The smallest multiple of 1 / (2 B) whose bound is at most the PFER, in R.
        pytest.param(128, 9, 1.0, 0.67, 0.57, id="p128"),
        pytest.param(1000, 30, 0.5, 0.87, 0.66, id="p1000"),
        pytest.param(71, 8, 1.0, 0.74, 0.61, id="p71"),
    ],
)
def test_the_threshold_is_the_smallest_share_that_keeps_the_error(
    p: int, q: int, pfer: float, unimodal: float, r_concave: float
) -> None:
    found = [
        solve_selection(p, q=q, pfer=pfer, bound=bound).threshold
        for bound in ("unimodal", "r-concave")
    ]
    assert found == [unimodal, r_concave]


@pytest.mark.parametrize(
    ("p", "threshold", "pfer", "none", "unimodal", "r_concave"),
    [
        # R, "none": floor(sqrt(PFER * (2 * cutoff - 1) * p))
        pytest.param(128, 0.9, 1.0, 10, 17, 34, id="p128"),
        pytest.param(1000, 0.75, 1.0, 22, 31, 61, id="p1000"),
        pytest.param(71, 0.6, 1.0, 3, 5, 7, id="p71"),
    ],
)
def test_q_is_the_largest_number_that_keeps_the_error(
    p: int, threshold: float, pfer: float, none: int, unimodal: int, r_concave: int
) -> None:
    found = [solve_selection(p, threshold=threshold, pfer=pfer, bound=bound).q for bound in BOUNDS]
    assert found == [none, unimodal, r_concave]


@settings(max_examples=40)
@given(st.integers(20, 400), st.floats(0.02, 0.3), st.sampled_from(BOUNDS))
def test_a_solved_design_keeps_what_was_asked_and_only_just(
    p: int, share: float, bound: Bound
) -> None:
    q = max(1, int(share * p))
    pfer = expected_errors(p, q, 0.8, bound=bound) * 1.01
    design = solve_selection(p, q=q, pfer=pfer, bound=bound)
    assert design.pfer <= pfer
    assert design.threshold <= 0.8
    if design.threshold > 0.52:
        assert expected_errors(p, q, design.threshold - 0.01, bound=bound) > pfer


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from([(-1 / 2, 50), (-1 / 4, 100)]))
def test_no_r_concave_distribution_passes_the_largest_tail(
    seed: int, shape: tuple[float, int]
) -> None:
    from foldwise.evaluation.selection_bounds import _largest_tail

    r, n_steps = shape
    rng = np.random.default_rng(seed)
    # A mass to the power r < 0 that is convex on its support is r-concave.
    end = int(rng.integers(2, n_steps + 1))
    slopes = np.sort(rng.gamma(0.3, size=end)) * rng.choice([0.1, 1, 10])
    mass = np.zeros(n_steps + 1)
    mass[: end + 1] = (rng.gamma(0.5) + 1e-3 + np.r_[0, slopes.cumsum()]) ** (1 / r)
    mass /= mass.sum()
    mean = float(mass @ np.arange(n_steps + 1)) / n_steps
    for reached in rng.integers(1, n_steps + 1, size=4).tolist():
        tail = mass[reached:].sum()
        assert tail <= _largest_tail(mean, reached, n_steps, r=r) + 1e-9


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"q": 9}, "Give two of q, threshold and pfer, not q", id="one"),
        pytest.param({"q": 9, "threshold": 0.9, "pfer": 1.0}, "Give two", id="three"),
        pytest.param({"q": 129, "pfer": 1.0}, "between 1 and the 128 features", id="q"),
        pytest.param({"q": 9, "threshold": 0.5}, "above 0.5", id="threshold"),
        pytest.param({"q": 9, "pfer": 0.0}, "must lie above 0 and below", id="pfer"),
        pytest.param({"q": 9, "pfer": 128.0}, "below the 128 features", id="pfer-of-all"),
        pytest.param({"q": 100, "pfer": 0.1}, "the least is 78.1", id="no-threshold"),
        pytest.param({"threshold": 0.6, "pfer": 0.001}, "the least is 0.0391", id="no-q"),
        pytest.param({"q": 9, "pfer": 1.0, "n_pairs": 1}, "at least 2 pairs", id="pairs"),
    ],
)
def test_designs_that_do_not_exist_are_refused(given: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        solve_selection(128, **given)  # type: ignore[arg-type]


def test_sharper_assumptions_give_smaller_bounds() -> None:
    for q, threshold in itertools.product((3, 9, 20), (0.6, 0.75, 0.9)):
        worst, unimodal, r_concave = (
            expected_errors(128, q, threshold, bound=bound) for bound in BOUNDS
        )
        assert worst > unimodal > r_concave


def test_a_bound_that_does_not_apply_says_nothing() -> None:
    assert expected_errors(10, 6, 0.9, bound="unimodal") == 10
    assert expected_errors(10, 6, 0.9, bound="r-concave") <= 10
    assert expected_errors(10, 1, 0.505, bound="unimodal") == 10
