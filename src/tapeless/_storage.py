"""`UntypedStorage`: the memory that a tensor and its views share, to be looked at."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._core import clock
from ._device import CPU


class UntypedStorage:
    """The bytes of a tensor's memory: their number, address and values. Memory itself belongs to NumPy.

    What `Tensor.untyped_storage` returns; it can't be made, resized or written to, unlike PyTorch's.
    See https://docs.pytorch.org/docs/stable/storage.html

    >>> import tapeless as tl
    >>> storage = tl.ones(10)[3:5].untyped_storage()
    >>> storage.nbytes(), len(storage), storage[3]
    (40, 40, 63)
    """

    __slots__ = ("_memory",)

    device = CPU

    def __init__(self, array: Any) -> None:
        self._memory = clock.owner(array)

    def nbytes(self) -> int:
        """Return the number of bytes."""
        return int(self._memory.nbytes)

    size = nbytes
    __len__ = nbytes

    def data_ptr(self) -> int:
        """Return the address of the first byte, 0 if there is none."""
        return int(self._memory.__array_interface__["data"][0]) if self.nbytes() else 0

    def tolist(self) -> list[int]:
        """Return the bytes as numbers, in the order of memory."""
        return list(np.ravel(self._memory, "K").tobytes())

    def __getitem__(self, index: Any) -> Any:
        return self.tolist()[index]

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self.nbytes()
