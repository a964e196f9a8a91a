"""Connectionist temporal classification: the loss of a sequence of labels whose times are not known."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import composite
from .._core.tensor_base import unwrap
from .._dtypes import scalar_name
from .._kernels import ctc as kernels


class CtcLoss(Function):
    """The losses of a batch; public through `nn.functional.ctc_loss`. It has a first derivative only, as in PyTorch."""

    def forward(
        self, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int, zero_infinity: bool
    ) -> Any:
        alignment = kernels.Alignment(targets, target_lengths, blank)
        loss, alpha = kernels.forward(log_probs, alignment, input_lengths)
        self.zero_infinity = zero_infinity
        self.saved = (alignment, input_lengths, loss, alpha)
        return np.where(np.isinf(loss), 0, loss) if zero_infinity else loss.copy()

    def grad_log_probs(self, g, log_probs):
        return kernels.ctc_gradient(g, log_probs, self.saved, self.zero_infinity)


class CtcGradient(Function):
    """The gradient of `CtcLoss`, which goes no further."""

    numpy = kernels.ctc_gradient
    differentiable = ("g", "log_probs")

    def forward(self, g: Any, log_probs: Any, saved: Any, zero_infinity: bool) -> Any:
        return kernels.ctc_gradient(g, log_probs, saved, zero_infinity)

    def backward(self, grad):
        """Refuse: PyTorch has no second derivative either."""
        raise RuntimeError(
            "derivative for ctc_loss's backward is not implemented\nThe loss can be differentiated once: leave out "
            "create_graph=True."
        )


@composite("nn.functional.ctc_loss ctc_loss", methods="")
def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:
    """Return the negative log likelihood of `targets`, summed over all their alignments with the input.

    Shapes: `log_probs` (T, N, C) or (T, C), as log_softmax gives them; `targets` (N, S), or all labels one after the
    other; lengths (N,). "mean" divides each loss by its target's length. With `zero_infinity`, a target too long for
    its input counts 0. Raises RuntimeError for lengths and labels that do not fit.
    Graves et al. (2006); https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.ctc_loss.html

    >>> import tapeless as tl
    >>> log_probs = tl.full((2, 1, 2), 0.5).log()
    >>> tl.nn.functional.ctc_loss(log_probs, tl.tensor([[1]]), (2,), (1,))
    tensor(0.2877)
    """
    single = log_probs.ndim == 2
    if single:
        log_probs = log_probs.unsqueeze(1)
        targets = targets if targets.ndim == 1 else targets.reshape(-1)
    inputs, lengths = _lengths(input_lengths), _lengths(target_lengths)
    _check(log_probs, targets, inputs, lengths, blank)
    rows = _as_rows(unwrap(targets), lengths, log_probs.shape[2])
    loss = CtcLoss.apply(log_probs, rows, inputs, lengths, blank, zero_infinity)
    if reduction == "mean":
        return (loss / np.maximum(lengths, 1).astype(log_probs.dtype)).mean()
    if reduction == "sum":
        return loss.sum()
    if reduction != "none":
        raise ValueError(f"{reduction} is not a valid value for reduction\nIt is 'none', 'mean' or 'sum'.")
    return loss.squeeze(0) if single else loss


def _lengths(lengths: Any) -> Any:
    array = np.asarray(unwrap(lengths))
    if array.dtype.kind not in "iu":
        raise RuntimeError(f"input_lengths and target_lengths must be integral\nGot {array.dtype}.")
    return array.astype(np.intp).reshape(-1)


def _check(log_probs: Any, targets: Any, inputs: Any, lengths: Any, blank: int) -> None:
    steps, batch, classes = log_probs.shape
    if targets.dtype.kind not in "iu":
        raise RuntimeError(f"ctc_loss: targets have to be integers, got {scalar_name(targets.dtype)}")
    if not 0 <= blank < classes:
        raise RuntimeError(f"blank must be in label range\nblank is {blank}, the classes are 0 to {classes - 1}.")
    for name, array in (("input_lengths", inputs), ("target_lengths", lengths)):
        if len(array) != batch:
            raise RuntimeError(f"{name} must be of size batch_size\nThere are {len(array)} of {batch} sequences.")
        if (array < 0).any():
            raise RuntimeError(f"{name} must be non-negative\nThe smallest is {array.min()}.")
    if (inputs > steps).any():
        raise RuntimeError(
            f"Expected input_lengths to have value at most {steps}, but got value {inputs.max()} (while checking "
            "arguments "
            "for ctc_loss)"
        )


def _as_rows(targets: Any, lengths: Any, classes: int) -> Any:
    """Return the labels as rows of equal length, of which `lengths` are used."""
    longest = int(lengths.max(initial=0))
    if targets.ndim == 1:
        if len(targets) != lengths.sum():
            raise RuntimeError(
                f"Expected tensor to have size {lengths.sum()} at dimension 0, but got size {len(targets)} for "
                "argument "
                "#2 'targets' (while checking arguments for ctc_loss)"
            )
        rows = np.zeros((len(lengths), longest), targets.dtype)
        rows[np.arange(longest) < lengths[:, None]] = targets
    else:
        if targets.shape[1] < longest:
            raise RuntimeError(
                f"Expected tensor to have size at least {longest} at dimension 1, but got size {targets.shape[1]} for "
                "argument #2 'targets' (while checking arguments for ctc_loss)"
            )
        rows = np.where(np.arange(longest) < lengths[:, None], targets[:, :longest], 0)
    if rows.size and not 0 <= rows.min() <= rows.max() < classes:
        raise RuntimeError(f"ctc_loss: targets have to be in [0, {classes}), got {rows.min()} to {rows.max()}")
    return rows
