"""The optional engine: kernels that Numba compiles, for what NumPy cannot do in one pass over large arrays.

``pip install 'tapeless[numba]'`` is all it takes. The engine changes nothing but speed (and the last bits of
results). It loads when the first large array arrives; programs on small ones never do. `enabled` turns it
off and on, as do `flags` and, from outside, the environment variable ``TAPELESS_NUMBA=0``. As the modules of
https://docs.pytorch.org/docs/stable/backends.html.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from .._kernels.accelerated import ENGINE, is_installed

enabled: bool
"""Whether large arrays go to compiled kernels where Numba is installed. May be assigned to."""


def is_available() -> bool:
    """Return whether Numba is installed.

    >>> import tapeless as tl
    >>> tl.backends.numba.is_available() in (True, False)
    True
    """
    return is_installed()


@contextmanager
def flags(enabled: bool = False) -> Iterator[None]:
    """Turn the engine on or off for a while.

    >>> import tapeless as tl
    >>> with tl.backends.numba.flags(enabled=False):
    ...     tl.backends.numba.enabled
    False
    """
    before = ENGINE.enabled
    ENGINE.enable(enabled)
    try:
        yield
    finally:
        ENGINE.enable(before)


class _Module(ModuleType):
    """Makes `enabled` a property of the module, which reaches the kernels below when it is assigned to."""

    @property
    def enabled(self) -> bool:
        """Whether the engine may be used."""
        return ENGINE.enabled

    @enabled.setter
    def enabled(self, value: bool) -> None:
        ENGINE.enable(value)


sys.modules[__name__].__class__ = _Module
