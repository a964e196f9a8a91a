"""The fused attention against its composite: values, gradients, second gradients; and its awkward inputs."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tapeless as tl
from tapeless._ops.attention import Attention, causal_mask
from tapeless.autograd import gradcheck, gradgradcheck

sdpa = tl.nn.functional.scaled_dot_product_attention


def draw(*shape, dtype=tl.float64, scale=1.0):
    return (tl.randn(*shape, dtype=tl.float64) * scale).to(dtype).requires_grad_()


def bool_mask():
    mask = tl.ones(3, 5, dtype=tl.bool)
    mask[1, 2:] = mask[2, 0] = False
    return mask


# Shapes of query, key and value, mask, options.
CASES = {
    "plain": ((2, 3, 4), (2, 5, 4), (2, 5, 6), None, {}),
    "matrices": ((3, 4), (5, 4), (5, 6), None, {}),
    "scale": ((3, 4), (5, 4), (5, 4), None, {"scale": -0.3}),
    "causal": ((2, 2, 5, 4), (2, 2, 5, 4), (2, 2, 5, 4), None, {"is_causal": True}),
    "causal, fewer sources": ((5, 4), (3, 4), (3, 4), None, {"is_causal": True}),
    "bool mask": ((2, 3, 4), (2, 5, 4), (2, 5, 4), bool_mask, {}),
    "blind row": ((2, 3, 4), (2, 5, 4), (2, 5, 4), lambda: tl.tensor([[True], [False], [True]]).expand(3, 5), {}),
    "float mask": ((2, 3, 4), (2, 5, 4), (2, 5, 4), lambda: draw(3, 5), {}),
    "wide float mask": ((2, 3, 4), (2, 5, 4), (2, 5, 4), lambda: draw(2, 1, 5), {}),
    "hiding float mask": ((3, 4), (5, 4), (5, 4), lambda: tl.zeros(3, 5).masked_fill(~bool_mask(), -math.inf), {}),
    "batches broadcast": ((2, 1, 3, 4), (1, 2, 5, 4), (2, 2, 5, 4), None, {}),
    "heads repeated": ((2, 4, 3, 4), (2, 2, 5, 4), (2, 2, 5, 4), None, {"enable_gqa": True}),
    "dropout": ((2, 3, 4), (2, 5, 4), (2, 5, 4), None, {"dropout_p": 0.4}),
    "dropout, mask": ((2, 3, 4), (2, 5, 4), (2, 5, 4), lambda: draw(2, 3, 5), {"dropout_p": 0.4}),
    "all dropped": ((2, 3, 4), (2, 5, 4), (2, 5, 4), None, {"dropout_p": 1.0}),
    "large scores": ((2, 3, 4), (2, 5, 4), (2, 5, 4), bool_mask, {"scale": 300.0}),
}


def arguments(name):
    tl.manual_seed(3)
    *shapes, mask, options = CASES[name]
    tensors = [draw(*shape) for shape in shapes]
    mask = mask and mask()

    def function(*inputs):
        tl.manual_seed(7)
        return sdpa(*inputs, **options)

    return function, (*tensors, *([] if mask is None else [mask]))


def unfused(monkeypatch):
    """Let the composite take the place of the operation."""

    def apply(query, key, value, mask, kept, is_causal, factor):
        attention = Attention()
        attention.is_causal, attention.factor = is_causal, factor
        return attention.composite(query, key, value, mask, None if kept is None else tl.tensor(kept))

    monkeypatch.setattr(Attention, "apply", apply)


def results(function, inputs):
    out = function(*inputs)
    wanted = [x for x in inputs if x.requires_grad]
    weights = tl.linspace(-1, 2, out.numel(), dtype=out.dtype).reshape(out.shape)
    return [out, *tl.autograd.grad((out * weights).sum(), wanted)]


@pytest.mark.parametrize("name", CASES)
def test_equals_its_composite(name, monkeypatch):
    function, inputs = arguments(name)
    fused = results(function, inputs)
    unfused(monkeypatch)
    for ours, plain in zip(fused, results(function, inputs), strict=True):
        np.testing.assert_allclose(ours.detach().numpy(), plain.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in CASES if name != "large scores"])
def test_gradients(name):
    function, inputs = arguments(name)
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


def test_two_backward_passes_give_the_same():
    function, inputs = arguments("float mask")
    out = function(*inputs)
    first = tl.autograd.grad(out.sum(), inputs, retain_graph=True)
    for a, b in zip(first, tl.autograd.grad(out.sum(), inputs), strict=True):
        assert tl.equal(a, b)


@pytest.mark.parametrize("shift", [0.0, 60.0, -60.0, 1e4])
def test_large_scores_neither_overflow_nor_vanish(shift):
    """Adding the same to all scores changes nothing: with and without the maximum taken off."""
    tl.manual_seed(0)
    key, value = draw(6, 2, dtype=tl.float32), draw(6, 3, dtype=tl.float32)
    ones = tl.ones(6, 1)
    query = tl.ones(4, 3)
    query[:, 2] = shift
    out = sdpa(query, tl.cat([key, ones], 1), value, scale=1.0)
    expected = sdpa(query.double(), tl.cat([key, ones], 1).double(), value.double(), scale=1.0)
    assert out.isfinite().all()
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=2e-3 if shift > 1e3 else 1e-5)


def test_a_row_that_sees_nothing_is_zero_and_has_no_gradient():
    query, key, value = (draw(2, 3) for _ in range(3))
    out = sdpa(query, key, value, tl.tensor([[0.0, 0.0], [-math.inf, -math.inf]], dtype=tl.float64))
    out.sum().backward()
    assert not out[1].any() and not query.grad[1].any()
    assert query.grad.isfinite().all() and key.grad.isfinite().all() and value.grad.isfinite().all()


def test_what_is_hidden_does_not_matter():
    """Not even NaN in a later key."""
    query, key, value = (draw(4, 3) for _ in range(3))
    with tl.no_grad():
        before = sdpa(query, key, value, is_causal=True)
        key[3] = math.nan
        value[3] = 1e300
        after = sdpa(query, key, value, is_causal=True)
    np.testing.assert_allclose(after[:3].numpy(), before[:3].numpy(), rtol=1e-12)
    assert after[3].isnan().all()


def test_float16_sums_in_single_precision():
    ones = tl.ones(1, 4, dtype=tl.float16)
    many = tl.full((3000, 4), 100.0, dtype=tl.float16)  # their sum, 300000, is infinite in float16
    assert tl.equal(sdpa(ones, tl.ones(3000, 4, dtype=tl.float16), many), many[:1])


def test_the_causal_mask_is_made_once_and_cannot_be_written_to():
    mask = causal_mask(7, 5)
    assert mask is causal_mask(7, 5)
    with pytest.raises(ValueError, match="read-only"):
        mask[0, 0] = False


def test_empty_shapes():
    assert sdpa(tl.ones(0, 4), tl.ones(3, 4), tl.ones(3, 2)).shape == (0, 2)
    assert tl.equal(sdpa(tl.ones(2, 4), tl.ones(0, 4), tl.ones(0, 3)), tl.zeros(2, 3))
    assert tl.equal(sdpa(tl.ones(2, 0), tl.ones(3, 0), tl.ones(3, 1)), tl.ones(2, 1))
