"""Normalizations over batches, layers, groups, instances and channels."""

from __future__ import annotations

import numpy as np

from tests.ops.table import call, f, row


def normal(x, axes, eps=1e-5):
    """Bring the mean over some axes to 0 and the variance to 1."""
    centred = x - x.mean(axes, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axes, keepdims=True) + eps)


LAYERS = [call(f(3, 4), (4,)), call(f(2, 3, 4), (3, 4), f(3, 4), f(3, 4)), call(f(3, 4), [4], f(4), eps=0.1)]
row("nn.functional.layer_norm", LAYERS, lambda x, shape, w=1, b=0, eps=1e-5: normal(
    x, tuple(range(-len(shape), 0)), eps) * w + b, kinds="f")  # fmt: skip
row("native_layer_norm", [call(f(3, 4), (4,), f(4), f(4), 1e-5), call(f(2, 3, 4), (3, 4), None, None, 0.1)], kinds="f")
ROOTS = [call(f(3, 4), (4,)), call(f(2, 3, 4), (3, 4), f(3, 4)), call(f(3, 4), [4], f(4), 0.1)]
row("nn.functional.rms_norm", ROOTS, lambda x, shape, w=1, eps=2.220446049250313e-16: x / np.sqrt(
    (x**2).mean(tuple(range(-len(shape), 0)), keepdims=True) + eps) * w, kinds="f")  # fmt: skip

BATCH = [call(f(4, 3), None, None, training=True), call(f(2, 3, 4), None, None, f(3), f(3), True, 0.1, 0.01)]
# By the running statistics PyTorch refuses to differentiate.
STATISTICS = f(3), f(3, lo=0.5)
USED = [call(f(4, 3), *STATISTICS), call(f(2, 3, 2, 2), *STATISTICS, f(3), f(3), eps=0.1)]
row("nn.functional.batch_norm", [*BATCH, *USED], lambda x, m, v, w=None, b=None, training=False, momentum=0, eps=1e-5:
    normal(x, (0, *range(2, x.ndim)), eps) if training and w is None else None, kinds="f")  # fmt: skip
row("batch_norm", [call(f(4, 3), f(3), f(3), None, None, True, 0.1, 1e-5, False),
    call(f(4, 3), None, None, *STATISTICS, False, 0.1, 1e-5, False)], kinds="f")  # fmt: skip
row("native_batch_norm", [call(f(4, 3), f(3), f(3), None, None, True, 0.1, 1e-5),
    call(f(4, 3), None, None, *STATISTICS, False, 0.1, 1e-5)], kinds="f")  # fmt: skip
row("nn.functional.instance_norm", [call(f(2, 3, 4)), call(f(2, 3, 2, 2), None, None, f(3), f(3), eps=0.1),
    call(f(2, 3, 4), *STATISTICS, use_input_stats=False)], kinds="f")  # fmt: skip
GROUPS = [call(f(2, 4, 3), 2), call(f(2, 6, 2, 2), 3, f(6), f(6), 0.1), call(f(2, 4), 1)]
row("nn.functional.group_norm", GROUPS, kinds="f")
row("group_norm", GROUPS, kinds="f")
# PyTorch loses the gradients of the means and deviations.
row("native_group_norm", [call(f(2, 4, 3), f(4), f(4), 2, 4, 3, 2, 1e-5)], kinds="f", kinks=False)
RESPONSES = [call(f(2, 5, 3), 3), call(f(1, 4, 2, 2), 2, alpha=0.5, beta=0.6, k=2.0)]
row("nn.functional.local_response_norm", RESPONSES, kinds="f")
