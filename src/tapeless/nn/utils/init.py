"""Make modules without drawing their first parameters."""

from __future__ import annotations

import inspect
from typing import Any

from tapeless._device import check_device
from tapeless._random import get_rng_state, set_rng_state

from .._module import Module
from ..init import skipped

__all__ = ["skip_init"]


def skip_init(module_cls: Any, *args: Any, **kwargs: Any) -> Any:
    """Return ``module_cls(*args, **kwargs)`` with parameters of arbitrary values, for those that are loaded anyway.

    What the constructor fills by `nn.init` is left as it is, and the random stream as it was. Raises ``TypeError`` for
    what is no class, ``RuntimeError`` for a class that is no module or takes no ``device``.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.skip_init.html

    >>> import tapeless as tl
    >>> layer = tl.nn.utils.skip_init(tl.nn.Linear, 1000, 1000)
    >>> layer.weight.shape
    torch.Size([1000, 1000])
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    device = kwargs.pop("device", None)
    if device != "meta":  # PyTorch's own way to say that nothing is to be filled
        check_device(device)
    before = get_rng_state()
    try:
        with skipped():
            return module_cls(*args, **kwargs)
    finally:
        set_rng_state(before)
