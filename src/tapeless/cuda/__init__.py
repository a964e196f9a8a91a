"""What programs ask of ``torch.cuda``, answered as by a PyTorch that was built without CUDA.

Questions have answers (there are 0 devices, 0 bytes in use); what needs a device raises AssertionError, as PyTorch's.
Source: https://docs.pytorch.org/docs/stable/cuda.html
"""

from __future__ import annotations

from typing import Any

from .._device import DeviceError, check_device
from .._errors import device_error
from . import amp as amp
from ._types import (
    BoolTensor as BoolTensor,
    ByteTensor as ByteTensor,
    CharTensor as CharTensor,
    DoubleTensor as DoubleTensor,
    FloatTensor as FloatTensor,
    HalfTensor as HalfTensor,
    IntTensor as IntTensor,
    LongTensor as LongTensor,
    ShortTensor as ShortTensor,
)

default_generators = ()
OutOfMemoryError = type("OutOfMemoryError", (RuntimeError,), {"__doc__": "Never raised: there is no memory of a GPU."})


def is_available() -> bool:
    """Return False: there is no CUDA here.

    >>> is_available()
    False
    """
    return False


def is_initialized() -> bool:
    """Return False: there is nothing to initialize."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Return False."""
    return False


def device_count() -> int:
    """Return 0, the number of CUDA devices."""
    return 0


def get_arch_list() -> list[str]:
    """Return an empty list."""
    return []


def manual_seed(seed: int) -> None:
    """Do nothing: there is no device to seed. PyTorch ignores the call silently as well."""


def manual_seed_all(seed: int) -> None:
    """Do nothing: there are no devices to seed."""


def seed() -> None:
    """Do nothing."""


def seed_all() -> None:
    """Do nothing."""


def empty_cache() -> None:
    """Do nothing: there is no cache."""


def get_rng_state_all() -> list[Any]:
    """Return an empty list: the state of no device."""
    return []


def set_rng_state_all(new_states: Any) -> None:
    """Do nothing for an empty list, the only state that there is."""
    if len(new_states):
        check_device("cuda")


def memory_allocated(device: Any = None) -> int:
    """Return 0, as all questions about memory do."""
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_allocated
max_memory_cached = memory_cached = memory_allocated


class device:
    """``with torch.cuda.device(0):``; refused when entered."""

    def __init__(self, device: Any) -> None:
        self.idx = device

    def __enter__(self) -> None:
        check_device("cuda")

    def __exit__(self, *error: Any) -> None:
        return None


def _refused(name: str) -> Any:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise DeviceError(
            f"Torch not compiled with CUDA enabled\ntorch.cuda.{name} needs a GPU. {device_error('cuda')}"
        )

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = "Raise `DeviceError`, an ``AssertionError`` as PyTorch's: this needs a GPU."
    return refuse


_NEED_A_GPU = """
Event Stream current_blas_handle current_device current_stream default_stream get_device_capability get_device_name
get_device_properties get_rng_state init initial_seed ipc_collect mem_get_info memory_snapshot memory_stats
memory_summary reset_accumulated_memory_stats reset_max_memory_allocated reset_max_memory_cached reset_peak_memory_stats
set_device set_per_process_memory_fraction set_rng_state set_stream stream synchronize temperature utilization
""".split()
globals().update({name: _refused(name) for name in _NEED_A_GPU})
