"""Networks equal loops written with nn.Linear, Adam and scikit-learn's MLPRegressor."""

import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from torch import nn

from foldwise.arrays import SiteLookup
from foldwise.errors import DivergedFitError, InvalidInputError
from foldwise.fits import block_training, schedule
from foldwise.fits.adam import BroadcastAdam, FusedAdam
from foldwise.fits.device import check_device, pick_device
from foldwise.fits.mlp import MlpLearner, count_parameters, weight_decay_of
from foldwise.fits.network import BlockNetwork
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import MedianFill, Standardize

KEEP = ("scores", "parameters", "curves")


def table(n: int = 90, p: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, np.sin(X[:, 0]) + X[:, 1] * X[:, 2]


def plain_loop(
    X: np.ndarray,
    y: np.ndarray,
    *,
    seed: int,
    hidden: tuple[int, ...],
    epochs: int,
    batch: int,
    activation: type[nn.Module] = nn.ReLU,
    optimize: type[torch.optim.Optimizer] = torch.optim.Adam,
    loss_of: Callable[..., torch.Tensor] = nn.functional.mse_loss,
    dtype: torch.dtype = torch.float32,
) -> tuple[nn.Sequential, list[float]]:
    """Train as a PyTorch tutorial would; returns the network and the mean loss per epoch."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for before, after in pairwise([X.shape[1], *hidden]):
        layers += [nn.Linear(before, after), activation()]
    network = nn.Sequential(*layers, nn.Linear(hidden[-1], 1)).to(dtype)
    optimizer = optimize(network.parameters(), lr=3e-3, weight_decay=0.01)  # type: ignore[call-arg]
    inputs, target = torch.tensor(X, dtype=dtype), torch.tensor(y, dtype=dtype)
    curve = []
    for epoch in range(epochs):
        order = torch.tensor(np.random.default_rng([seed, epoch]).permutation(len(X)))
        losses = []
        for rows in order.split(batch):
            optimizer.zero_grad()
            loss = loss_of(network(inputs[rows]).squeeze(-1), target[rows])
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        curve.append(float(np.mean(losses)))
    return network, curve


def test_each_fit_of_a_batch_equals_a_plain_loop_on_its_own_rows() -> None:
    X, y = table()
    held = np.arange(90) % 3 == np.arange(3)[:, None]
    seeds = np.array([11, 12, 13])
    learner = MlpLearner(hidden=(32, 16), lr=3e-3, epochs=25, batch_size=17, device="cpu")
    batch = learner.run(X, FitPlan(~held, held, y, seed=seeds), keep=KEEP)
    for fit in range(3):
        network, curve = plain_loop(
            X[~held[fit]], y[~held[fit]], seed=seeds[fit], hidden=(32, 16), epochs=25, batch=17
        )
        with torch.no_grad():
            new = network(torch.tensor(X[held[fit]], dtype=torch.float32)).squeeze(-1).numpy()
        # float32, 100 steps: rounding grows to about 1e-6.
        np.testing.assert_allclose(batch.at(fit, held[fit]), new, atol=1e-5)
        np.testing.assert_allclose(batch.states[fit]["train_loss"], curve, rtol=1e-4)


def test_settings_of_a_plan_override_the_learner() -> None:
    X, y = table()
    every = np.ones((2, 90), bool)
    settings = ({"hidden": (8,), "epochs": 2}, {"hidden": (4, 4), "epochs": 3})
    plan = FitPlan(every, every, y, settings=settings, setting=np.array([0, 1]))
    states = MlpLearner(device="cpu").run(X, plan, keep=KEEP).states
    assert [state["layer0.weight"].shape for state in states] == [(8, 6), (4, 6)]
    assert [len(state["train_loss"]) for state in states] == [2, 3]


def test_monitored_rows_are_watched_and_never_learned_from() -> None:
    X, y = table()
    watched = (np.arange(90) < 20)[None]
    learner = MlpLearner(hidden=(8,), epochs=4, batch_size=64, device="cpu")
    plan = FitPlan(~watched, watched, y, monitor=watched)
    batch = learner.run(X, plan, keep=KEEP)
    alone = learner.run(X, FitPlan(~watched, watched, y), keep=KEEP)
    np.testing.assert_array_equal(
        batch.states[0]["layer1.weight"], alone.states[0]["layer1.weight"]
    )
    # After the last epoch the watched loss is the mean squared error of its scores.
    error = batch.at(0, watched[0]) - y[watched[0]]
    assert batch.states[0]["monitor_loss"][-1] == pytest.approx((error**2).mean(), rel=1e-5)


def test_alpha_means_in_scikit_learn_what_its_weight_decay_means_here() -> None:
    """Same start, full batches, no shuffling: MLPRegressor's steps are ours."""
    X, y = table(n=64)
    alpha, steps = 20.0, 200
    every = np.ones((1, 64), bool)
    decay = weight_decay_of(alpha, 64)
    ours = MlpLearner(
        hidden=(16,), weight_decay=decay, decay_intercepts=False, epochs=steps, device="cpu"
    )
    start = MlpLearner(hidden=(16,), epochs=1, lr=1e-30, device="cpu")
    plan = FitPlan(every, every, y)
    initial = start.run(X, plan, keep=KEEP).states[0]
    theirs = MLPRegressor(
        hidden_layer_sizes=(16,), alpha=alpha, batch_size=64, shuffle=False, warm_start=True, tol=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs.set_params(max_iter=1).fit(X, y)  # makes the arrays
        for layer in (0, 1):
            theirs.coefs_[layer][:] = initial[f"layer{layer}.weight"].T
            theirs.intercepts_[layer][:] = initial[f"layer{layer}.bias"]
        theirs.set_params(max_iter=steps, n_iter_no_change=steps).fit(X, y)
    found = ours.run(X, plan, keep=KEEP)
    # Adam's step is lr = 1e-3; epsilon enters the two formulas differently, and one is float32.
    np.testing.assert_allclose(found.scores[0], theirs.predict(X), atol=5e-3)
    literal = MlpLearner(hidden=(16,), weight_decay=alpha, epochs=steps, device="cpu")
    assert np.abs(literal.run(X, plan).scores[0] - theirs.predict(X)).max() > 0.2


def test_a_weight_decay_of_016_in_adam_predicts_a_constant() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 10))
    y = 0.3 * X[:, 0]  # a variance of 0.1, as energies above hull in (eV/atom)²
    every = np.ones((1, 300), bool)
    plan = FitPlan(every, every, y)
    learner = MlpLearner(hidden=(32, 32), weight_decay=0.16, epochs=400, device="cpu")
    assert learner.run(X, plan).scores[0].std() < 0.01 * y.std()


def test_parameters_are_those_of_the_layers() -> None:
    network = nn.Sequential(nn.Linear(146, 256), nn.Linear(256, 256), nn.Linear(256, 1))
    assert count_parameters(146, (256, 256)) == sum(p.numel() for p in network.parameters())
    assert count_parameters(5, ()) == 6


@pytest.mark.parametrize(
    ("choice", "settings"),
    [
        pytest.param({"activation": nn.Tanh}, {"activation": "tanh"}, id="tanh"),
        pytest.param({"optimize": torch.optim.AdamW}, {"decoupled": True}, id="decoupled"),
        pytest.param(
            {"loss_of": nn.functional.binary_cross_entropy_with_logits},
            {"loss": "logistic"},
            id="logistic-loss",
        ),
        pytest.param({}, {}, id="plain"),
    ],
)
def test_every_kind_of_network_equals_a_plain_loop_in_double_precision(
    choice: dict[str, Any], settings: dict[str, Any]
) -> None:
    X, y = table()
    y = (y > 0).astype(float) if "loss" in settings else y
    held = np.arange(90) % 3 == np.arange(3)[:, None]
    learner = MlpLearner(
        hidden=(16, 8),
        lr=3e-3,
        epochs=20,
        batch_size=17,
        device="cpu",
        precision="float64",
        **settings,
    )
    plan = FitPlan(~held, held, y, seed=np.array([1, 1, 2]))
    batch = learner.run(X, plan, keep=KEEP)
    for fit in range(3):
        network, curve = plain_loop(
            X[~held[fit]],
            y[~held[fit]],
            seed=int(plan.seed[fit]),
            hidden=(16, 8),
            epochs=20,
            batch=17,
            dtype=torch.float64,
            **choice,
        )
        with torch.no_grad():
            new = network(torch.tensor(X[held[fit]])).squeeze(-1)
        expected = torch.sigmoid(new) if "loss" in settings else new
        # The step counter of the fused kernel is float32: bias corrections to 1e-7.
        np.testing.assert_allclose(batch.at(fit, held[fit]), expected.numpy(), atol=1e-5)
        np.testing.assert_allclose(batch.states[fit]["train_loss"], curve, rtol=1e-5)


def grid_plan(n: int = 90) -> tuple[np.ndarray, FitPlan]:
    """Return a table and a grid of 2 shapes x 2 step sizes x 4 uneven folds."""
    X, y = table(n)
    setting, fold = np.indices((4, 4)).reshape(2, -1)
    held = np.arange(n) % 4 == fold[:, None]
    settings = [{"hidden": hidden, "lr": lr} for hidden in ((16, 8), (5,)) for lr in (1e-2, 1e-3)]
    plan = FitPlan(
        ~held, held, y, settings=settings, setting=setting, seed=fold + 1, members={"fold": fold}
    )
    return X, plan


def test_a_fit_is_the_same_bit_by_bit_alone_in_a_batch_and_in_a_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X, plan = grid_plan()
    steps = (MedianFill(), Standardize())
    alone = MlpLearner(epochs=5, batch_size=32, steps=steps, device="cpu", n_jobs=1)
    whole = alone.run(X, plan, keep=KEEP)
    for fit in range(plan.n_fits):
        single = alone.run(X, plan[np.array([fit])], keep=KEEP)
        np.testing.assert_array_equal(single.scores[0], whole.scores[fit])
        for name, value in single.states[0].items():
            np.testing.assert_array_equal(value, whole.states[fit][name])
    monkeypatch.setattr(schedule, "_SECONDS_WORTH_WORKERS", 0.0)
    spread = MlpLearner(epochs=5, batch_size=32, steps=steps, device="cpu", n_jobs=2)
    np.testing.assert_array_equal(spread.run(X, plan).scores, whole.scores)


@pytest.mark.parametrize(
    "steps", [pytest.param((), id="as-they-are"), pytest.param((Standardize(),), id="scaled")]
)
@pytest.mark.parametrize("n_slots", [pytest.param(1, id="pure"), pytest.param(3, id="alloyed")])
def test_look_ups_train_to_the_network_of_the_dense_matrix(
    steps: tuple[Standardize, ...], n_slots: int
) -> None:
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(n_slots), (60, 2))
    lookup = SiteLookup(rng.integers(0, 9, (60, 2, n_slots)), shares, n_elements=9)
    lookup.index[:50][lookup.index[:50] == 8] = 0  # element 8 is in no training row
    train = (np.arange(60) < 50)[None]
    plan = FitPlan(train, ~train, rng.normal(size=60), monitor=~train)
    learner = MlpLearner(
        hidden=(12, 8), epochs=30, batch_size=16, steps=steps, device="cpu", precision="float64"
    )
    one, other = (learner.run(design, plan, keep=KEEP) for design in (lookup, lookup.to_dense()))
    np.testing.assert_allclose(one.scores[~train], other.scores[~train], atol=1e-9)
    np.testing.assert_allclose(
        one.states[0]["monitor_loss"], other.states[0]["monitor_loss"], rtol=1e-9
    )


def test_early_stopping_takes_the_best_epoch_and_leaves_the_others_alone() -> None:
    X, y = table(60)
    noise = np.random.default_rng(1).normal(size=60)
    part = np.arange(60) % 3
    train, watched = np.stack([part > 0] * 2), np.stack([part == 0] * 2)
    learner = MlpLearner(hidden=(32,), lr=1e-2, epochs=120, batch_size=16, device="cpu")
    plan = FitPlan(
        train, watched, np.stack([noise, y]), monitor=watched, settings=({"patience": 8},)
    )
    batch = learner.run(X, plan, keep=KEEP)
    longest = learner.run(X, FitPlan(train, watched, plan.target, monitor=watched), keep=KEEP)
    n_epochs = [len(state["monitor_loss"]) for state in batch.states]
    assert n_epochs[0] < 120  # on noise it must stop
    for fit, n in enumerate(n_epochs):
        watched_loss = batch.states[fit]["monitor_loss"]
        # The same losses as without stopping, and then eight epochs without a lower one.
        np.testing.assert_array_equal(watched_loss, longest.states[fit]["monitor_loss"][:n])
        best = int(np.argmin(watched_loss))
        assert n == 120 or n == best + 1 + 8
        error = batch.at(fit, watched[fit]) - plan.target_of(fit)[watched[fit]]
        # Batches of 16 and 4 rows are averaged as two losses.
        by_batch = np.mean([(error[:16] ** 2).mean(), (error[16:] ** 2).mean()])
        assert by_batch == pytest.approx(watched_loss[best], rel=1e-4)


def test_stopped_fits_that_stay_in_a_captured_block_are_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What an accelerator does, here on a CPU: nobody leaves, and the results are the same."""
    X, y = table(60)
    part = np.arange(60) % 3
    train, watched = np.stack([part > 0] * 4), np.stack([part == 0] * 4)
    targets = np.stack([np.random.default_rng(s).normal(size=60) for s in range(3)] + [y])
    learner = MlpLearner(hidden=(32,), lr=1e-2, epochs=80, batch_size=16, patience=4, device="cpu")
    plan = FitPlan(train, watched, targets, monitor=watched, seed=np.arange(4))
    leaving = learner.run(X, plan, keep=KEEP)
    start = block_training._Training.__init__

    def staying(self: Any, task: block_training.BlockTask) -> None:
        start(self, task)
        self.releases = False

    monkeypatch.setattr(block_training._Training, "__init__", staying)
    ignored = learner.run(X, plan, keep=KEEP)
    np.testing.assert_array_equal(ignored.scores, leaving.scores)
    for one, other in zip(ignored.states, leaving.states, strict=True):
        np.testing.assert_array_equal(one["monitor_loss"], other["monitor_loss"])
    assert len({len(state["monitor_loss"]) for state in leaving.states}) > 1


def test_a_diverged_fit_is_named_although_an_earlier_epoch_was_finite() -> None:
    X, y = table(60)
    part = np.arange(60) % 3
    train, watched = (part > 0)[None], (part == 0)[None]
    learner = MlpLearner(hidden=(8,), lr=1e30, epochs=20, patience=3, device="cpu")
    with pytest.raises(DivergedFitError, match="1 of 1 fits diverged"):
        learner.run(X, FitPlan(train, watched, y, monitor=watched))


def test_patience_without_monitored_rows_is_refused() -> None:
    X, y = table(20)
    every = np.ones((1, 20), bool)
    with pytest.raises(InvalidInputError, match="patience 3 and no monitored row"):
        MlpLearner(patience=3, device="cpu").run(X, FitPlan(every, every, y))


@pytest.mark.parametrize("decoupled", [pytest.param(False, id="adam"), pytest.param(True, id="w")])
def test_the_accelerators_adam_takes_the_steps_of_the_fused_one(decoupled: bool) -> None:
    rng = np.random.default_rng(0)
    cpu = torch.device("cpu")
    networks = [BlockNetwork((3, 4, 1), "relu", 2, dtype=torch.float64, device=cpu) for _ in "ab"]
    start = torch.tensor(rng.normal(size=networks[0].flat.shape))
    for network in networks:
        network.flat.copy_(start)
    rates, decays = (1e-2, 1e-3), (0.1, 0.0)
    adams = [
        kind(network, rates, decays, False, decoupled)
        for kind, network in zip((FusedAdam, BroadcastAdam), networks, strict=True)
    ]
    for _ in range(20):
        slope = torch.tensor(rng.normal(size=start.shape))
        for network, adam in zip(networks, adams, strict=True):
            network.slope.copy_(slope)
            adam.step()
    torch.testing.assert_close(networks[0].flat, networks[1].flat, rtol=0, atol=1e-7)


def test_bf16_learns_nearly_the_same_and_says_so_in_its_spec() -> None:
    X, y = table(200)
    every = np.ones((1, 200), bool)
    plan = FitPlan(every, every, y)
    scores = {
        precision: MlpLearner(hidden=(64, 32), epochs=60, device="cpu", precision=precision)
        .run(X, plan)
        .scores[0]
        for precision in ("float32", "bf16")
    }
    assert not np.array_equal(scores["float32"], scores["bf16"])
    # Factors are rounded to 8 bits: predictions move by some percent of their spread.
    assert np.abs(scores["float32"] - scores["bf16"]).mean() < 0.1 * scores["float32"].std()
    assert MlpLearner(precision="bf16").spec()["precision"] == "bf16"


def test_a_setting_no_network_has_is_named() -> None:
    X, y = table(20)
    every = np.ones((1, 20), bool)
    plan = FitPlan(every, every, y, settings=({"learning_rate": 0.1},))
    with pytest.raises(InvalidInputError, match=r"no setting learning_rate\. Known: activation, "):
        MlpLearner(device="cpu").run(X, plan)


def test_sample_weights_are_refused_and_not_ignored() -> None:
    X, y = table(20)
    every = np.ones((1, 20), bool)
    with pytest.raises(InvalidInputError, match="take no sample weights"):
        MlpLearner(device="cpu").run(X, FitPlan(every, every, y, weight=every.astype(float)))


def test_training_leaves_the_global_random_state_and_threads_alone() -> None:
    X, y = table(n=20)
    every = np.ones((1, 20), bool)
    torch.manual_seed(3)
    expected, threads = torch.rand(1), torch.get_num_threads()
    torch.manual_seed(3)
    MlpLearner(hidden=(4,), epochs=1, device="cpu").run(X, FitPlan(every, every, y))
    assert torch.equal(torch.rand(1), expected)
    assert torch.get_num_threads() == threads


def test_an_unknown_activation_is_named() -> None:
    X, y = table(n=20)
    every = np.ones((1, 20), bool)
    with pytest.raises(InvalidInputError, match=r"activation 'gelu'\. Known: relu, tanh"):
        MlpLearner(activation="gelu", device="cpu").run(X, FitPlan(every, every, y))


def test_a_device_that_is_not_there_is_named_with_those_that_are() -> None:
    absent = "mps" if not torch.backends.mps.is_available() else "cuda"
    with pytest.raises(InvalidInputError, match=rf"'{absent}' is not available .*available: .*cpu"):
        pick_device(absent)  # type: ignore[arg-type]


def test_a_tensor_comes_back_from_the_device_unchanged() -> None:
    found = check_device("auto")
    assert found["sent"] == found["returned"] == [0.0, 1.0, 2.0]
    assert found["device"] == pick_device("auto").type


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
def test_cuda_trains_to_the_same_network_as_the_cpu() -> None:
    X, y = table()
    every = np.ones((1, 90), bool)
    plan = FitPlan(every, every, y)
    scores = [
        MlpLearner(hidden=(32,), epochs=20, device=device).run(X, plan).scores
        for device in ("cpu", "cuda")
    ]
    np.testing.assert_allclose(*scores, atol=1e-3)  # float32 sums in another order, 20 epochs
