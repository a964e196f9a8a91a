"""``torch.types``: names for annotations.

Source: https://docs.pytorch.org/docs/stable/type_info.html
"""

from __future__ import annotations

import os
from typing import IO, Any, TypeAlias

import numpy as np

from ._device import Device as _Device

Number: TypeAlias = int | float | bool
Device: TypeAlias = _Device | str | int | None
FileLike: TypeAlias = str | os.PathLike[str] | IO[bytes]
_dtype: TypeAlias = np.dtype[Any]
_device: TypeAlias = _Device
_int, _float, _bool, _complex = int, float, bool, complex
_size: TypeAlias = tuple[int, ...] | list[int]
