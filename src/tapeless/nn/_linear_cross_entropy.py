"""A linear layer and the cross-entropy of its scores in one."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from tapeless._tensor import Tensor

from . import functional as F
from ._linear import Linear
from ._loss import _WeightedLoss

_POLICIES = ("auto", "accurate", "balanced", "compact")


@dataclasses.dataclass(slots=True, frozen=True)
class LinearCrossEntropyOptions:
    """How PyTorch may save memory in `LinearCrossEntropyLoss`. Checked and stored; the results are the same without.

    Raises ``ValueError`` for values that PyTorch would refuse.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LinearCrossEntropyOptions.html

    >>> LinearCrossEntropyOptions(batch_chunk_size=16).acc_policy
    'auto'
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: Any = None

    def __post_init__(self) -> None:
        if self.acc_policy not in _POLICIES:
            raise ValueError(f"invalid acc_policy: {self.acc_policy!r}\nKnown are {', '.join(_POLICIES)}.")
        method, _, factor = (self.chunking_method or "auto").partition(":")
        valid = (method == "auto" and not factor) or (method == "aspect_ratio" and int(factor or 1) > 0)
        if not valid:
            raise ValueError(
                f"invalid chunking_method: {self.chunking_method!r}\n"
                "Known are 'auto', 'aspect_ratio', 'aspect_ratio:N' with a positive number N, and None."
            )
        size = self.batch_chunk_size
        if size is not None and not (isinstance(size, int) and size > 0):
            raise ValueError(f"batch_chunk_size must be positive int or None, got {size!r}")
        if self.acc_dtype is not None and np.dtype(self.acc_dtype).kind != "f":
            raise ValueError(f"acc_dtype must be None or a floating dtype, got {self.acc_dtype!r}")


class LinearCrossEntropyLoss(_WeightedLoss):
    """`CrossEntropyLoss` of the scores that a `Linear` without activation gives: one layer, its ``linear``, and a loss.

    Inputs (N, in_features), or one (in_features,). Targets are class indices (N, *out_features) or class probabilities
    (N, num_classes, *out_features). The linear layer has ``num_classes`` outputs, or with ``out_features`` as many for
    each of so many places. ``weight`` (num_classes,), ``ignore_index`` (for indices only), ``label_smoothing`` and
    ``reduction`` are those of `CrossEntropyLoss`. ``options`` change nothing here.

    Raises ``RuntimeError`` for a weight or a smoothing that does not fit; when called, for inputs that do not.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LinearCrossEntropyLoss.html

    >>> import tapeless as tl
    >>> loss = tl.nn.LinearCrossEntropyLoss(8, 5)
    >>> loss(tl.zeros(3, 8), tl.tensor([0, 4, 2])).item()
    1.609...
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Any = None,
        dtype: Any = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: LinearCrossEntropyOptions | None = None,
    ) -> None:
        if weight is not None and tuple(weight.shape) != (num_classes,):
            raise RuntimeError(f"expected weight shape to be {(num_classes,)}, got {tuple(weight.shape)}")
        if not 0 <= label_smoothing <= 1:
            raise RuntimeError(f"expected label_smoothing to be in range [0, 1], got {label_smoothing}")
        super().__init__(weight=weight, reduction=reduction)
        self.num_classes = num_classes
        self.out_features = out_features
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        scores = math.prod(out_features, start=num_classes)
        self.linear = Linear(in_features, scores, bias=bias, device=device, dtype=dtype)
        self.options = options

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        shape = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return F.linear_cross_entropy(
            input,
            self.linear.weight.reshape((*shape, self.linear.in_features)),
            target,
            linear_bias=None if bias is None else bias.reshape(shape),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, "
            f"out_features={self.out_features}, bias={self.linear.bias is not None}, reduction={self.reduction}, "
            f"ignore_index={self.ignore_index}, label_smoothing={self.label_smoothing}, options={self.options}"
        )
