"""Functions of neural networks: those operations that PyTorch keeps in ``torch.nn.functional``."""

from __future__ import annotations

from typing import Any

from .. import _ops as _ops
from .._core.registry import FUNCTIONS
from .._creation import dropout as dropout
from .._errors import PLANNED

_NAMES = (
    "linear relu leaky_relu elu gelu silu softplus logsigmoid hardtanh relu6 selu softsign mish hardsigmoid hardswish "
    "tanhshrink threshold celu softmin glu sigmoid tanh mse_loss l1_loss huber_loss smooth_l1_loss "
    "binary_cross_entropy binary_cross_entropy_with_logits kl_div cross_entropy nll_loss one_hot"
).split()

for _name in _NAMES:
    globals()[_name] = FUNCTIONS[_name]


def softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """Return the softmax of `input` over `dim`."""
    return FUNCTIONS["softmax"](input, _dim(dim, input, "softmax"), dtype=dtype)


def log_softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """Return the logarithm of the softmax of `input` over `dim`."""
    return FUNCTIONS["log_softmax"](input, _dim(dim, input, "log_softmax"), dtype=dtype)


def _dim(dim: int | None, input: Any, name: str) -> int:
    """Choose the dim as PyTorch does when none is given (deprecated there): 0 for 0, 1 and 3 dims, else 1."""
    if dim is not None:
        return dim
    return 0 if input.ndim in (0, 1, 3) else 1


def normalize(input: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    """Return `input` divided by its p-norm over `dim`, which counts as at least `eps`."""
    return input / input.norm(p, dim, True).clamp_min(eps).expand_as(input)


def __getattr__(name: str) -> Any:
    raise AttributeError(PLANNED.format(module="tapeless.nn.functional", name=name))


del _name
