"""`kernel`: lets a function of ours take part in NumPy's dispatch, as NumPy's own functions do."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Offer each call to the ``__array_function__`` of the first argument that is not a plain ndarray (NEP 18).

    So a gradient rule may call a kernel as it calls ``np.exp``: arrays run it, a Tensor records the operation
    that is registered for it.
    """

    @functools.wraps(function)
    def public(*args: Any, **kwargs: Any) -> Any:
        for arg in args:
            kind = type(arg)
            if kind is not np.ndarray and hasattr(kind, "__array_function__") and not isinstance(arg, np.generic):
                return kind.__array_function__(arg, public, (kind,), args, kwargs)
        return function(*args, **kwargs)

    return public
