"""The loss of sequences whose alignment with the input is not known."""

from __future__ import annotations

from typing import Any

from tapeless._tensor import Tensor

from . import functional as F
from ._loss import _Loss


class CTCLoss(_Loss):
    """Negative log-likelihood of label sequences, summed over all alignments with a longer sequence of predictions.

    ``log_probs`` (T, N, C), or (T, C) for one sequence, hold log-probabilities of C labels, one of which, ``blank``,
    stands for none. ``targets`` are (N, S), or all sequences one after the other; ``input_lengths`` and
    ``target_lengths`` (N,), tensors or tuples, say how much of each counts. With ``reduction="mean"`` each loss is
    divided by the length of its target before the mean is taken. ``zero_infinity`` replaces by 0 the infinite losses
    of targets that are too long. When called, raises ``RuntimeError`` for lengths and labels that do not fit.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.CTCLoss.html; Graves et al., "Connectionist
    temporal classification" (2006).

    >>> import tapeless as tl
    >>> log_probs = tl.zeros(2, 1, 2).log_softmax(2)
    >>> tl.nn.CTCLoss()(log_probs, tl.tensor([[1]]), tl.tensor([2]), tl.tensor([1]))  # -log(3 / 4)
    tensor(0.2877)
    """

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(self, log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any) -> Any:
        """Return the loss."""
        return F.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )
