"""``torch.FloatTensor`` and its like: the constructors that came before ``torch.tensor(data, dtype=...)``.

Source: https://docs.pytorch.org/docs/stable/tensors.html (at the end of the section on data types).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _dtypes
from ._core.tensor_base import wrap
from ._device import check_device
from ._tensor import Tensor, legacy_array


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
        return wrap(legacy_array(args, cls.dtype))

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
