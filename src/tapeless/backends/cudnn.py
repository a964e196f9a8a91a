"""``torch.backends.cudnn``: there is no cuDNN. What programs set here is remembered, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

enabled = True
benchmark = False
benchmark_limit: int | None = None
deterministic = False
allow_tf32 = True
fp32_precision = "none"


def is_available() -> bool:
    """Return False.

    >>> is_available()
    False
    """
    return False


def version() -> None:
    """Return None, the version of what is not there.

    >>> import tapeless as tl
    >>> tl.backends.cudnn.version()
    """
    return None


def is_acceptable(tensor: Any) -> bool:
    """Return False: cuDNN takes no tensor.

    >>> import tapeless as tl
    >>> tl.backends.cudnn.is_acceptable(tl.ones(1))
    False
    """
    return False


@contextmanager
def flags(
    enabled: bool = False,
    benchmark: bool = False,
    benchmark_limit: int | None = 10,
    deterministic: bool = False,
    allow_tf32: bool = True,
    fp32_precision: str = "none",
) -> Iterator[None]:
    """Set the flags for a while; they change nothing.

    >>> import tapeless as tl
    >>> with tl.backends.cudnn.flags(deterministic=True):
    ...     print(tl.backends.cudnn.deterministic)
    True
    """
    names = globals()
    new: dict[str, Any] = {"enabled": enabled, "benchmark": benchmark, "benchmark_limit": benchmark_limit}
    new |= {"deterministic": deterministic, "allow_tf32": allow_tf32, "fp32_precision": fp32_precision}
    before = {name: names[name] for name in new}
    names.update(new)
    try:
        yield
    finally:
        names.update(before)
