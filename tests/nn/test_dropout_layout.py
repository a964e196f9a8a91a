"""Dropout draws in the order in which its input lies in memory, as PyTorch's does."""

from __future__ import annotations

import numpy as np
import pytest

import tapeless as tl

torch = pytest.importorskip("torch")

LAYOUTS = {
    "contiguous": lambda x: x,
    "transposed": lambda x: x.transpose(0, 1),
    "permuted": lambda x: x.permute(2, 0, 1),
    "with gaps": lambda x: x.transpose(0, 1)[:, ::2],
    "expanded": lambda x: x[:, :1].expand(-1, 5, -1),
    "expanded first": lambda x: x[:1].expand(4, -1, -1),
}


@pytest.mark.parametrize("name", ["dropout", "alpha_dropout", "feature_alpha_dropout", "dropout1d"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(name, layout):
    results = []
    for lib in (tl, torch):
        lib.manual_seed(3)
        x = LAYOUTS[layout](lib.arange(4 * 6 * 3).reshape(4, 6, 3) + 1.0)
        results.append(getattr(lib.nn.functional, name)(x, 0.5, True).numpy())
    np.testing.assert_allclose(*results, rtol=1e-6)
