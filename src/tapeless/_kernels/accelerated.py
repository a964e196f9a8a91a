"""Kernels that have a compiled twin: with Numba installed, large arrays go there, everything else to NumPy.

`accelerated` names the twin, a function of `_kernels/_numba/` with the same parameters, and the size from which it
pays. The choice depends on the arguments only, so a program computes the same each time that it runs. NumPy is the
reference: a twin gives the same up to rounding, and answers NotImplemented for arrays that its loops are not for.

Numba takes 0.3 s to import, and is imported when the first array that is large enough arrives; a twin compiles for
each combination of types that it meets, and is read from the cache on disk from then on.

The loops are compiled for one thread, and large arrays are divided among those of `threads.pool`. Numba's own
threads do not get on with those of OpenBLAS, which spin for a while after each matrix product: an update of 100,000
parameters takes 41 us in one thread, 128 us in Numba's work queue and 8,000 us under its OpenMP. Without them,
processes may fork and threads may call kernels as they like.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np


class Engine:
    """Whether compiled twins are used; `tapeless.backends.numba` is its public face."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled  # what the user wants
        self.missing = False  # known not to work here
        self.errors: tuple[type[Exception], ...] = ()  # what Numba raises, once it is loaded
        self.active = enabled  # both: the one thing that a call looks at

    @property
    def running(self) -> bool:
        """Whether Numba is loaded, and used."""
        return self.active and bool(self.errors)

    def enable(self, enabled: bool) -> None:
        """Turn the engine on or off."""
        self.enabled = bool(enabled)
        self.active = self.enabled and not self.missing

    def load(self, twin: str) -> Callable[..., Any] | None:
        """Return the twin ``"module.function"``; None, from then on without asking, where Numba is not installed."""
        module, _, name = twin.partition(".")
        try:
            self.errors = (importlib.import_module("numba.core.errors").NumbaError,)
            return getattr(importlib.import_module(f"._numba.{module}", __package__), name)  # type: ignore[no-any-return]
        except ImportError as error:
            self.missing, self.active = True, False
            if not isinstance(error, ModuleNotFoundError):  # it is there, and wants another NumPy, for example
                warnings.warn(f"Numba is installed, but cannot be used: {error}", RuntimeWarning, stacklevel=3)
            return None

    def failed(self, twin: str, error: Exception) -> None:
        """Say that a twin could not be compiled; the NumPy kernel stands in."""
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        warnings.warn(f"Numba could not compile {twin}: {first}. NumPy computes it.", RuntimeWarning, stacklevel=4)


ENGINE = Engine(os.environ.get("TAPELESS_NUMBA", "1") != "0")


def is_installed() -> bool:
    """Return whether Numba can be imported; it is not imported for that."""
    return not ENGINE.missing and importlib.util.find_spec("numba") is not None


def accelerated(twin: str, size: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare that a kernel has a `twin`, ``"module.function"``, for plain arrays of at least `size` elements.

    The first argument decides. For small arrays the question costs a tenth of a microsecond.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        fast: Callable[..., Any] | None = None

        @functools.wraps(function)
        def public(x: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal fast
            if type(x) is np.ndarray and x.size >= size and ENGINE.active:
                fast = fast or ENGINE.load(twin)
                if fast is not None:
                    try:
                        result = fast(x, *args, **kwargs)
                    except ENGINE.errors as error:
                        fast = _never
                        ENGINE.failed(twin, error)
                        result = NotImplemented
                    if result is not NotImplemented:
                        return result
            return function(x, *args, **kwargs)

        public.twin, public.size = twin, size  # type: ignore[attr-defined]  # for the tests
        return public

    return decorate


def _never(*args: Any, **kwargs: Any) -> Any:
    """Stand in for a twin that could not be compiled."""
    return NotImplemented
