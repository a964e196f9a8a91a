"""Questions about tensors, and draws with parameters."""

from __future__ import annotations

import numpy as np

from tests.ops.table import call, f, row

row("is_nonzero", [call(np.array([2.0])), call(np.array(0.0))], lambda x: bool(x.item()), gradient=False)
row("is_same_size", [call(f(2), f(2)), call(f(2), f(2, 1))], lambda a, b: a.shape == b.shape, gradient=False)
for name in ("is_signed", "is_conj", "is_neg"):
    row(name, [call(f(2)), call(f())], gradient=False)
for name in ("poisson", "binomial", "nn.functional.gumbel_softmax"):
    row(name, [], because="draws: tests/test_samples.py")
