"""``torch.backends.mkldnn``: there is no oneDNN. What programs set here is remembered, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

enabled = True
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """Return False.

    >>> is_available()
    False
    """
    return False


@contextmanager
def flags(enabled: bool = False, deterministic: bool = False, allow_tf32: bool = True) -> Iterator[None]:
    """Set the flags for a while; they change nothing.

    >>> import tapeless as tl
    >>> with tl.backends.mkldnn.flags(enabled=False):
    ...     print(tl.backends.mkldnn.enabled)
    False
    """
    names = globals()
    new = {"enabled": enabled, "deterministic": deterministic, "allow_tf32": allow_tf32}
    before = {name: names[name] for name in new}
    names.update(new)
    try:
        yield
    finally:
        names.update(before)
