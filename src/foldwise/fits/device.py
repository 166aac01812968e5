"""Which device trains the networks, and a check that tensors come back from it."""

from typing import Any, Literal

import numpy as np
import torch

from foldwise.errors import InvalidInputError

__all__ = ["DeviceName", "check_device", "pick_device"]

DeviceName = Literal["auto", "cpu", "cuda", "mps"]


def pick_device(requested: DeviceName = "auto") -> torch.device:
    """Return the device asked for; "auto" takes CUDA, then MPS, then the CPU.

    Raises
    ------
    InvalidInputError
        If a device is asked for by name and this machine does not have it.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if requested == "auto":
        return torch.device(next(name for name, present in available.items() if present))
    if not available.get(requested, False):
        present = [name for name, there in available.items() if there]
        raise InvalidInputError(
            f"Device {requested!r} is not available to PyTorch {torch.__version__} here; "
            f"available: {', '.join(present)}. Use device 'auto' or one of these."
        )
    return torch.device(requested)


def check_device(requested: DeviceName = "auto") -> dict[str, Any]:
    """Send a tensor to the device and back and say what was found.

    Returns
    -------
    dict
        ``requested``, ``device`` (its type), ``name``, ``sent`` and ``returned`` (the
        numbers of the tensor), ``equal``, and the version of PyTorch.
    """
    device = pick_device(requested)
    sent = np.arange(3, dtype=np.float32)
    there = torch.from_numpy(sent).to(device)
    returned = there.cpu().numpy()
    is_cuda = device.type == "cuda"
    return {
        "requested": requested,
        "device": there.device.type,
        "name": torch.cuda.get_device_name(device) if is_cuda else device.type.upper(),
        "sent": sent.tolist(),
        "returned": returned.tolist(),
        "equal": bool(np.array_equal(sent, returned)),
        "torch": str(torch.__version__),
    }
