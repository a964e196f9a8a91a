"""`autocast`: accepted, and without effect.

PyTorch computes products in a shorter dtype there, for speed on hardware that has it. NumPy has no bfloat16, and
float16 is slower than float32 on a CPU, so results here are those of float32: closer to what was meant.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from .._device import Device
from .._dtypes import float32


class autocast:
    """A context manager and decorator that changes nothing; see above. `device_type` has to be one of PyTorch's.

    See https://docs.pytorch.org/docs/stable/amp.html#torch.autocast

    >>> import tapeless as tl
    >>> with tl.autocast("cpu", dtype=tl.float16):
    ...     print((tl.ones(2, 2) @ tl.ones(2, 2)).dtype)
    float32
    """

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        self.device = Device(device_type).type
        if enabled and self.device == "cuda":
            warnings.warn("CUDA is not available or torch_xla is imported. Disabling autocast.", stacklevel=2)
        self.fast_dtype = dtype

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *error: Any) -> None:
        return None

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with the same effect: none."""

        @functools.wraps(func)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            return func(*args, **kwargs)

        return decorated


def is_autocast_available(device_type: str) -> bool:
    """Return whether `autocast` may be entered for a device: for the CPU and for CUDA, as in PyTorch.

    >>> is_autocast_available("cpu")
    True
    """
    return Device(device_type).type in ("cpu", "cuda", "xpu", "mps", "hpu", "mtia", "maia", "ipu", "xla")


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Return False: `autocast` has no effect.

    >>> import tapeless as tl
    >>> tl.is_autocast_enabled("cpu")
    False
    """
    return False


def get_autocast_dtype(device_type: str) -> Any:
    """Return float32, the dtype that `autocast` computes in. (PyTorch's is bfloat16, which NumPy lacks.)

    >>> import tapeless as tl
    >>> tl.get_autocast_dtype("cpu")
    dtype('float32')
    """
    Device(device_type)  # raises for what is no device
    return float32


def custom_fwd(fwd: Any = None, *, device_type: str = "cuda", cast_inputs: Any = None) -> Any:
    """Return the forward of an `autograd.Function` as it is, or a decorator that does.

    >>> import tapeless as tl
    >>> class Double(tl.autograd.Function):
    ...     @staticmethod
    ...     @tl.amp.custom_fwd(device_type="cuda")
    ...     def forward(ctx, x):
    ...         return 2 * x
    ...
    ...     @staticmethod
    ...     @tl.amp.custom_bwd(device_type="cuda")
    ...     def backward(ctx, grad):
    ...         return 2 * grad
    >>> Double.apply(tl.tensor(2.0))
    tensor(4.)
    """
    return fwd if fwd is not None else lambda function: function


def custom_bwd(bwd: Any = None, *, device_type: str = "cuda") -> Any:
    """Return the backward of an `autograd.Function` as it is, or a decorator that does.

    >>> import tapeless as tl
    >>> class Double(tl.autograd.Function):
    ...     @staticmethod
    ...     @tl.amp.custom_fwd(device_type="cuda")
    ...     def forward(ctx, x):
    ...         return 2 * x
    ...
    ...     @staticmethod
    ...     @tl.amp.custom_bwd(device_type="cuda")
    ...     def backward(ctx, grad):
    ...         return 2 * grad
    >>> Double.apply(tl.tensor(2.0))
    tensor(4.)
    """
    return bwd if bwd is not None else lambda function: function
