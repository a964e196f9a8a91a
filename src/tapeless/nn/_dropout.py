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

    Shape: (...) to (...), any number of dims.

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


class Dropout1d(_Dropout):
    """Set whole channels of (N, C, L) or (C, L) to zero with probability ``p``, while training.

    The others are scaled by 1 / (1 - p). Raises ``ValueError`` unless 0 <= p <= 1.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout1d.html

    >>> import tapeless as tl
    >>> tl.nn.Dropout1d(1.0)(tl.ones(1, 2, 3)).sum()
    tensor(0.)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Drop channels of ``input`` in training mode."""
        return F.dropout1d(input, self.p, self.training, self.inplace)  # type: ignore[no-any-return]


class Dropout2d(_Dropout):
    """Set whole channels of (N, C, H, W) to zero with probability ``p``, while training.

    The others are scaled by 1 / (1 - p). As in PyTorch, an input (C, H, W) is taken for (N, C, L). Raises
    ``ValueError`` unless 0 <= p <= 1.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout2d.html; Tompson et al., "Efficient object
    localization using convolutional networks" (2014), https://arxiv.org/abs/1411.4280.

    >>> import tapeless as tl
    >>> tl.nn.Dropout2d(0.2).eval()(tl.ones(1, 1, 1, 2))
    tensor([[[[1., 1.]]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Drop channels of ``input`` in training mode."""
        return F.dropout2d(input, self.p, self.training, self.inplace)  # type: ignore[no-any-return]


class Dropout3d(_Dropout):
    """Set whole channels of (N, C, D, H, W) or (C, D, H, W) to zero with probability ``p``, while training.

    The others are scaled by 1 / (1 - p). Raises ``ValueError`` unless 0 <= p <= 1.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout3d.html

    >>> import tapeless as tl
    >>> tl.nn.Dropout3d(0.2)(tl.ones(20, 16, 4, 2, 2)).shape
    torch.Size([20, 16, 4, 2, 2])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Drop channels of ``input`` in training mode."""
        return F.dropout3d(input, self.p, self.training, self.inplace)  # type: ignore[no-any-return]


class AlphaDropout(_Dropout):
    """Set each element to the negative limit of `SELU` with probability ``p``, while training; any shape.

    A linear map then restores mean 0 and variance 1. ``inplace`` is stored and, as in PyTorch, without effect. Raises
    ``ValueError`` unless 0 <= p <= 1.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.AlphaDropout.html; Klambauer et al.,
    "Self-normalizing neural networks" (2017), https://arxiv.org/abs/1706.02515.

    >>> import tapeless as tl
    >>> tl.nn.AlphaDropout(0.2).eval()(tl.ones(2))
    tensor([1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Drop elements of ``input`` in training mode."""
        return F.alpha_dropout(input, self.p, self.training)  # type: ignore[no-any-return]


class FeatureAlphaDropout(_Dropout):
    """Do what `AlphaDropout` does to whole channels of (N, C, ...).

    Raises ``ValueError`` unless 0 <= p <= 1.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.FeatureAlphaDropout.html

    >>> import tapeless as tl
    >>> tl.nn.FeatureAlphaDropout(0.2)(tl.ones(20, 16, 4, 2, 2)).shape
    torch.Size([20, 16, 4, 2, 2])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Drop channels of ``input`` in training mode."""
        return F.feature_alpha_dropout(input, self.p, self.training)  # type: ignore[no-any-return]
