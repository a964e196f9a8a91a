"""The few names of ``torch._C`` that programs import: there is no C++ here."""

from __future__ import annotations

import numpy as np

from ._device import Device as device
from ._ops.linear_algebra import LinAlgError as _LinAlgError
from ._random import Generator as Generator
from ._tensor import Size as Size

dtype = np.dtype
__all__ = ["Generator", "Size", "_LinAlgError", "device", "dtype"]
