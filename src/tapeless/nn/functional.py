"""Functions of neural networks: those operations that PyTorch keeps in ``torch.nn.functional``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._core.function import Function
from .._core.registry import FUNCTIONS, namespace
from .._dropout import alpha_dropout as alpha_dropout, dropout as dropout
from .._errors import PLANNED
from .._ops.activation import Elu, Hardtanh, LeakyRelu, LogSoftmax, Relu, Silu, Softmax

_SAME = (
    "linear bilinear gelu softplus logsigmoid softsign tanhshrink hardshrink softshrink prelu glu sigmoid tanh "
    "mse_loss l1_loss huber_loss smooth_l1_loss binary_cross_entropy binary_cross_entropy_with_logits kl_div "
    "cross_entropy nll_loss one_hot"
).split()
globals().update({name: FUNCTIONS[name] for name in _SAME})
globals().update(namespace("nn.functional"))


def relu(input: Any, inplace: bool = False) -> Any:
    """Return ``max(input, 0)``; with `inplace`, written into `input`."""
    return Relu.apply_inplace(input) if inplace else Relu.apply(input)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """Return `input` where positive, ``negative_slope * input`` elsewhere."""
    return _run(LeakyRelu, inplace, input, negative_slope)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """Return `input` where positive, ``alpha * (exp(input) - 1)`` elsewhere."""
    return _run(Elu, inplace, input, alpha)


def silu(input: Any, inplace: bool = False) -> Any:
    """Return ``input * sigmoid(input)``."""
    return _run(Silu, inplace, input)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """Return `input` limited to ``[min_val, max_val]``. Raises ValueError where these are the wrong way round."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return _run(Hardtanh, inplace, input, min_val, max_val)


def relu6(input: Any, inplace: bool = False) -> Any:
    """Return `input` limited to ``[0, 6]``."""
    return _run(Hardtanh, inplace, input, 0.0, 6.0)


def _run(cls: type[Function], inplace: bool, input: Any, *args: Any) -> Any:
    return cls.apply_inplace(input, *args) if inplace else cls.apply(input, *args)


def _with_inplace(name: str) -> Callable[..., Any]:
    """Give a composite the `inplace` argument: it runs on a copy, whose result is written back."""
    function = FUNCTIONS[name]
    count = function.__code__.co_argcount - 1  # of arguments besides `input`; `inplace` comes after them

    def activation(input: Any, *args: Any, inplace: bool = False, **kwargs: Any) -> Any:
        args, inplace = args[:count], (args[count] if len(args) > count else inplace)
        if not inplace:
            return function(input, *args, **kwargs)
        return input.copy_(function(input.clone(), *args, **kwargs))

    activation.__name__ = activation.__qualname__ = name
    activation.__doc__ = f"{function.__doc__}\n\nWith `inplace`, the result is written into `input`."
    return activation


celu = _with_inplace("celu")
selu = _with_inplace("selu")
mish = _with_inplace("mish")
hardsigmoid = _with_inplace("hardsigmoid")
hardswish = _with_inplace("hardswish")
threshold = _with_inplace("threshold")


def softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """Return the softmax of `input` over `dim`."""
    dim = _dim(dim, input)
    return Softmax.apply(input, dim) if dtype is None else Softmax.apply(input, dim, dtype=dtype)


def softmin(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """Return the softmax of ``-input`` over `dim`."""
    return softmax(-input, _dim(dim, input), dtype=dtype)


def log_softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """Return the logarithm of the softmax of `input` over `dim`."""
    dim = _dim(dim, input)
    return LogSoftmax.apply(input, dim) if dtype is None else LogSoftmax.apply(input, dim, dtype=dtype)


def _dim(dim: int | None, input: Any) -> int:
    """Choose the dim as PyTorch does when none is given (deprecated there): 0 for 0, 1 and 3 dims, else 1."""
    if dim is not None:
        return dim
    return 0 if input.ndim in (0, 1, 3) else 1


def normalize(input: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    """Return `input` divided by its p-norm over `dim`, which counts as at least `eps`."""
    return input / input.norm(p, dim, True).clamp_min(eps).expand_as(input)


def __getattr__(name: str) -> Any:
    raise AttributeError(PLANNED.format(module="tapeless.nn.functional", name=name))
