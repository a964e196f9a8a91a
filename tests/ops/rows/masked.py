"""Reductions and normalizations of what a mask lets through."""

from __future__ import annotations

import numpy as np

from tests.ops.table import call, f, over, rough, row

MASK = np.array([[True, False, True], [False, True, True]])
KINDS = "fi"  # bools are not for computing


def reductions(lo=-2.0, **options):
    """All elements, over a dim, over several, kept or not; with a mask that broadcasts, and with none."""
    return [
        call(f(2, 3, lo=lo), mask=MASK, **options),
        call(f(2, 3, lo=lo), 1, mask=MASK[1], **options),
        call(f(2, 3, lo=lo), dim=1, keepdim=True, mask=MASK, **options),
        call(f(2, 3, lo=lo), (0, 1), mask=MASK, **options),
        call(f(4, lo=lo), **options),
        rough(f(2, 3, lo=lo), 0, mask=MASK[1], **options),  # a column is hidden: what comes out is not finite
    ]


def hidden(function, value):
    """Give the reference that puts a value where the mask is False."""
    plain = over(function)
    return lambda x, *args, mask=True, **k: plain(np.where(np.broadcast_to(mask, x.shape), x, value), *args, **k)


SUM, PRODUCT = ("sum", np.sum, 0), ("prod", np.prod, 1)
for name, function, value in (SUM, PRODUCT, ("amax", np.max, -np.inf), ("amin", np.min, np.inf)):
    row(f"masked.{name}", reductions(), hidden(function, value), kinds=KINDS)
row("masked.mean", reductions(), kinds="f")
# Where a column is hidden, ours has the gradient 0 and PyTorch's NaN.
row("masked.var", [*reductions()[:-1], call(f(2, 3), 1, False, mask=MASK)], kinds="f")
# The deviation of one element is 0, where the root has no slope.
row("masked.std", [call(f(3, 4), 1, mask=f(3, 4) < 9), call(f(4), 0, mask=np.arange(4) > 0)], kinds="f")
row("masked.logsumexp", [*reductions(), call(f(2, 3), 1, mask=MASK[1])], kinds="f")
norms = [call(f(2, 3), p, 1, mask=MASK) for p in (1.0, 2.0, 3.0, np.inf, -np.inf)]
row("masked.norm", [*norms, call(f(2, 3), 2.0, mask=MASK), call(f(4), 2.0, 0, keepdim=True)], kinds="f")
ONE = [call(f(2, 3), 1, mask=MASK), rough(f(2, 3), dim=0, mask=MASK[1]), call(f(4), 0)]
row("masked.argmax", ONE, gradient=False, kinds=KINDS)
row("masked.argmin", ONE, gradient=False, kinds=KINDS)
row("masked.median", ONE, kinds="f", kinks=False)  # which of equals is free
for name, function, value in (("cumsum", np.cumsum, 0), ("cumprod", np.cumprod, 1)):
    row(f"masked.{name}", ONE, lambda x, dim, mask=True, _f=function, _v=value: _f(
        np.where(np.broadcast_to(mask, x.shape), x, _v), dim), kinds=KINDS)  # fmt: skip
for name in ("softmax", "softmin"):
    row(f"masked.{name}", ONE, kinds="f")
hides = [rough(*sample.args, **sample.options) for sample in ONE]  # what is hidden comes out as -inf
row("masked.log_softmax", [*hides, call(f(2, 3), 1)], kinds="f")
row("masked.normalize", [call(f(2, 3), 2.0, 1, mask=MASK), call(f(2, 3), 1.0, dim=0, mask=MASK)], kinds="f")
SUMS = [call(f(2, 3), f(2, 3), input_mask=MASK, other_mask=MASK[::-1].copy()), call(f(3), f(3))]
row("masked.logaddexp", SUMS, kinds="f")
