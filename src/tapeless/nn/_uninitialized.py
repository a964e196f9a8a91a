"""Parameters and buffers that have no shape yet: what lazy layers hold until they see their first input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tapeless._core.tensor_base import TensorBase, wrap
from tapeless._creation import empty
from tapeless._tensor import Size, Tensor

from ._parameter import Buffer, Parameter

_USED = (
    "Attempted to use an uninitialized parameter. This error happens when you are using a `LazyModule` or explicitly "
    "manipulating `torch.nn.parameter.{kind}` objects. When using LazyModules Call `forward` with a dummy batch to "
    "initialize the parameters before calling torch functions"
)
_SHAPE = (
    "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in `load_state_dict` "
    "when trying to load an uninitialized parameter into an initialized one. Call `forward` to initialize the "
    "parameters before accessing their attributes."
)


class UninitializedTensorMixin(Tensor):
    """A tensor of which only the dtype is known; `materialize` gives it a shape and makes it an ordinary one.

    Everything that needs its values raises ``ValueError``, and ``shape`` raises ``RuntimeError``.

    >>> import tapeless as tl
    >>> weight = tl.nn.parameter.UninitializedParameter()
    >>> isinstance(weight, tl.nn.parameter.UninitializedTensorMixin)
    True
    """

    __slots__ = ()
    cls_to_become: ClassVar[type[Tensor]] = Tensor

    @property
    def _array(self) -> Any:  # type: ignore[override]
        raise ValueError(_USED.format(kind=type(self).__name__))

    @_array.setter
    def _array(self, array: Any) -> None:
        _slot.__set__(self, array)

    def materialize(self, shape: Sequence[int], device: Any = None, dtype: Any = None) -> None:
        """Become an ordinary parameter or buffer of this shape, in place; its values are arbitrary."""
        array = empty(shape, device=device, dtype=self.dtype if dtype is None else dtype)._array
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        _slot.__set__(self, array)

    @property
    def shape(self) -> Size:
        """Raise ``RuntimeError``: there is none yet."""
        raise RuntimeError(_SHAPE)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype that the elements will have."""
        return _slot.__get__(self).dtype  # type: ignore[no-any-return]

    @property
    def data(self) -> Any:
        """An empty tensor of the dtype."""
        return wrap(_slot.__get__(self))

    @data.setter
    def data(self, value: Any) -> None:
        _slot.__set__(self, value.data._array)

    def is_floating_point(self) -> bool:
        """Return whether the elements will be floats."""
        return self.dtype.kind == "f"

    def is_complex(self) -> bool:
        """Return whether the elements will be complex numbers."""
        return self.dtype.kind == "c"

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Return an uninitialized tensor of another dtype."""
        dtype = self.data.to(*args, **kwargs).dtype
        return self if dtype == self.dtype else type(self)(self.requires_grad, dtype=dtype)  # type: ignore[call-arg]

    def __repr__(self, **kwargs: Any) -> str:
        return f"<{type(self).__name__}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, dtype=self.dtype)  # type: ignore[call-arg]
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.requires_grad, None, self.dtype)


_slot: Any = TensorBase.__dict__["_array"]


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter that gets its shape later, by `materialize`; any other use raises ``ValueError``.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.parameter.UninitializedParameter.html

    >>> import tapeless as tl
    >>> weight = tl.nn.UninitializedParameter()
    >>> weight
    <UninitializedParameter>
    >>> weight.materialize((2, 3))
    >>> type(weight).__name__, weight.shape
    ('Parameter', torch.Size([2, 3]))
    """

    __slots__ = ()
    cls_to_become = Parameter

    def __new__(  # type: ignore[misc]
        cls, requires_grad: bool = True, device: Any = None, dtype: Any = None
    ) -> UninitializedParameter:
        """Make a parameter without a shape."""
        return cls._wrap(empty(0, device=device, dtype=dtype)._array).requires_grad_(requires_grad)

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        pass  # as for Parameter


class UninitializedBuffer(UninitializedTensorMixin, Buffer):
    """A buffer that gets its shape later, by `materialize`; any other use raises ``ValueError``.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.parameter.UninitializedBuffer.html

    >>> import tapeless as tl
    >>> mean = tl.nn.UninitializedBuffer()
    >>> mean.materialize((4,))
    >>> mean.shape
    torch.Size([4])
    """

    __slots__ = ()

    def __new__(
        cls, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> UninitializedBuffer:
        """Make a buffer without a shape."""
        buffer = cls._wrap(empty(0, device=device, dtype=dtype)._array)
        buffer.persistent = persistent
        return buffer.requires_grad_(requires_grad)  # type: ignore[no-any-return]

    def __init__(
        self, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> None:
        pass  # as for Parameter

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        clone = super().__deepcopy__(memo)
        clone.persistent = self.persistent
        return clone

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.requires_grad, None, self.dtype, self.persistent)


def is_lazy(param: Any) -> bool:
    """Return whether this is an uninitialized parameter or buffer.

    >>> import tapeless as tl
    >>> tl.nn.parameter.is_lazy(tl.nn.parameter.UninitializedParameter()), tl.nn.parameter.is_lazy(tl.ones(1))
    (True, False)
    """
    return isinstance(param, UninitializedTensorMixin)
