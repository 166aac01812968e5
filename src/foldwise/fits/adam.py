"""Adam for a block of fits, each with its own step size and weight decay."""

from collections.abc import Sequence
from typing import Protocol

import torch

from foldwise.fits.network import BlockNetwork

__all__ = ["Adam", "BroadcastAdam", "FusedAdam", "make_adam"]

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8  # torch.optim.Adam's defaults


class Adam(Protocol):
    """Moves the parameters of a network one step down its slopes."""

    def step(self) -> None:
        """Take one step."""
        ...

    def keep(self, fits: torch.Tensor) -> None:
        """Go on with some of the fits."""
        ...


def make_adam(
    network: BlockNetwork,
    lr: Sequence[float],
    weight_decay: Sequence[float],
    *,
    decay_intercepts: bool,
    decoupled: bool,
) -> Adam:
    """Return the fastest implementation for the network's device.

    Parameters
    ----------
    network : BlockNetwork
        Whose ``flat`` is moved along ``slope``.
    lr, weight_decay : sequences of float of length n_fits
        One per fit.
    decay_intercepts : bool
        Whether intercepts decay too.
    decoupled : bool
        Whether the decay shrinks the parameters themselves (AdamW) instead of adding
        to the slopes (``torch.optim.Adam``).
    """
    kind = FusedAdam if network.flat.device.type == "cpu" else BroadcastAdam
    return kind(network, lr, weight_decay, decay_intercepts, decoupled)


class FusedAdam:
    """PyTorch's fused kernel, one call per fit: memory is passed over once.

    All fits of a block have taken the same number of steps.
    """

    def __init__(
        self,
        network: BlockNetwork,
        lr: Sequence[float],
        weight_decay: Sequence[float],
        decay_intercepts: bool,
        decoupled: bool,
    ) -> None:
        self.network = network
        self.lr, self.weight_decay = list(lr), list(weight_decay)
        self.decay_intercepts, self.decoupled = decay_intercepts, decoupled
        self.first = torch.zeros_like(network.flat)
        self.second = torch.zeros_like(network.flat)
        self.n_steps = torch.zeros((), dtype=torch.float32)
        self._calls = self._segments()

    def _segments(
        self,
    ) -> list[tuple[list[list[torch.Tensor]], float, float]]:
        """Return the pieces of memory that share a step size and a decay."""
        network, cut = self.network, self.network.n_weights
        whole = [slice(None)] if self.decay_intercepts else [slice(cut), slice(cut, None)]
        buffers = (network.flat, network.slope, self.first, self.second)
        return [
            (
                [[buffer[fit, part]] for buffer in buffers],
                self.lr[fit],
                self.weight_decay[fit] if place == 0 else 0.0,
            )
            for fit in range(len(network.flat))
            for place, part in enumerate(whole)
        ]

    def step(self) -> None:
        """Take one step."""
        self.n_steps += 1
        fused = torch._fused_adamw_ if self.decoupled else torch._fused_adam_
        for (flat, slope, first, second), lr, weight_decay in self._calls:
            fused(
                flat,
                slope,
                first,
                second,
                [],
                [self.n_steps],
                lr=lr,
                beta1=_BETA1,
                beta2=_BETA2,
                weight_decay=weight_decay,
                eps=_EPSILON,
                amsgrad=False,
                maximize=False,
            )

    def keep(self, fits: torch.Tensor) -> None:
        """Go on with some of the fits; the network has already kept them."""
        chosen = fits.tolist()
        self.lr = [self.lr[fit] for fit in chosen]
        self.weight_decay = [self.weight_decay[fit] for fit in chosen]
        self.first, self.second = self.first[fits].clone(), self.second[fits].clone()
        self._calls = self._segments()


class BroadcastAdam:
    """Adam in whole-block operations, for accelerators: no loop over fits, no value read back.

    The number of steps is a tensor on the device, so that a captured graph can count.
    """

    def __init__(
        self,
        network: BlockNetwork,
        lr: Sequence[float],
        weight_decay: Sequence[float],
        decay_intercepts: bool,
        decoupled: bool,
    ) -> None:
        self.network, self.decoupled = network, decoupled
        like = network.flat
        self.lr = torch.tensor(lr, dtype=like.dtype, device=like.device)[:, None]
        decay = torch.tensor(weight_decay, dtype=like.dtype, device=like.device)[:, None]
        self.weight_decay = decay.expand(like.shape).clone()
        if not decay_intercepts:
            self.weight_decay[:, network.n_weights :] = 0.0
        self.first, self.second = torch.zeros_like(like), torch.zeros_like(like)
        self.n_steps = torch.zeros((), dtype=like.dtype, device=like.device)

    def step(self) -> None:
        """Take one step."""
        flat, slope = self.network.flat, self.network.slope
        self.n_steps += 1
        if self.decoupled:
            flat.mul_(1 - self.lr * self.weight_decay)
        else:
            slope = torch.addcmul(slope, flat, self.weight_decay)
        self.first.lerp_(slope, 1 - _BETA1)
        self.second.mul_(_BETA2).addcmul_(slope, slope, value=1 - _BETA2)
        bias1, bias2 = 1 - _BETA1**self.n_steps, 1 - _BETA2**self.n_steps
        size = (self.second / bias2).sqrt_().add_(_EPSILON)
        flat.sub_(self.lr / bias1 * self.first / size)

    def keep(self, fits: torch.Tensor) -> None:
        """Go on with some of the fits; the network has already kept them."""
        self.lr, self.weight_decay = self.lr[fits], self.weight_decay[fits]
        self.first, self.second = self.first[fits].clone(), self.second[fits].clone()
