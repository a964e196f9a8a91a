"""Connectionist temporal classification: sums over all alignments, forward and backward in time.

Graves et al., "Connectionist temporal classification" (2006), section 4. Everything is in logarithms, and all
sequences of a batch run together: an array for each moment, of shape (batch, 2 * longest target + 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .dispatch import kernel


class Alignment:
    """The targets with blanks around each label, and which steps are allowed between them."""

    def __init__(self, targets: Any, target_lengths: Any, blank: int) -> None:
        batch, longest = targets.shape
        self.states = np.full((batch, 2 * longest + 1), blank, np.intp)
        self.states[:, 1::2] = targets
        self.last = 2 * target_lengths  # the final blank; the state before it is the last label
        # A blank may be left out between two labels that differ.
        self.skip = np.zeros(self.states.shape, bool)
        self.skip[:, 3::2] = targets[:, 1:] != targets[:, :-1]
        self.used = np.arange(self.states.shape[1]) <= self.last[:, None]
        self.rows = np.arange(batch)


def _shifted(x: Any, by: int) -> Any:
    out = np.full_like(x, -np.inf)
    out[:, by:] = x[:, :-by]
    return out


def _log_add(*terms: Any) -> Any:
    top = np.maximum.reduce(terms)
    safe = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        return np.log(sum(np.exp(term - safe) for term in terms)) + safe


@kernel
def forward(log_probs: Any, alignment: Alignment, input_lengths: Any) -> tuple[Any, Any]:
    """Return the loss of each sequence, and the sums over all beginnings, shape (time, batch, states)."""
    states, rows = alignment.states, alignment.rows
    emitted = log_probs[:, rows[:, None], states]
    alpha = np.full(emitted.shape, -np.inf, log_probs.dtype)
    if len(alpha):
        alpha[0, :, :2] = emitted[0, :, :2]
        alpha[0][~alignment.used] = -np.inf
    for t in range(1, len(alpha)):
        before = alpha[t - 1]
        skipped = np.where(alignment.skip, _shifted(before, 2), -np.inf) if before.shape[1] > 2 else -np.inf
        one = _shifted(before, 1) if before.shape[1] > 1 else np.full_like(before, -np.inf)
        total = _log_add(before, one, np.broadcast_to(skipped, before.shape))
        alpha[t] = np.where(alignment.used, total + emitted[t], -np.inf)
    final = alpha[input_lengths - 1, rows]
    with_blank = final[rows, alignment.last]
    with_label = np.where(alignment.last > 0, final[rows, alignment.last - 1], -np.inf)
    loss = -_log_add(with_blank, with_label)
    # Without any moment only an empty target can be explained.
    return np.where(input_lengths == 0, np.where(alignment.last == 0, 0, np.inf), loss).astype(log_probs.dtype), alpha


def backward(log_probs: Any, alignment: Alignment, input_lengths: Any, loss: Any, alpha: Any) -> Any:
    """Return ``exp(log_probs)`` minus the probability of each class at each moment, given the target."""
    states, rows, last = alignment.states, alignment.rows, alignment.last
    emitted = log_probs[:, rows[:, None], states]
    beta = np.full_like(alpha, -np.inf)
    end = np.full(alpha.shape[1:], -np.inf, alpha.dtype)
    end[rows, last] = 0
    end[rows[last > 0], last[last > 0] - 1] = 0
    for t in range(len(alpha) - 1, -1, -1):
        after = beta[t + 1] if t + 1 < len(alpha) else end
        width = after.shape[1]
        one = np.full_like(after, -np.inf)
        one[:, : width - 1] = after[:, 1:]
        two = np.full_like(after, -np.inf)
        if width > 2:
            two[:, :-2] = np.where(alignment.skip[:, 2:], after[:, 2:], -np.inf)
        total = np.where((input_lengths - 1 == t)[:, None], end, _log_add(after, one, two))
        live = alignment.used & (t < input_lengths)[:, None]
        beta[t] = np.where(live, total + emitted[t], -np.inf)
    posterior = np.exp(alpha + beta - emitted + loss[:, None])
    classes = np.zeros_like(log_probs)
    np.add.at(classes, (np.arange(len(alpha))[:, None, None], rows[:, None], states), posterior)
    inside = (np.arange(len(alpha))[:, None] < input_lengths)[..., None]
    return np.where(inside, np.exp(log_probs) - classes, 0)


@kernel
def ctc_gradient(g: Any, log_probs: Any, saved: Any, zero_infinity: bool) -> Any:
    """Return the gradient of the losses; PyTorch's, which takes `log_probs` for the result of a log_softmax."""
    alignment, input_lengths, loss, alpha = saved
    whole = backward(log_probs, alignment, input_lengths, loss, alpha) * g[:, None]
    return np.where(np.isinf(loss)[:, None], 0, whole) if zero_infinity else whole
