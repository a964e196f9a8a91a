"""``torch.cuda.FloatTensor`` and its like: they have names, and make no tensors, as in a PyTorch without CUDA."""

from __future__ import annotations

from typing import Any


class _Type(type):
    """The class of these types; no tensor is an instance of them."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        name = cls.__name__
        raise TypeError(
            f"type torch.cuda.{name} not available. Torch not compiled with CUDA enabled.\n"
            f"Write torch.{name}, or better torch.tensor(data, dtype=...)."
        )

    def __instancecheck__(cls, instance: Any) -> bool:
        return False


def _make(name: str) -> Any:
    doc = f"""The {name} of a GPU: raises TypeError when called.

    >>> import tapeless as tl
    >>> tl.cuda.{name}(2)
    Traceback (most recent call last):
        ...
    TypeError: type torch.cuda.{name} not available...
    """
    return _Type(name, (), {"__doc__": doc, "__module__": __name__})


BoolTensor, ByteTensor, CharTensor = _make("BoolTensor"), _make("ByteTensor"), _make("CharTensor")
ShortTensor, IntTensor, LongTensor = _make("ShortTensor"), _make("IntTensor"), _make("LongTensor")
HalfTensor, FloatTensor, DoubleTensor = _make("HalfTensor"), _make("FloatTensor"), _make("DoubleTensor")
