"""Losses as layers: each one calls the function of its name in `functional`.

All take ``reduction``: ``"mean"`` (the default), ``"sum"`` or ``"none"``. The deprecated ``size_average`` and
``reduce`` are translated into it with PyTorch's warning.

Definitions and formulas: https://docs.pytorch.org/docs/stable/nn.html#loss-functions
"""

from __future__ import annotations

import warnings
from typing import Any

from tapeless._tensor import Tensor

from . import functional as F
from ._module import Module


def _legacy_reduction(size_average: bool | None, reduce: bool | None) -> str:
    """Return the ``reduction`` that the two deprecated arguments mean; ``None`` counts as ``True``."""
    if reduce is not None and not reduce:
        reduction = "none"
    else:
        reduction = "mean" if size_average is None or size_average else "sum"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.",
        stacklevel=4,
    )
    return reduction


class _Loss(Module):
    reduction: str

    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__()
        if size_average is not None or reduce is not None:
            reduction = _legacy_reduction(size_average, reduce)
        self.reduction = reduction


class _WeightedLoss(_Loss):
    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


class L1Loss(_Loss):
    """|input - target|, for shapes that are equal.

    >>> import tapeless as tl
    >>> tl.nn.L1Loss()(tl.tensor([1.0, 2.0]), tl.tensor([1.0, 5.0]))
    tensor(1.5000)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.l1_loss(input, target, reduction=self.reduction)


class MSELoss(_Loss):
    """(input - target) ** 2, for shapes that are equal.

    >>> import tapeless as tl
    >>> tl.nn.MSELoss()(tl.tensor([1.0, 2.0]), tl.tensor([1.0, 4.0]))
    tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.mse_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """With d = |input - target|: d ** 2 / (2 * beta) where d < ``beta``, d - beta / 2 elsewhere.

    Shape: input and target (...), the loss a number, or (...) with ``reduction="none"``.

    >>> import tapeless as tl
    >>> tl.nn.SmoothL1Loss(reduction="none")(tl.tensor([0.5, 4.0]), tl.tensor([0.0, 0.0]))
    tensor([0.1250, 3.5000])
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """With d = |input - target|: d ** 2 / 2 where d < ``delta``, delta * (d - delta / 2) elsewhere.

    Shape: input and target (...), the loss a number, or (...) with ``reduction="none"``.

    >>> import tapeless as tl
    >>> tl.nn.HuberLoss(reduction="none")(tl.tensor([0.5, 4.0]), tl.tensor([0.0, 0.0]))
    tensor([0.1250, 3.5000])
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        if not isinstance(delta, (float, int)):
            raise TypeError(f"delta must be a float or int, got: {type(delta)}")
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class NLLLoss(_WeightedLoss):
    """Negative log-likelihood of class indices under log-probabilities (N, C, ...), for targets (N, ...).

    ``weight`` (C,) weighs the classes; targets equal to ``ignore_index`` count for nothing.

    >>> import tapeless as tl
    >>> scores = tl.nn.functional.log_softmax(tl.zeros(2, 4), dim=1)
    >>> tl.nn.NLLLoss()(scores, tl.tensor([0, 3]))
    tensor(1.3863)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.nll_loss(input, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class NLLLoss2d(NLLLoss):
    """The deprecated name of `NLLLoss` for images; making one warns.

    >>> issubclass(NLLLoss2d, NLLLoss)
    True
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        warnings.warn(
            "`NLLLoss2d` has been deprecated. Please use `NLLLoss` instead as a drop-in replacement and see "
            "https://pytorch.org/docs/main/nn.html#torch.nn.NLLLoss for more details.",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__(weight, size_average, ignore_index, reduce, reduction)


class PoissonNLLLoss(_Loss):
    """Negative log-likelihood of counts under Poisson distributions: exp(input) - target * input; shapes are equal.

    The input is the logarithm of the rate, or with ``log_input=False`` the rate itself: then the loss is
    input - target * log(input + eps). ``full`` adds Stirling's approximation of log(target!) for targets above 1.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.PoissonNLLLoss.html

    >>> import tapeless as tl
    >>> tl.nn.PoissonNLLLoss()(tl.zeros(2), tl.tensor([3.0, 5.0]))
    tensor(1.)
    """

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: bool | None = None,
        eps: float = 1e-8,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Tensor, target: Tensor) -> Any:
        """Return the loss."""
        return F.poisson_nll_loss(
            log_input, target, log_input=self.log_input, full=self.full, eps=self.eps, reduction=self.reduction
        )


class GaussianNLLLoss(_Loss):
    """Negative log-likelihood under normal distributions: (log(var) + (input - target) ** 2 / var) / 2.

    ``input`` are the means, ``var`` the variances: a number, or of the input's shape, where the last dim may be 1 or
    missing; they count as at least ``eps``, which gets no gradient. ``full`` adds the constant log(2 pi) / 2. When
    called, raises ``ValueError`` for variances of another shape and for negative ones.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.GaussianNLLLoss.html; Nix and Weigend, "Estimating
    the mean and variance of the target probability distribution" (1994).

    >>> import tapeless as tl
    >>> tl.nn.GaussianNLLLoss()(tl.zeros(2), tl.ones(2), tl.ones(2))
    tensor(0.5000)
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(None, None, reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Any:
        """Return the loss."""
        return F.gaussian_nll_loss(input, target, var, full=self.full, eps=self.eps, reduction=self.reduction)


class CrossEntropyLoss(_WeightedLoss):
    """Log-softmax of scores (N, C, ...) and `NLLLoss` in one.

    Targets are class indices (N, ...) or class probabilities (N, C, ...). ``weight`` (C,) weighs the classes;
    targets equal to ``ignore_index`` count for nothing; ``label_smoothing`` mixes that share of the uniform
    distribution into the targets.

    >>> import tapeless as tl
    >>> tl.nn.CrossEntropyLoss()(tl.zeros(3, 4), tl.tensor([0, 1, 2]))
    tensor(1.3863)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.cross_entropy(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class BCELoss(_WeightedLoss):
    """Binary cross-entropy of probabilities; ``weight`` rescales the loss of each element.

    Shape: input and target (...), the loss a number, or (...) with ``reduction="none"``.

    Prefer `BCEWithLogitsLoss`, which takes scores and stays exact where the probability is 0 or 1.

    >>> import tapeless as tl
    >>> tl.nn.BCELoss()(tl.tensor([0.5, 0.9]), tl.tensor([0.0, 1.0]))
    tensor(0.3993)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Sigmoid and binary cross-entropy in one, without overflow.

    Shape: input and target (...), the loss a number, or (...) with ``reduction="none"``.

    ``weight`` rescales the loss of each element, ``pos_weight`` that of positive targets.

    >>> import tapeless as tl
    >>> tl.nn.BCEWithLogitsLoss()(tl.tensor([0.0, 100.0]), tl.tensor([0.0, 1.0]))
    tensor(0.3466)
    """

    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, pos_weight=self.pos_weight, reduction=self.reduction
        )


class KLDivLoss(_Loss):
    """Kullback-Leibler divergence of a target distribution from log-probabilities.

    Shape: input and target (...), the loss a number, or (...) with ``reduction="none"``.

    The target holds probabilities, or log-probabilities with ``log_target=True``. ``reduction="batchmean"``
    is the mathematical divergence; ``"mean"`` also divides by the number of classes.

    >>> import tapeless as tl
    >>> tl.nn.KLDivLoss(reduction="sum")(tl.tensor([0.5, 0.5]).log(), tl.tensor([0.25, 0.75]))
    tensor(0.1308)
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)
