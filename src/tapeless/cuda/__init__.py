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


class OutOfMemoryError(RuntimeError):
    """Never raised: there is no memory of a GPU.

    >>> import tapeless as tl
    >>> issubclass(tl.cuda.OutOfMemoryError, RuntimeError)
    True
    """


def is_available() -> bool:
    """Return False: there is no CUDA here.

    >>> is_available()
    False
    """
    return False


def is_initialized() -> bool:
    """Return False: there is nothing to initialize.

    >>> import tapeless as tl
    >>> tl.cuda.is_initialized()
    False
    """
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Return False.

    >>> import tapeless as tl
    >>> tl.cuda.is_bf16_supported()
    False
    """
    return False


def device_count() -> int:
    """Return 0, the number of CUDA devices.

    >>> import tapeless as tl
    >>> tl.cuda.device_count()
    0
    """
    return 0


def get_arch_list() -> list[str]:
    """Return an empty list.

    >>> import tapeless as tl
    >>> tl.cuda.get_arch_list()
    []
    """
    return []


def manual_seed(seed: int) -> None:
    """Do nothing: there is no device to seed. PyTorch ignores the call silently as well.

    >>> import tapeless as tl
    >>> tl.cuda.manual_seed(0)
    """


def manual_seed_all(seed: int) -> None:
    """Do nothing: there are no devices to seed.

    >>> import tapeless as tl
    >>> tl.cuda.manual_seed_all(0)
    """


def seed() -> None:
    """Do nothing.

    >>> import tapeless as tl
    >>> tl.cuda.seed()
    """


def seed_all() -> None:
    """Do nothing.

    >>> import tapeless as tl
    >>> tl.cuda.seed_all()
    """


def empty_cache() -> None:
    """Do nothing: there is no cache.

    >>> import tapeless as tl
    >>> tl.cuda.empty_cache()
    """


def get_rng_state_all() -> list[Any]:
    """Return an empty list: the state of no device.

    >>> import tapeless as tl
    >>> tl.cuda.get_rng_state_all()
    []
    """
    return []


def set_rng_state_all(new_states: Any) -> None:
    """Do nothing for an empty list, the only state that there is.

    >>> import tapeless as tl
    >>> tl.cuda.set_rng_state_all([])
    """
    if len(new_states):
        check_device("cuda")


def memory_allocated(device: Any = None) -> int:
    """Return 0, as all questions about memory do.

    >>> import tapeless as tl
    >>> tl.cuda.memory_allocated()
    0
    """
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_allocated
max_memory_cached = memory_cached = memory_allocated


class device:
    """``with torch.cuda.device(0):``; refused when entered.

    >>> import tapeless as tl
    >>> tl.cuda.device(0).idx
    0
    """

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
    refuse.__doc__ = f"""Raise `DeviceError`, an ``AssertionError`` as PyTorch's: this needs a GPU.

    >>> import tapeless as tl
    >>> tl.cuda.{name}()
    Traceback (most recent call last):
        ...
    tapeless._device.DeviceError: Torch not compiled with CUDA enabled...
    """
    return refuse


_NEED_A_GPU = """
Event Stream current_blas_handle current_device current_stream default_stream get_device_capability get_device_name
get_device_properties get_rng_state init initial_seed ipc_collect mem_get_info memory_snapshot memory_stats
memory_summary reset_accumulated_memory_stats reset_max_memory_allocated reset_max_memory_cached reset_peak_memory_stats
set_device set_per_process_memory_fraction set_rng_state set_stream stream synchronize temperature utilization
""".split()
globals().update({name: _refused(name) for name in _NEED_A_GPU})
