"""Operations of neural networks that draw at random: the kinds of dropout, `rrelu`, fractional pooling."""

from __future__ import annotations

from typing import Any

from ._ops.pooling import declare_fractional
from ._random import stream_of


def _uniform(shape: Any, dtype: Any) -> Any:
    return stream_of(None).uniform(shape, dtype)


for _ndim in (2, 3):
    declare_fractional(_ndim, _uniform)
