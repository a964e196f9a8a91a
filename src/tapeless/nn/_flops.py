"""Floating-point operations of layers: a table by class, which users may extend.

A multiply-add counts as two operations. Layers made of matrix products count those alone, without biases and
gates, as ``torch.utils.flop_counter`` does. The others follow simple rules: an activation is one operation per
element, softmax three; a normalization is two per element (scale and shift) and three more where it computes mean
and variance; pooling is one per element of each window; what only moves data is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tapeless._tensor import Tensor

Rule = Callable[[Any, tuple[Any, ...], Any], int]

FLOP_RULES: dict[str | type, Rule] = {}
"""Class, or name of a class, -> ``rule(module, args, output)``, which returns the operations of one call.

Rules hold for subclasses as well. ``args`` are the positional arguments of the call, then those by keyword.

>>> import tapeless as tl
>>> from tapeless.nn._flops import FLOP_RULES
>>> class Double(tl.nn.Module):
...     def forward(self, x):
...         return 2 * x
>>> FLOP_RULES[Double] = lambda module, args, output: output.numel()
>>> tl.nn.summary(Double(), (8, 4)).flops
32
>>> del FLOP_RULES[Double]
"""


def rule_of(module: Any) -> Rule | None:
    """Return the rule for the class of `module` or the nearest of its bases that has one."""
    for kind in type(module).__mro__:
        for key in (kind, kind.__name__):
            if key in FLOP_RULES:
                return FLOP_RULES[key]
    return None


def _add(names: str, rule: Rule) -> None:
    FLOP_RULES.update(dict.fromkeys(names.split(), rule))


def _first(output: Any) -> Tensor:
    """The first tensor of an output that may be nested, as those of recurrent layers are."""
    while not isinstance(output, Tensor):
        output = output[0]
    return output


def _per_element(count: int) -> Rule:
    return lambda module, args, output: count * _first(output).numel()


def _linear(module: Any, args: tuple[Any, ...], output: Any) -> int:
    return 2 * int(output.numel()) * int(module.in_features)


def _bilinear(module: Any, args: tuple[Any, ...], output: Any) -> int:
    # x1 W x2 for each output: first x1 W, a vector as long as x2, then its product with x2.
    return 2 * int(output.numel()) * int(module.in2_features) * (int(module.in1_features) + 1)


def _convolution(module: Any, args: tuple[Any, ...], output: Any) -> int:
    # Each output is a product over the window (transposed: each input is spread over it).
    ends, channels = (args[0], module.out_channels) if module.transposed else (output, module.in_channels)
    return 2 * int(ends.numel()) * (channels // module.groups) * math.prod(module.kernel_size)


def _batch_norm(module: Any, args: tuple[Any, ...], output: Any) -> int:
    stored = not module.training and module.running_mean is not None
    return (2 if stored else 5) * int(output.numel())


def _pool(module: Any, args: tuple[Any, ...], output: Any) -> int:
    names = [kind.__name__ for kind in type(module).__mro__]
    dims = next(int(name[-2]) for name in names if name.endswith(("Pool1d", "Pool2d", "Pool3d")))
    size = module.kernel_size
    window = size**dims if isinstance(size, int) else math.prod(size) if len(size) == dims else size[0] ** dims
    return _first(output).numel() * window


def _embedding_bag(module: Any, args: tuple[Any, ...], output: Any) -> int:
    weighted = len(args) > 2 and args[2] is not None
    return (2 if weighted else 1) * int(args[0].numel()) * int(module.embedding_dim)


def _recurrent(module: Any, args: tuple[Any, ...], output: Any) -> int:
    # weight_ih and weight_hh of each layer and direction meet each row (step and sample) once.
    data = getattr(args[0], "data", args[0]) if not isinstance(args[0], Tensor) else args[0]
    rows = data.numel() // module.input_size
    return 2 * rows * sum(p.numel() for name, p in module.named_parameters() if name.startswith("weight"))


def _attention(module: Any, args: tuple[Any, ...], output: Any) -> int:
    query, key, value = args[:3]
    width, batched = module.embed_dim, query.ndim == 3
    time = 1 if batched and module.batch_first else 0
    samples = query.shape[0 if time else 1] if batched else 1
    steps, sources = query.shape[time], key.shape[time]
    projections = 2 * width * (2 * query.numel() + key.numel() + value.numel())  # queries go in and come out
    attended = sources + (module.bias_k is not None) + bool(module.add_zero_attn)
    return int(projections + 4 * samples * steps * attended * width)  # scores, and the sum weighted by them


_add("Linear", _linear)
_add("Bilinear", _bilinear)
_add("Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d", _convolution)
_add("RNN LSTM GRU RNNCell LSTMCell GRUCell", _recurrent)
_add("MultiheadAttention", _attention)
_add("EmbeddingBag", _embedding_bag)
_add(
    "ReLU ReLU6 LeakyReLU PReLU RReLU ELU CELU SELU GELU SiLU Mish Sigmoid Tanh Softplus Softsign Softshrink "
    "Hardshrink Hardsigmoid Hardswish Hardtanh LogSigmoid Tanhshrink Threshold",
    _per_element(1),
)
_add("GLU", _per_element(2))
_add("Softmax Softmax2d Softmin LogSoftmax", _per_element(3))
_add("BatchNorm1d BatchNorm2d BatchNorm3d InstanceNorm1d InstanceNorm2d InstanceNorm3d", _batch_norm)
_add("LayerNorm GroupNorm RMSNorm", _per_element(5))
_add("MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d AvgPool3d LPPool1d LPPool2d LPPool3d", _pool)
_add(
    "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d",
    lambda module, args, output: args[0].numel(),
)
_add(
    "Identity Flatten Unflatten Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout Embedding "
    "ChannelShuffle PixelShuffle PixelUnshuffle Unfold MaxUnpool1d MaxUnpool2d MaxUnpool3d",
    _per_element(0),
)
_add(
    " ".join(f"{kind}Pad{d}d" for kind in ("Circular Constant Reflection Replication Zero").split() for d in (1, 2, 3)),
    _per_element(0),
)
