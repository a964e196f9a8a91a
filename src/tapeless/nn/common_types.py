"""``torch.nn.common_types``: names of sizes, for annotations: a number, or one for each dim."""

from __future__ import annotations

from typing import TypeAlias

from tapeless._tensor import Tensor

_scalar_or_tuple_1_t: TypeAlias = int | tuple[int]
_scalar_or_tuple_2_t: TypeAlias = int | tuple[int, int]
_scalar_or_tuple_3_t: TypeAlias = int | tuple[int, int, int]
_size_any_t: TypeAlias = int | tuple[int, ...]
_size_1_t = _scalar_or_tuple_1_t
_size_2_t = _scalar_or_tuple_2_t
_size_3_t = _scalar_or_tuple_3_t
_tensor_list_t: TypeAlias = Tensor | list[Tensor]
