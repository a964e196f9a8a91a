"""Writes through `.data` in the `forward` of a `Function`, as libraries use them to fill a buffer piece by piece."""

from __future__ import annotations

from typing import Any

import pytest

import tapeless as tl


def filled(library: Any, through_data: bool) -> Any:
    """The gradient through a buffer of which each row is used before the next one is written."""

    class Assign(library.autograd.Function):
        @staticmethod
        def forward(ctx: Any, buffer: Any, value: Any, row: int) -> Any:
            ctx.row = row
            (buffer.data if through_data else buffer)[row] = value
            return buffer

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g, g[ctx.row], None

    x = library.tensor([0.5, -1.0], dtype=library.float64, requires_grad=True)
    buffer, scale = library.zeros(3, 2, dtype=library.float64), library.tensor(2.0, requires_grad=True)
    value = x
    for row in range(3):
        buffer = Assign.apply(buffer, value, row)
        value = (buffer[: row + 1] * scale).sum(0).tanh()
    return [g.tolist() for g in library.autograd.grad(value.sum(), (x, scale))]


def test_forward_may_fill_a_buffer_through_data() -> None:
    torch = pytest.importorskip("torch")
    for mine, theirs in zip(filled(tl, True), filled(torch, True), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-6)


def test_without_data_the_write_is_seen() -> None:
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        filled(tl, False)


def test_writes_through_data_count_again_after_forward() -> None:
    class Same(tl.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x.data.exp()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.saved_tensors[0].exp()

    x = tl.ones(2, requires_grad=True)
    y = x * 1
    z = Same.apply(y)
    y.data.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()
