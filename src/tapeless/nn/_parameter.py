"""`Parameter` and `Buffer`: tensors that a `Module` registers when they are assigned to it."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

from tapeless._creation import empty
from tapeless._tensor import Tensor

T = TypeVar("T", bound=Tensor)


def _share(cls: type[T], data: Tensor | None) -> T:
    """Make a leaf of class ``cls`` that uses the memory of ``data`` and knows nothing of its history."""
    if data is None:
        data = empty(0)
    if not isinstance(data, Tensor):
        raise TypeError(
            f"{cls.__name__} expects a Tensor, but got {type(data).__name__}. "
            f"Make one first: nn.{cls.__name__}(tensor(...)), or from_numpy(array) to share memory."
        )
    return cls._wrap(data._array)  # type: ignore[no-any-return]


class Parameter(Tensor):
    """A tensor that a module trains: assigned as an attribute, it is in the module's `parameters`.

    Shares the memory of ``data``, and requires grad whatever the grad mode is. Operations on it give plain
    tensors. Raises ``RuntimeError`` for integer data unless ``requires_grad=False``.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.parameter.Parameter.html

    >>> import tapeless as tl
    >>> tl.nn.Parameter(tl.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    __slots__ = ()

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        """Make a parameter of ``data``, an empty one by default."""
        return _share(cls, data).requires_grad_(requires_grad)

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        pass  # __new__ has done it; Tensor's own __init__ would read other arguments

    def __repr__(self, **kwargs: Any) -> str:
        return "Parameter containing:\n" + super().__repr__(**kwargs)

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) not in memo:
            clone = type(self)(self.data.clone(), self.requires_grad)
            memo[id(self)] = clone
            clone.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return memo[id(self)]  # type: ignore[no-any-return]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.data, self.requires_grad), dict(self.__dict__) or None


class Buffer(Tensor):
    """A tensor that is part of a module's state but not trained: assigned as an attribute, it is registered.

    With ``persistent=False`` the module leaves it out of its `state_dict`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.parameter.Buffer.html

    >>> import tapeless as tl
    >>> module = tl.nn.Module()
    >>> module.mean = tl.nn.Buffer(tl.zeros(2))
    >>> list(module.state_dict())
    ['mean']
    """

    __slots__ = ()
    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        """Make a buffer of ``data``, an empty one by default."""
        buffer = _share(cls, data)
        buffer.persistent = persistent
        return buffer if data is None else buffer.requires_grad_(data.requires_grad)

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        pass  # as for Parameter

    def __deepcopy__(self, memo: dict[int, Any]) -> Buffer:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), persistent=self.persistent)
        return memo[id(self)]  # type: ignore[no-any-return]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.data,), dict(self.__dict__)
