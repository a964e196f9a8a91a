"""Complex gradients: PyTorch's convention, shown by finite differences of the real and the imaginary part."""

from __future__ import annotations

import numpy as np
import pytest

import tapeless as tl
from tapeless.autograd import gradcheck, gradgradcheck

try:
    import torch
except ImportError:
    torch = None


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.uniform(0.5, 1.5, shape) + 1j * random.uniform(-1, 1, shape)


PROGRAMS = {
    "products": lambda t, z, w, x: z * w + x * z - z / w,
    "powers": lambda t, z, w, x: (z * z).exp() + z**2 + z**0.5,
    "conjugates": lambda t, z, w, x: z.conj() * w + z.conj() @ w,
    "parts": lambda t, z, w, x: z.real * w.imag + z.imag**2,
    "absolute": lambda t, z, w, x: z.abs() * w + (z - w).abs(),
    "angles": lambda t, z, w, x: t.angle(z) * x + t.polar(x, z.angle()),
    "views": lambda t, z, w, x: t.view_as_complex(t.view_as_real(z * w) * 2) + t.complex(x, x * 3),
    "matmul": lambda t, z, w, x: (z @ w.mH) @ x.to(z.dtype),
    "reductions": lambda t, z, w, x: z.sum(0) * w.mean() + (z * w).prod(1) + z.cumsum(0)[-1],
    "shapes": lambda t, z, w, x: t.cat([z.reshape(-1), w.T.reshape(-1)]) * t.stack([z, w]).flatten(),
    "indexing": lambda t, z, w, x: z[1:] * w[[0, 0]] + z[1:, :1],
    "functions": lambda t, z, w, x: z.sin() + z.cos() + z.tanh() + w.log() + w.sqrt() + w.reciprocal() + z.sigmoid(),
    "to_real_and_back": lambda t, z, w, x: (z.abs() ** 2).to(z.dtype) * w,
}


def in_place(t, z, w, x):
    y = z * 1
    y[0] = w[1] * z[1]
    y[1].mul_(w[0])
    y.real.mul_(x)
    t.view_as_real(y)[..., 1].add_(x)
    return y * y


PROGRAMS["in_place"] = in_place


@pytest.mark.parametrize("name", PROGRAMS)
def test_finite_differences(name: str) -> None:
    z, w = (tl.from_numpy(draw(3, 3, seed=k)).requires_grad_() for k in (1, 2))
    x = tl.from_numpy(draw(3, 3, seed=3).real.copy()).requires_grad_()
    assert gradcheck(lambda *args: PROGRAMS[name](tl, *args), (z, w, x))
    assert gradgradcheck(lambda *args: PROGRAMS[name](tl, *args), (z, w, x), fast_mode=True)


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("name", PROGRAMS)
def test_equal_to_torch(name: str) -> None:
    found = []
    for t in (tl, torch):
        z, w = (t.from_numpy(draw(3, 3, seed=k)).requires_grad_() for k in (1, 2))
        x = t.from_numpy(draw(3, 3, seed=3).real.copy()).requires_grad_()
        y = PROGRAMS[name](t, z, w, x)
        seed = t.from_numpy(draw(*y.shape, seed=4) if y.is_complex() else draw(*y.shape, seed=4).real.copy())
        first = t.autograd.grad(y, [z, w, x], seed, create_graph=True, allow_unused=True)
        first = [g for g in first if g is not None]
        second = t.autograd.grad(sum((g.abs() ** 2).sum() for g in first), [z, w, x], allow_unused=True)
        found.append([g.detach().resolve_conj().numpy() for g in (y, *first, *second) if g is not None])
    for ours, theirs in zip(*found, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


def test_a_real_loss_descends() -> None:
    """The gradient is the direction to walk against: dL/d(re z) + i dL/d(im z)."""
    z = tl.tensor([1 + 2j], dtype=tl.complex128, requires_grad=True)
    (z.abs() ** 2).sum().backward()
    assert z.grad.tolist() == [2 + 4j]


def test_complex_outputs_need_a_gradient() -> None:
    z = tl.tensor(1j, requires_grad=True)
    with pytest.raises(RuntimeError, match="only for real scalar outputs but got complex64"):
        (z * 2).backward()
    with pytest.raises(RuntimeError, match="only for real scalar outputs"):
        tl.autograd.grad(z * 2, z)
    (z * 2).backward(tl.tensor(1 + 1j))
    assert z.grad.item() == 2 + 2j


def test_functions_of_users_follow_pytorchs_convention() -> None:
    class Square(tl.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            ctx.save_for_backward(z)
            return z * z

        @staticmethod
        def backward(ctx, g):
            (z,) = ctx.saved_tensors
            return g * (2 * z).conj()

    z = tl.from_numpy(draw(3)).requires_grad_()
    assert gradcheck(Square.apply, (z,)) and gradgradcheck(Square.apply, (z,))


def test_gradcheck_sees_a_wrong_complex_rule() -> None:
    class Wrong(tl.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            ctx.save_for_backward(z)
            return z * z

        @staticmethod
        def backward(ctx, g):
            (z,) = ctx.saved_tensors
            return g * 2 * z

    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        gradcheck(Wrong.apply, (tl.from_numpy(draw(2)).requires_grad_(),))
