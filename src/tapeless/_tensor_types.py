"""``torch.FloatTensor`` and its like: the constructors that came before ``torch.tensor(data, dtype=...)``.

Source: https://docs.pytorch.org/docs/stable/tensors.html (at the end of the section on data types).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _dtypes
from ._core.tensor_base import wrap
from ._device import check_device
from ._tensor import Size, Tensor


class TensorType(type):
    """The class of ``torch.FloatTensor`` and its like: `isinstance` asks for the dtype, a call makes a tensor.

    >>> import tapeless as tl
    >>> tl.LongTensor([1, 2]), isinstance(tl.ones(2), tl.LongTensor)
    (tensor([1, 2]), False)
    >>> tl.FloatTensor(2, 3).shape
    torch.Size([2, 3])
    """

    dtype: np.dtype[Any]
    is_cuda = is_sparse = False

    def __call__(cls, *args: Any, device: Any = None) -> Any:
        check_device(device)
        if len(args) == 1 and not isinstance(args[0], (int, np.integer, Size)):
            return cls._from_data(args[0])
        sizes = args[0] if len(args) == 1 and isinstance(args[0], Size) else args
        return wrap(np.empty(sizes or 0, dtype=cls.dtype))

    def _from_data(cls, data: Any) -> Any:
        if isinstance(data, float):
            raise TypeError("new(): data must be a sequence (got float)")
        if isinstance(data, Tensor):
            if data.dtype != cls.dtype:
                raise TypeError(
                    f"expected a tensor of dtype {cls.dtype}, got {data.dtype}: "
                    f"write x.to(torch.{cls.dtype}) to convert a tensor"
                )
            return data.detach()
        return wrap(np.array(data).astype(cls.dtype))

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype == cls.dtype


def _make(name: str, dtype: Any) -> Any:
    text = f"Make a tensor of {np.dtype(dtype)} from a size or from data; and, for `isinstance`, that dtype."
    return TensorType(name, (), {"__doc__": text, "__module__": "torch", "dtype": np.dtype(dtype)})


TENSOR_TYPES = {
    f"{scalar}Tensor": _make(f"{scalar}Tensor", dtype)
    for dtype, scalar in _dtypes.SCALAR_NAMES.items()
    if "Complex" not in scalar
}
"""The types by name."""
