"""Distances as modules."""

from __future__ import annotations

from typing import Any

from . import functional as F
from ._module import Module


class PairwiseDistance(Module):
    """The p-norm of ``x1 - x2 + eps`` over the last dim.

    Shape: (N, D) twice, or (D) twice, to (N) or a number; with ``keepdim=True`` the last dim stays, as 1.

    See https://docs.pytorch.org/docs/stable/generated/torch.nn.PairwiseDistance.html

    >>> import tapeless as tl
    >>> PairwiseDistance()(tl.tensor([[3.0, 4.0]]), tl.zeros(1, 2))
    tensor([5.0000])
    """

    __constants__ = ["norm", "eps", "keepdim"]

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Any, x2: Any) -> Any:
        """Return the distances."""
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    """The cosine of the angle between vectors along `dim`.

    Shape: (..., D, ...) twice, D at ``dim``, to the same without D.

    See https://docs.pytorch.org/docs/stable/generated/torch.nn.CosineSimilarity.html

    >>> import tapeless as tl
    >>> CosineSimilarity()(tl.tensor([[1.0, 0.0]]), tl.tensor([[1.0, 0.0]]))
    tensor([1.])
    """

    __constants__ = ["dim", "eps"]

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Any, x2: Any) -> Any:
        """Return the similarities."""
        return F.cosine_similarity(x1, x2, self.dim, self.eps)
