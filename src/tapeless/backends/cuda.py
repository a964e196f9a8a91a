"""``torch.backends.cuda``: there is no CUDA. What programs set here is remembered, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Matmul:
    """``torch.backends.cuda.matmul``: switches of products on a GPU."""

    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True
    allow_fp16_accumulation = False
    fp32_precision = "none"


matmul = _Matmul()
_sdp = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}


def is_built() -> bool:
    """Return False.

    >>> is_built()
    False
    """
    return False


def flash_sdp_enabled() -> bool:
    """Return what `enable_flash_sdp` set.

    >>> import tapeless as tl
    >>> tl.backends.cuda.flash_sdp_enabled()
    True
    """
    return _sdp["flash"]


def enable_flash_sdp(enabled: bool) -> None:
    """Remember the choice of a GPU's kernel of attention; there is one kernel here.

    >>> import tapeless as tl
    >>> tl.backends.cuda.enable_flash_sdp(True)
    """
    _sdp["flash"] = bool(enabled)


def mem_efficient_sdp_enabled() -> bool:
    """Return what `enable_mem_efficient_sdp` set.

    >>> import tapeless as tl
    >>> tl.backends.cuda.mem_efficient_sdp_enabled()
    True
    """
    return _sdp["mem_efficient"]


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Remember the choice of a GPU's kernel of attention; there is one kernel here.

    >>> import tapeless as tl
    >>> tl.backends.cuda.enable_mem_efficient_sdp(True)
    """
    _sdp["mem_efficient"] = bool(enabled)


def math_sdp_enabled() -> bool:
    """Return what `enable_math_sdp` set.

    >>> import tapeless as tl
    >>> tl.backends.cuda.math_sdp_enabled()
    True
    """
    return _sdp["math"]


def enable_math_sdp(enabled: bool) -> None:
    """Remember the choice of a GPU's kernel of attention; there is one kernel here.

    >>> import tapeless as tl
    >>> tl.backends.cuda.enable_math_sdp(True)
    """
    _sdp["math"] = bool(enabled)


def cudnn_sdp_enabled() -> bool:
    """Return what `enable_cudnn_sdp` set.

    >>> import tapeless as tl
    >>> tl.backends.cuda.cudnn_sdp_enabled()
    True
    """
    return _sdp["cudnn"]


def enable_cudnn_sdp(enabled: bool) -> None:
    """Remember the choice of a GPU's kernel of attention; there is one kernel here.

    >>> import tapeless as tl
    >>> tl.backends.cuda.enable_cudnn_sdp(True)
    """
    _sdp["cudnn"] = bool(enabled)


@contextmanager
def sdp_kernel(
    enable_flash: bool = True, enable_math: bool = True, enable_mem_efficient: bool = True, enable_cudnn: bool = True
) -> Iterator[Any]:
    """Do nothing for a while: there is one kernel of attention.

    >>> import tapeless as tl
    >>> with tl.backends.cuda.sdp_kernel(enable_flash=False):
    ...     tl.backends.cuda.flash_sdp_enabled()
    True
    """
    yield {}
