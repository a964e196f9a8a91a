"""Convolutions by flat images against sums written out, and against im2col; gradients against inner products."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tapeless._kernels import convolution, flat_images

CASES = [  # batch, channels, outputs, sizes, window, stride, padding, dilation, groups
    (3, 8, 4, (8, 9), (3, 3), (1, 1), (1, 1), (1, 1), 1),
    (3, 8, 12, (8, 9), (3, 3), (1, 1), (0, 2), (1, 1), 1),
    (2, 8, 6, (9, 10), (3, 2), (1, 1), (1, 0), (1, 2), 2),
    (2, 6, 6, (9,), (3,), (1,), (1,), (1,), 6),
    (2, 9, 4, (5, 6, 7), (3, 1, 3), (1, 1, 1), (2, 0, 1), (1, 1, 1), 1),
    (1, 3, 2, (6, 6), (5, 5), (1, 1), (4, 3), (1, 1), 1),
    (2, 8, 4, (5, 5), (5, 5), (1, 1), (0, 0), (1, 1), 1),  # one window an image
    (2, 8, 4, (6, 6), (3, 3), (1, 1), (3, 0), (1, 1), 1),  # more padding than the window reaches
    (2, 8, 4, (7, 8), (3, 3), (2, 1), (1, 1), (1, 1), 1),
]


def written_out(x, w, geometry):
    """Return the convolution as a loop over places in the window."""
    stride, padding, dilation, groups = geometry
    sizes = convolution.out_sizes(x.shape[2:], w.shape[2:], geometry)
    x = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)))
    x = x.reshape(x.shape[0], groups, -1, *x.shape[2:])
    w = w.reshape(groups, -1, *w.shape[1:])
    out = 0
    for place in itertools.product(*map(range, w.shape[3:])):
        where = tuple(
            slice(i * d, i * d + (n - 1) * s + 1, s) for i, d, n, s in zip(place, dilation, sizes, stride, strict=True)
        )
        out = out + np.einsum("ngc...,goc->ngo...", x[(..., *where)], w[(..., *place)])
    return out.reshape(x.shape[0], -1, *sizes)


@pytest.fixture(params=[1, 1 << 19], ids=["block of one image", "one block"])
def block(request, monkeypatch):
    """Blocks of one image, and of all."""
    monkeypatch.setattr(flat_images, "BLOCK", request.param)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_convolution_and_its_gradients(case, dtype, block):
    batch, channels, outputs, sizes, window, *geometry = case
    rng = np.random.default_rng(0)

    def numbers(*shape):
        values = rng.standard_normal(shape)
        return (values + 1j * rng.standard_normal(shape) if dtype == np.complex128 else values).astype(dtype)

    x, w = numbers(batch, channels, *sizes), numbers(outputs, channels // geometry[3], *window)
    expected = written_out(x, w, geometry)
    out = convolution.conv(x, w, tuple(geometry))
    np.testing.assert_allclose(out, expected, atol=1e-12)
    bias = numbers(outputs)
    shown = bias.reshape(-1, *[1] * len(sizes))
    np.testing.assert_allclose(convolution.conv(x, w, tuple(geometry), bias), expected + shown, atol=1e-12)
    # The gradients are the transposes: <g, conv(dx, w)> = <conv_input_grad(g, w), dx>, and so for the weight.
    g = numbers(*expected.shape)
    dx, dw = numbers(*x.shape), numbers(*w.shape)
    grad_x = convolution.conv_input_grad(g, w, sizes, tuple(geometry))
    grad_w = convolution.conv_weight_grad(x, g, w.shape, tuple(geometry))
    assert grad_x.shape == x.shape and grad_w.shape == w.shape
    np.testing.assert_allclose((grad_x * dx).sum(), (g * written_out(dx, w, geometry)).sum(), rtol=1e-10)
    np.testing.assert_allclose((grad_w * dw).sum(), (g * written_out(x, dw, geometry)).sum(), rtol=1e-10)
    both = convolution.conv_grads(x, g, w, tuple(geometry))
    np.testing.assert_allclose(both[0], grad_x, atol=1e-11)
    np.testing.assert_allclose(both[1], grad_w, atol=1e-11)


def test_layout_is_used_where_windows_are_shifts():
    plain = ((1, 1), (1, 1), (1, 1), 1)
    assert convolution._flat((32, 32), (64, 64, 3, 3), plain, (32, 32)) is not None
    assert convolution._flat((32, 32), (64, 3, 3, 3), plain, (32, 32)) is None  # few columns
    assert convolution._flat((5, 5), (8, 16, 5, 5), ((1, 1), (0, 0), (1, 1), 1), (1, 1)) is None  # one window
    assert convolution._flat((32, 32), (64, 64, 3, 3), ((2, 2), (1, 1), (1, 1), 1), (16, 16)) is None


def test_what_lies_between_images_does_not_leak():
    # Were numbers of one row or image taken for another's padding, infinities would show.
    x = np.zeros((3, 8, 6, 6))
    x[1] = np.inf
    w = np.ones((4, 8, 3, 3))
    out = convolution.conv(x, w, ((1, 1), (1, 1), (1, 1), 1))
    assert (out[[0, 2]] == 0).all() and np.isinf(out[1]).all()


def test_no_images():
    geometry = ((1, 1), (1, 1), (1, 1), 1)
    x, w, g = np.zeros((0, 8, 6, 6)), np.ones((4, 8, 3, 3)), np.zeros((0, 4, 6, 6))
    assert convolution.conv(x, w, geometry).shape == (0, 4, 6, 6)
    grad_x, grad_w = convolution.conv_grads(x, g, w, geometry)
    assert grad_x.shape == x.shape and (grad_w == 0).all()
