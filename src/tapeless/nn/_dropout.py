"""Dropout layers: active in training mode, the identity in evaluation mode."""

from __future__ import annotations

from tapeless._tensor import Tensor

from . import functional as F
from ._module import Module


class _Dropout(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Set each element to zero with probability ``p`` and scale the others by 1 / (1 - p), while training.

    Raises ``ValueError`` unless 0 <= p <= 1.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout.html; Hinton et al., "Improving
    neural networks by preventing co-adaptation of feature detectors" (2012).

    >>> import tapeless as tl
    >>> tl.nn.Dropout(0.5).eval()(tl.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Drop elements of ``input`` in training mode."""
        return F.dropout(input, self.p, self.training, self.inplace)
