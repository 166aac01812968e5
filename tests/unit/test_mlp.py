"""Networks equal loops written with nn.Linear, Adam and scikit-learn's MLPRegressor."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from torch import nn

from foldwise.arrays import SiteLookup
from foldwise.errors import InvalidInputError
from foldwise.fits.device import check_device, pick_device
from foldwise.fits.mlp import MlpLearner, count_parameters, weight_decay_of
from foldwise.fits.plan import FitPlan

KEEP = ("scores", "parameters", "curves")


def table(n: int = 90, p: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, np.sin(X[:, 0]) + X[:, 1] * X[:, 2]


def plain_loop(
    X: np.ndarray, y: np.ndarray, *, seed: int, hidden: tuple[int, ...], epochs: int, batch: int
) -> tuple[nn.Sequential, list[float]]:
    """Train as a PyTorch tutorial would; returns the network and the mean loss per epoch."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for before, after in pairwise([X.shape[1], *hidden]):
        layers += [nn.Linear(before, after), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Linear(hidden[-1], 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3, weight_decay=0.01)
    inputs, target = torch.tensor(X, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    curve = []
    for epoch in range(epochs):
        order = torch.tensor(np.random.default_rng([seed, epoch]).permutation(len(X)))
        losses = []
        for rows in order.split(batch):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(network(inputs[rows]).squeeze(-1), target[rows])
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


def test_look_ups_train_to_the_bits_of_the_dense_matrix() -> None:
    rng = np.random.default_rng(0)
    lookup = SiteLookup(rng.integers(0, 5, (40, 2, 1)), np.ones((40, 2, 1)), n_elements=5)
    every = np.ones((1, 40), bool)
    plan = FitPlan(every, every, rng.normal(size=40))
    learner = MlpLearner(hidden=(8,), epochs=3, device="cpu")
    np.testing.assert_array_equal(
        learner.run(lookup, plan).scores, learner.run(lookup.to_dense(), plan).scores
    )


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
