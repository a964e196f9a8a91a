"""Switches that programs set once, at their top: remembered, answered, and without effect on NumPy.

Results are deterministic here in any case, float32 products are as exact as NumPy's, and the CPU is the only device.
"""

from __future__ import annotations

import warnings
from typing import Any

from . import _dtypes
from ._device import CPU, Device, check_device

_state: dict[str, Any] = {"precision": "highest", "deterministic": False, "warn_only": False, "warn_always": False}


def set_float32_matmul_precision(precision: str) -> None:
    """Remember "highest", "high" or "medium"; warns of other words.

    >>> set_float32_matmul_precision("high")
    >>> get_float32_matmul_precision()
    'high'
    >>> set_float32_matmul_precision("highest")
    """
    if precision not in ("highest", "high", "medium"):
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the current "
            "setFloat32MatmulPrecision call has no effect.",
            stacklevel=2,
        )
        return
    _state["precision"] = precision


def get_float32_matmul_precision() -> str:
    """Return what `set_float32_matmul_precision` remembers; products are computed in float32 in any case.

    >>> import tapeless as tl
    >>> tl.get_float32_matmul_precision()
    'highest'
    """
    return str(_state["precision"])


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Remember the wish, which is fulfilled anyway: the same program gives the same numbers.

    >>> use_deterministic_algorithms(False)
    >>> are_deterministic_algorithms_enabled()
    False
    """
    if not isinstance(mode, bool):
        raise TypeError(
            f"_set_deterministic_algorithms(): argument 'mode' (position 1) must be bool, not {type(mode).__name__}"
        )
    _state.update(deterministic=mode, warn_only=warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """Return whether `use_deterministic_algorithms` was asked for.

    >>> import tapeless as tl
    >>> tl.are_deterministic_algorithms_enabled()
    False
    """
    return bool(_state["deterministic"])


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Return what `use_deterministic_algorithms` was told of warnings.

    >>> import tapeless as tl
    >>> tl.is_deterministic_algorithms_warn_only_enabled()
    False
    """
    return bool(_state["warn_only"])


_MODES = {"default": 0, "warn": 1, "error": 2}


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """Set "default" (0), "warn" (1) or "error" (2), another way to say `use_deterministic_algorithms`.

    >>> import tapeless as tl
    >>> tl.set_deterministic_debug_mode("default")
    >>> tl.get_deterministic_debug_mode()
    0
    """
    mode = _MODES.get(debug_mode) if isinstance(debug_mode, str) else debug_mode
    if mode not in (0, 1, 2):
        raise RuntimeError(
            f"invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got {debug_mode}"
        )
    use_deterministic_algorithms(mode > 0, warn_only=mode == 1)


def get_deterministic_debug_mode() -> int:
    """Return 0, 1 or 2, see `set_deterministic_debug_mode`.

    >>> import tapeless as tl
    >>> tl.get_deterministic_debug_mode()
    0
    """
    if not _state["deterministic"]:
        return 0
    return 1 if _state["warn_only"] else 2


def set_default_device(device: Any) -> None:
    """Accept the CPU or None; refuse other devices as their use is refused.

    >>> import tapeless as tl
    >>> tl.set_default_device("cpu")
    >>> tl.get_default_device()
    device(type='cpu')
    """
    check_device(device)


def get_default_device() -> Device:
    """Return the CPU.

    >>> get_default_device()
    device(type='cpu')
    """
    return CPU


def set_default_tensor_type(t: Any, /) -> None:
    """Set the default dtype by an old name, ``torch.DoubleTensor`` or its text.

    >>> set_default_tensor_type("torch.FloatTensor")
    """
    if isinstance(t, str):
        home, _, name = t.rpartition(".")
        if home == "torch.cuda":
            raise TypeError(f"type {t} not available. Torch not compiled with CUDA enabled.")
        names = {f"{value}Tensor": key for key, value in _dtypes.SCALAR_NAMES.items()}
        dtype: Any = names.get(name) if home == "torch" else None
    else:
        dtype = getattr(t, "dtype", None) if isinstance(t, type) else None
    if dtype is None:
        raise TypeError(f"invalid type object: expected a name such as 'torch.DoubleTensor', got {t!r}")
    _dtypes.set_default_dtype(dtype)


def set_flush_denormal(mode: bool) -> bool:
    """Return False: NumPy leaves it to the processor whether tiny numbers become 0.

    >>> import tapeless as tl
    >>> tl.set_flush_denormal(False)
    False
    """
    return False


def set_warn_always(b: bool, /) -> None:
    """Remember whether warnings should come more than once; Python's filters decide here.

    >>> import tapeless as tl
    >>> tl.set_warn_always(False)
    >>> tl.is_warn_always_enabled()
    False
    """
    _state["warn_always"] = bool(b)


def is_warn_always_enabled() -> bool:
    """Return what `set_warn_always` remembers.

    >>> import tapeless as tl
    >>> tl.is_warn_always_enabled()
    False
    """
    return bool(_state["warn_always"])


def compiled_with_cxx11_abi() -> bool:
    """Return True, as programs that ask expect; nothing was compiled.

    >>> import tapeless as tl
    >>> tl.compiled_with_cxx11_abi()
    True
    """
    return True
