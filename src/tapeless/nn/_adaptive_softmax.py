"""The adaptive softmax: a loss for so many classes that computing a score for each would be slow."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from tapeless._core.registry import FUNCTIONS
from tapeless._creation import zeros
from tapeless._tensor import Tensor

from . import functional as F
from ._containers import ModuleList, Sequential
from ._linear import Linear
from ._module import Module


class _ASMoutput(NamedTuple):
    """What `AdaptiveLogSoftmaxWithLoss` returns: log-probabilities of the targets, and the loss."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-probabilities (N,) of the classes (N,), for inputs (N, in_features), and minus their mean as the loss.

    Classes are sorted by how frequent they are. The ``head`` scores those below the first of ``cutoffs`` and, with one
    score each, the clusters of rarer ones between the cutoffs. Module i of ``tail`` scores the classes of cluster i,
    from ``in_features // div_value ** (i + 1)`` features, and runs only for inputs whose target is among them.
    ``head_bias`` gives the head a bias. One input (in_features,) and target () may stand alone.

    Raises ``ValueError`` unless the cutoffs are increasing integers from 1 to n_classes - 1; when called,
    ``RuntimeError`` for shapes that do not fit and targets out of range.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveLogSoftmaxWithLoss.html; Grave et al.,
    "Efficient softmax approximation for GPUs" (2016), https://arxiv.org/abs/1609.04309.

    >>> import tapeless as tl
    >>> layer = tl.nn.AdaptiveLogSoftmaxWithLoss(16, 100, cutoffs=[10, 50])
    >>> output, loss = layer(tl.ones(3, 16), tl.tensor([1, 30, 99]))
    >>> output.shape, loss.shape, layer.log_prob(tl.ones(3, 16)).shape
    (torch.Size([3]), torch.Size([]), torch.Size([3, 100]))
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        _check_cutoffs(cutoffs, n_classes)
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = cutoffs[0]
        self.n_clusters = len(cutoffs)
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, device=device, dtype=dtype)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            hidden = int(in_features // div_value ** (i + 1))
            self.tail.append(
                Sequential(
                    Linear(in_features, hidden, bias=False, device=device, dtype=dtype),
                    Linear(hidden, high - low, bias=False, device=device, dtype=dtype),
                )
            )

    def reset_parameters(self) -> None:
        """Draw new weights and biases, as the constructor does."""
        self.head.reset_parameters()
        for projection in self.tail:
            for layer in projection:  # type: ignore[attr-defined]
                layer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        """Return the log-probabilities of the targets, and the loss."""
        self._check_shapes(input_, target_)
        batched = target_.ndim > 0
        input = input_ if batched else input_.unsqueeze(0)
        target = target_ if batched else target_.unsqueeze(0)
        if bool(((target < 0) | (target >= self.n_classes)).any()):
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{target.min().item()}, {target.max().item()}] were found. "
            )
        column = target  # where the head scores the target, or the cluster it is in
        within = zeros(target.shape[0], dtype=input.dtype)  # its log-probability among the classes of the cluster
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            rows = ((target >= low) & (target < high)).nonzero().squeeze(1)
            if rows.numel() > 0:
                scores = self.tail[i](input.index_select(0, rows))
                place = (target.index_select(0, rows) - low).unsqueeze(1)
                within = within.index_copy(0, rows, F.log_softmax(scores, dim=1).gather(1, place).squeeze(1))
                column = column.index_fill(0, rows, self.shortlist_size + i)
        head = F.log_softmax(self.head(input), dim=1)
        output = within + head.gather(1, column.unsqueeze(1)).squeeze(1)
        loss = (-output).mean()
        return _ASMoutput(output if batched else output.squeeze(0), loss)

    @staticmethod
    def _check_shapes(input: Tensor, target: Tensor) -> None:
        if target.ndim > 1:
            raise RuntimeError(
                f"0D or 1D target tensor expected, multi-target not supported\nGot a target with {target.ndim} dims."
            )
        if target.ndim == 1 and input.shape[:1] != target.shape:
            raise RuntimeError(
                "Input and target should have the same size in the batch dimension.\n"
                f"Got an input of size {list(input.shape)} and a target of size {list(target.shape)}."
            )
        if input.ndim != target.ndim + 1:
            raise RuntimeError(
                f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found inputs with size "
                f"{input.shape}"
            )

    def log_prob(self, input: Tensor) -> Any:
        """Return the log-probabilities of all classes: (N, in_features) to (N, n_classes)."""
        return self._all_log_probs(input, self.head(input))

    def _all_log_probs(self, input: Tensor, head_scores: Tensor) -> Any:
        head = F.log_softmax(head_scores, dim=1)
        parts = [head[:, : self.shortlist_size]]
        for i, projection in enumerate(self.tail):
            place = self.shortlist_size + i
            parts.append(F.log_softmax(projection(input), dim=1) + head[:, place : place + 1])
        return FUNCTIONS["cat"](parts, 1)

    def predict(self, input: Tensor) -> Any:
        """Return the most probable class of each input: (N, in_features) to (N,)."""
        scores = self.head(input)
        best = scores.argmax(dim=1)
        # No class of a cluster is more probable than its cluster: the tail matters only where a cluster wins.
        rows = (best >= self.shortlist_size).nonzero().squeeze(1)
        if rows.numel() == 0:
            return best
        among_all = self._all_log_probs(input.index_select(0, rows), scores.index_select(0, rows))
        return best.index_copy(0, rows, among_all.argmax(dim=1))


def _check_cutoffs(cutoffs: list[int], n_classes: int) -> None:
    if not cutoffs:
        raise ValueError("cutoffs should be a sequence of length larger than 0")
    increasing = all(a < b for a, b in pairwise([0, *cutoffs, n_classes]))
    if not increasing or any(int(cutoff) != cutoff for cutoff in cutoffs):
        raise ValueError(
            "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each "
            f"value is between 1 and n_classes-1\nGot cutoffs={cutoffs} and n_classes={n_classes}."
        )
