"""Losses with a margin, of scores, of distances and of angles.

All take ``reduction``: ``"mean"`` (the default), ``"sum"`` or ``"none"``; the deprecated ``size_average`` and
``reduce`` are translated into it with PyTorch's warning. Scalars result, but for ``"none"``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tapeless._tensor import Tensor

from . import functional as F
from ._distance import PairwiseDistance
from ._loss import _Loss, _WeightedLoss


class SoftMarginLoss(_Loss):
    """log(1 + exp(-target * input)) for targets 1 and -1; input and target have the same shape.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.SoftMarginLoss.html

    >>> import tapeless as tl
    >>> tl.nn.SoftMarginLoss()(tl.tensor([0.0, 100.0]), tl.tensor([1.0, 1.0]))
    tensor(0.3466)
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Return the loss."""
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class HingeEmbeddingLoss(_Loss):
    """A distance where the target is 1, ``max(0, margin - distance)`` where it is -1.

    Input and target have the same shape, any.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.HingeEmbeddingLoss.html

    >>> import tapeless as tl
    >>> tl.nn.HingeEmbeddingLoss(reduction="none")(tl.tensor([0.25, 0.25]), tl.tensor([1.0, -1.0]))
    tensor([0.2500, 0.7500])
    """

    def __init__(
        self,
        margin: float = 1.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Return the loss."""
        return F.hinge_embedding_loss(input, target, margin=self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(_Loss):
    """For vectors (N, D) or (D,): ``1 - cos`` where the target is 1, ``max(0, cos - margin)`` where it is -1.

    The target has shape (N,), or () for single vectors. When called, raises ``RuntimeError`` for other shapes.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.CosineEmbeddingLoss.html

    >>> import tapeless as tl
    >>> x, y = tl.tensor([[1.0, 0.0]]), tl.tensor([[0.0, 1.0]])
    >>> tl.nn.CosineEmbeddingLoss()(x, y, tl.tensor([1.0]))
    tensor(1.)
    """

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Any:
        """Return the loss."""
        return F.cosine_embedding_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class MarginRankingLoss(_Loss):
    """``max(0, -target * (input1 - input2) + margin)``: target 1 ranks input1 above input2, -1 below.

    All three have the same shape, (N,) or (). When called, raises ``RuntimeError`` for numbers of dims that differ.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MarginRankingLoss.html

    >>> import tapeless as tl
    >>> tl.nn.MarginRankingLoss()(tl.tensor([1.0]), tl.tensor([3.0]), tl.tensor([1.0]))
    tensor(2.)
    """

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Any:
        """Return the loss."""
        return F.margin_ranking_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class MultiMarginLoss(_WeightedLoss):
    """Over the wrong classes, the mean of ``max(0, margin - (score of the right one - score)) ** p``.

    Scores (N, C) or (C,), class indices (N,) or (). ``weight`` (C,) weighs by the right class. Raises ``ValueError``
    unless p is 1 or 2 and the weight 1-d; when called, ``RuntimeError`` for shapes that do not fit.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiMarginLoss.html

    >>> import tapeless as tl
    >>> tl.nn.MultiMarginLoss()(tl.tensor([[0.1, 0.2, 0.4, 0.8]]), tl.tensor([3]))
    tensor(0.3250)
    """

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise ValueError(f"only p == 1 and p == 2 supported\nGot p={p}.")
        if weight is not None and weight.ndim != 1:
            raise ValueError(f"MultiMarginLoss: expected weight to be None or 1D tensor, got {weight.ndim}D instead")
        self.p = p
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Return the loss."""
        return F.multi_margin_loss(
            input, target, p=self.p, margin=self.margin, weight=self.weight, reduction=self.reduction
        )


class MultiLabelMarginLoss(_Loss):
    """Over pairs of a right and a wrong class, the sum of ``max(0, 1 - (right score - wrong score)) / C``.

    Scores and targets (N, C) or (C,); a target lists the right classes, up to the first -1. When called, raises
    ``RuntimeError`` for shapes that do not fit and classes out of range.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiLabelMarginLoss.html

    >>> import tapeless as tl
    >>> scores, right = tl.tensor([[0.1, 0.2, 0.4, 0.8]]), tl.tensor([[3, 0, -1, 1]])
    >>> tl.nn.MultiLabelMarginLoss()(scores, right)
    tensor(0.8500)
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Return the loss."""
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """The mean over classes of the binary cross-entropy of scores (N, C) or (C,), for targets of 0 and 1.

    ``weight`` (C,) weighs the classes.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiLabelSoftMarginLoss.html

    >>> import tapeless as tl
    >>> tl.nn.MultiLabelSoftMarginLoss()(tl.zeros(2, 3), tl.ones(2, 3))
    tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Return the loss."""
        return F.multilabel_soft_margin_loss(input, target, weight=self.weight, reduction=self.reduction)


def _check_margin(module: object, margin: float) -> None:
    if margin <= 0:
        raise ValueError(f"{type(module).__name__}: expected margin to be greater than 0, got {margin} instead")


class TripletMarginLoss(_Loss):
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)``, d the ``p``-norm of the difference plus ``eps``.

    All three have shape (N, D) or (D,). With ``swap``, the smaller of d(anchor, negative) and d(positive, negative)
    counts. Raises ``ValueError`` unless the margin is positive.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.TripletMarginLoss.html; Balntas et al., "Learning
    local feature descriptors with triplets and shallow convolutional neural networks" (2016).

    >>> import tapeless as tl
    >>> anchor, near, far = tl.zeros(1, 2), tl.zeros(1, 2), tl.tensor([[0.0, 0.25]])
    >>> tl.nn.TripletMarginLoss()(anchor, near, far)
    tensor(0.7500)
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        _check_margin(self, margin)
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Any:
        """Return the loss."""
        return F.triplet_margin_loss(
            anchor,
            positive,
            negative,
            margin=self.margin,
            p=self.p,
            eps=self.eps,
            swap=self.swap,
            reduction=self.reduction,
        )


class TripletMarginWithDistanceLoss(_Loss):
    """`TripletMarginLoss` with any ``distance_function`` of two tensors; by default a `PairwiseDistance`.

    All three inputs have shape (N, ...). Raises ``ValueError`` unless the margin is positive.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.TripletMarginWithDistanceLoss.html

    >>> import tapeless as tl
    >>> loss = tl.nn.TripletMarginWithDistanceLoss(distance_function=lambda x, y: (x - y).abs().amax(-1))
    >>> loss(tl.zeros(1, 2), tl.zeros(1, 2), tl.tensor([[0.0, 0.25]]))
    tensor(0.7500)
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average=None, reduce=None, reduction=reduction)
        _check_margin(self, margin)
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.margin = margin
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Any:
        """Return the loss."""
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
