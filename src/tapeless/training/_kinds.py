"""Looking for NaN and infinity."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapeless._core.tensor_base import unwrap
from tapeless._tensor import Tensor


def kinds_in(value: Any) -> tuple[str, ...]:
    """Which of "NaN" and "infinity" a tensor, array, or container of them holds."""
    if isinstance(value, Tensor | np.ndarray):
        array = unwrap(value)
        if array.dtype.kind not in "fc" or np.isfinite(array).all():
            return ()
        return ("NaN",) * bool(np.isnan(array).any()) + ("infinity",) * bool(np.isinf(array).any())
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, tuple | list):
        return ()
    found = {kind for part in value for kind in kinds_in(part)}
    return tuple([kind for kind in ("NaN", "infinity") if kind in found])
