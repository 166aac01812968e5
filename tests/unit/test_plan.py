"""A plan says what each fit sees, and refuses what would train on nonsense."""

import numpy as np
import pytest

from foldwise.errors import InvalidInputError
from foldwise.fits.plan import FitPlan

FOLDS = np.array([0, 0, 1, 1, 2, 2])
HELD = np.arange(3)[:, None] == FOLDS  # (fit, sample)
TARGET = np.arange(6.0)


def test_a_slice_keeps_what_its_fits_see_and_are_called() -> None:
    plan = FitPlan(
        ~HELD,
        HELD,
        TARGET,
        monitor=np.roll(HELD, 1, axis=0) & ~(~HELD),
        settings=({"lr": 0.1}, {"lr": 0.2}),
        setting=np.array([0, 1, 1]),
        seed=np.array([5, 6, 7]),
        members={"fold": np.arange(3)},
    )
    part = plan[1:][np.array([1])]
    assert part.n_fits == 1
    np.testing.assert_array_equal(part.score[0], HELD[2])
    assert (part.setting_of(0), part.seed.tolist()) == ({"lr": 0.2}, [7])
    assert part.describe(0) == "fit 2 (lr=0.2, fold 2)"


def test_targets_may_differ_from_fit_to_fit() -> None:
    targets = np.stack([TARGET, TARGET[::-1], TARGET])
    plan = FitPlan(~HELD, HELD, targets)
    np.testing.assert_array_equal(plan[1:].target_of(0), TARGET[::-1])


def test_a_slice_that_cuts_a_chain_is_refused() -> None:
    plan = FitPlan(~HELD, HELD, TARGET, follows=np.array([-1, 0, 1]))
    assert plan[:2].follows is not None
    assert plan[:2].follows.tolist() == [-1, 0]
    with pytest.raises(InvalidInputError, match="Fit 2 starts from a fit outside the slice"):
        plan[2:]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param({"score": HELD[:2]}, r"score has shape \(2, 6\)", id="too-few-fits"),
        pytest.param({"target": TARGET[:, None]}, r"target has shape \(6, 1\)", id="column-target"),
        pytest.param({"seed": np.arange(2)}, r"seed has shape \(2,\)", id="too-few-seeds"),
        pytest.param({"weight": np.ones(6)}, r"weight has shape \(6,\)", id="one-row-of-weights"),
        pytest.param(
            {"members": {"fold": np.arange(4)}}, r"members\['fold'\] has shape \(4,\)", id="members"
        ),
        pytest.param({"train": HELD & False}, "3 of 3 fits have no training row", id="no-rows"),
        pytest.param(
            {"monitor": ~HELD}, "3 of 3 fits monitor rows they train on", id="watched-and-learned"
        ),
    ],
)
def test_shapes_that_would_broadcast_and_masks_that_leak_are_refused(
    changed: dict[str, object], message: str
) -> None:
    columns: dict[str, object] = {"train": ~HELD, "score": HELD, "target": TARGET, **changed}
    with pytest.raises(InvalidInputError, match=message):
        FitPlan(**columns)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"seed": np.array([1, 2, 4])}, id="seed"),
        pytest.param({"target": TARGET + 1e-12}, id="target"),
        pytest.param({"settings": ({"alpha": 2.0},)}, id="settings"),
        pytest.param({"score": np.ones((3, 6), bool)}, id="score"),
        pytest.param({"weight": np.ones((3, 6))}, id="weight"),
    ],
)
def test_a_fingerprint_changes_with_whatever_changes_the_fits(changed: dict[str, object]) -> None:
    columns = {"train": ~HELD, "score": HELD, "target": TARGET, "seed": np.array([1, 2, 3])}
    plan = FitPlan(**columns)  # type: ignore[arg-type]
    other = FitPlan(**{**columns, **changed})  # type: ignore[arg-type]
    assert plan.fingerprint() == FitPlan(**columns).fingerprint()  # type: ignore[arg-type]
    assert plan.fingerprint() != other.fingerprint()
