"""Discrete Fourier transforms.

Three primitives, which are each other's gradients: the complex transform over several dims, that of real numbers
along one dim, and its way back. All of ``torch.fft`` is written in them. `norm` says where the factor 1/n goes:
"forward", "backward" (the inverse; the default) or "ortho" (its root to both).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import composite, store
from .._dtypes import as_dtype, complex64, complex128, float16, float32, float64, get_default_dtype
from .._kernels.fourier import dft, hermitian_dft, real_dft, resize
from ._common import normal_dim, normal_dims
from .complex import Conj

_COMPLEX = {float32: complex64, float64: complex128}


class Dft(Function):
    """The complex transform; public through `fft.fftn` and others."""

    numpy = dft

    def forward(self, input: Any, axes: tuple[int, ...], inverse: bool, scale: float) -> Any:
        self.axes, self.inverse, self.scale = axes, inverse, scale
        return dft(input, axes, inverse, scale)

    def grad_input(self, g):
        return dft(g, self.axes, self.inverse, self.scale)


class RealDft(Function):
    """The transform of real numbers along one dim, the half that says all; public through `fft.rfft`."""

    numpy = real_dft

    def forward(self, input: Any, axis: int, scale: float) -> Any:
        self.axis, self.scale, self.n = axis, scale, input.shape[axis]
        return real_dft(input, axis, scale)

    def grad_input(self, g):
        return np.real(dft(resize(g, self.axis, self.n), (self.axis,), False, self.scale))


class HermitianDft(Function):
    """Real numbers from half of their coefficients; public through `fft.irfft`."""

    numpy = hermitian_dft
    conjugates = False  # neither holomorphic nor its own transpose: the rule is in PyTorch's convention

    def forward(self, input: Any, n: int, axis: int, scale: float) -> Any:
        self.axis, self.scale, self.n, self.half = axis, scale, n, input.shape[axis]
        return hermitian_dft(input, n, axis, scale)

    def grad_input(self, g):
        # A coefficient stands for itself and its mirror image, except those that are their own mirror images.
        weights = np.full(self.n // 2 + 1, 2 * self.scale)
        weights[0] = self.scale
        if self.n % 2 == 0:
            weights[-1] = self.scale
        shape = [1] * len(g.shape)
        shape[self.axis] = -1
        return resize(real_dft(g, self.axis, 1.0) * weights.reshape(shape).astype(g.dtype), self.axis, self.half)


class Resize(Function):
    """A dim cut, or filled up with zeros, to a length."""

    numpy = resize

    def forward(self, input: Any, axis: int, n: int) -> Any:
        self.axis, self.former = axis, input.shape[axis]
        return resize(input, axis, n)

    def grad_input(self, g):
        return resize(g, self.axis, self.former)


# -- Arguments -------------------------------------------------------------------------------------------


def _scale(norm: Any, n: int, inverse: bool) -> float:
    """Return the factor of a transform of `n` points."""
    norm = norm or "backward"
    if norm not in ("forward", "backward", "ortho"):
        raise RuntimeError(f"Invalid normalization mode: \"{norm}\"\nExpected 'forward', 'backward' or 'ortho'.")
    if norm == "ortho":
        return 1 / math.sqrt(n)
    return 1 / n if (norm == "backward") == inverse else 1.0


def _as_float(input: Any, name: str) -> Any:
    """Return integers as floats; half precision has no transforms on a CPU."""
    if input.dtype == float16:
        raise RuntimeError(f"{name}: Unsupported dtype Half\nConvert the input first: x.float().")
    return input if input.dtype.kind in "fc" else input.to(get_default_dtype())


def _as_complex(input: Any, name: str) -> Any:
    input = _as_float(input, name)
    return input if input.dtype.kind == "c" else input.to(_COMPLEX[input.dtype])


def _real_only(input: Any, name: str) -> Any:
    if input.dtype.kind == "c":
        raise RuntimeError(f"{name} expects a real input tensor, but got {input.dtype}\nUse fft for complex numbers.")
    return _as_float(input, name)


def _check_points(n: int) -> int:
    if n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")
    return n


def _resized(input: Any, dim: int, n: Any) -> Any:
    """Bring one dim to `n` points, None and -1 meaning those it has."""
    if n is None or n == -1:
        _check_points(input.shape[dim])
        return input
    return input if _check_points(n) == input.shape[dim] else Resize.apply(input, dim, n)


def _shapes_and_dims(input: Any, s: Any, dim: Any, name: str) -> tuple[list[Any], list[int]]:
    """Return the number of points (None: as many as there are) and the dims of an n-dimensional transform."""
    s = [s] if isinstance(s, int) else s
    dim = [dim] if isinstance(dim, int) else dim
    if dim is not None:
        dims = [normal_dim(d, input.ndim) for d in dim]
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"FFT dims must be unique\n{name} was given dim={tuple(dim)}.")
    if s is None:
        dims = list(range(input.ndim)) if dim is None else dims
        return [None] * len(dims), dims
    if dim is not None and len(dim) != len(s):
        raise RuntimeError(
            f"When given, dim and shape arguments must have the same length\n{name} got {len(dim)} and {len(s)}."
        )
    if dim is None:
        if len(s) > input.ndim:
            raise RuntimeError(
                f"Got shape with {len(s)} values but input tensor only has {input.ndim} dimensions.\n"
                f"{name} transforms the last {len(s)} dims."
            )
        dims = list(range(input.ndim - len(s), input.ndim))
    return list(s), dims


def _finish(result: Any, out: Any, name: str) -> Any:
    return result if out is None else store(result, out, name)


# -- One dim ---------------------------------------------------------------------------------------------


def _one(input: Any, n: Any, dim: int, norm: Any, inverse: bool, name: str) -> Any:
    input = _as_complex(input, name)
    dim = normal_dim(dim, input.ndim)
    input = _resized(input, dim, n)
    return Dft.apply(input, (dim,), inverse, _scale(norm, input.shape[dim], inverse))


@composite("fft.fft", methods="")
def fft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Any:
    """Return the discrete Fourier transform along `dim`, cut or zero-padded to `n` points; complex.

    Raises RuntimeError for `n` below 1 and unknown `norm`.
    See https://docs.pytorch.org/docs/stable/generated/torch.fft.fft.html

    >>> import tapeless as tl
    >>> tl.fft.fft(tl.tensor([1.0, 0.0]))
    tensor([1.+0.j, 1.+0.j])
    """
    return _finish(_one(input, n, dim, norm, False, "fft"), out, "fft")


@composite("fft.ifft", methods="")
def ifft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Any:
    """Return the inverse transform along `dim`; complex. Arguments as `fft`.

    >>> import tapeless as tl
    >>> tl.fft.ifft(tl.tensor([2.0, 0.0]))
    tensor([1.+0.j, 1.+0.j])
    """
    return _finish(_one(input, n, dim, norm, True, "ifft"), out, "ifft")


@composite("fft.rfft", methods="")
def rfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Any:
    """Return the first ``n // 2 + 1`` coefficients of the transform of real numbers. Arguments as `fft`.

    >>> import tapeless as tl
    >>> tl.fft.rfft(tl.ones(4))
    tensor([4.+0.j, 0.+0.j, 0.+0.j])
    """
    return _finish(_real(input, n, dim, norm, False, "rfft"), out, "rfft")


def _real(input: Any, n: Any, dim: int, norm: Any, inverse: bool, name: str) -> Any:
    input = _real_only(input, name)
    dim = normal_dim(dim, input.ndim)
    input = _resized(input, dim, n)
    result = RealDft.apply(input, dim, _scale(norm, input.shape[dim], inverse))
    return Conj.apply(result) if inverse else result


@composite("fft.irfft", methods="")
def irfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Any:
    """Return the `n` (by default the even number ``2 * (m - 1)``) real numbers whose `rfft` has the `m` coefficients.

    >>> import tapeless as tl
    >>> tl.fft.irfft(tl.tensor([4 + 0j, 0j, 0j]))
    tensor([1., 1., 1., 1.])
    """
    return _finish(_hermitian(input, n, dim, norm, True, "irfft"), out, "irfft")


def _hermitian(input: Any, n: Any, dim: int, norm: Any, inverse: bool, name: str) -> Any:
    input = _as_complex(input, name)
    dim = normal_dim(dim, input.ndim)
    if n is None or n == -1:
        n = 2 * (input.shape[dim] - 1)
    _check_points(n)
    if not inverse:
        input = Conj.apply(input)
    return HermitianDft.apply(_resized(input, dim, n // 2 + 1), n, dim, _scale(norm, n, inverse))


@composite("fft.hfft", methods="")
def hfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Any:
    """Return the real transform of a signal that is Hermitian in time, given its first half. Arguments as `irfft`.

    >>> import tapeless as tl
    >>> tl.fft.hfft(tl.tensor([1 + 0j, 0j, 0j]))
    tensor([1., 1., 1., 1.])
    """
    return _finish(_hermitian(input, n, dim, norm, False, "hfft"), out, "hfft")


@composite("fft.ihfft", methods="")
def ihfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Any:
    """Return the first half of the signal whose `hfft` is the real input. Arguments as `fft`.

    >>> import tapeless as tl
    >>> tl.fft.ihfft(tl.ones(4)).real
    tensor([1., 0., 0.])
    """
    return _finish(_real(input, n, dim, norm, True, "ihfft"), out, "ihfft")


# -- Several dims ----------------------------------------------------------------------------------------


def _several(input: Any, s: Any, dim: Any, norm: Any, inverse: bool, name: str) -> Any:
    input = _as_complex(input, name)
    sizes, dims = _shapes_and_dims(input, s, dim, name)
    for d, n in zip(dims, sizes, strict=True):
        input = _resized(input, d, n)
    if not dims:
        return input.clone()
    return Dft.apply(input, tuple(dims), inverse, _scale(norm, math.prod(input.shape[d] for d in dims), inverse))


def _real_several(input: Any, s: Any, dim: Any, norm: Any, inverse: bool, name: str) -> Any:
    """Transform real numbers: along the last of `dim` the half that says all, then the others."""
    input = _real_only(input, name)
    sizes, dims = _shapes_and_dims(input, s, dim, name)
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")
    for d, n in zip(dims, sizes, strict=True):
        input = _resized(input, d, n)
    scale = _scale(norm, math.prod(input.shape[d] for d in dims), inverse)
    half = RealDft.apply(input, dims[-1], scale)
    if inverse:
        half = Conj.apply(half)
    return Dft.apply(half, tuple(dims[:-1]), inverse, 1.0) if dims[:-1] else half


def _hermitian_several(input: Any, s: Any, dim: Any, norm: Any, inverse: bool, name: str) -> Any:
    """Return real numbers: all dims but the last of `dim` are transformed, then that one from its half."""
    input = _as_complex(input, name)
    sizes, dims = _shapes_and_dims(input, s, dim, name)
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")
    last = sizes[-1] if sizes[-1] not in (None, -1) else 2 * (input.shape[dims[-1]] - 1)
    _check_points(last)
    for d, n in zip(dims[:-1], sizes[:-1], strict=True):
        input = _resized(input, d, n)
    input = _resized(input, dims[-1], last // 2 + 1)
    scale = _scale(norm, last * math.prod(input.shape[d] for d in dims[:-1]), inverse)
    if dims[:-1]:
        input = Dft.apply(input, tuple(dims[:-1]), inverse, 1.0)
    if not inverse:
        input = Conj.apply(input)
    return HermitianDft.apply(input, last, dims[-1], scale)


def _declare(name: str, run: Any, inverse: bool, doc: str, last: int) -> None:
    """Declare the form over all dims, ``<name>n``, and that over two, ``<name>2``; of 6 points in the last dim it makes
    `last`.
    """

    def over_all(input: Any, s: Any = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Any:
        return _finish(run(input, s, dim, norm, inverse, f"{name}n"), out, f"{name}n")

    def over_two(input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None, *, out: Any = None) -> Any:
        return _finish(run(input, s, dim, norm, inverse, f"{name}2"), out, f"{name}2")

    for function, suffix, where in ((over_all, "n", "the dims `dim`, by default all"), (over_two, "2", "two dims")):
        function.__name__ = function.__qualname__ = f"{name}{suffix}"
        function.__doc__ = (
            f"{doc} over {where}; `s` gives the number of points of each.\n\n"
            f"See https://docs.pytorch.org/docs/stable/generated/torch.fft.{name}{suffix}.html\n\n"
            f">>> import tapeless as tl\n>>> tl.fft.{name}{suffix}(tl.ones(4, 6)).shape\ntorch.Size([4, {last}])"
        )
        composite(f"fft.{name}{suffix}", methods="")(function)


_declare("fft", _several, False, "Return the complex transform", 6)
_declare("ifft", _several, True, "Return the inverse complex transform", 6)
_declare("rfft", _real_several, False, "Return the transform of real numbers, half of the last dim,", 4)
_declare("irfft", _hermitian_several, True, "Return the real numbers whose `rfftn` is the input,", 10)
_declare("hfft", _hermitian_several, False, "Return the real transform of a signal that is Hermitian in time", 10)
_declare("ihfft", _real_several, True, "Return the half signal whose `hfftn` is the real input,", 4)


# -- Around them -----------------------------------------------------------------------------------------


def _shift(input: Any, dim: Any, sign: int) -> Any:
    dims = normal_dims(dim, input.ndim)
    if not dims:
        return input.clone()
    half = [input.shape[d] // 2 if sign > 0 else (input.shape[d] + 1) // 2 for d in dims]
    return input.roll(tuple(half), dims)


@composite("fft.fftshift", methods="", numpy=np.fft.fftshift)
def fftshift(input: Any, dim: Any = None) -> Any:
    """Return the coefficients in the order of their frequencies, zero in the middle.

    >>> import tapeless as tl
    >>> tl.fft.fftshift(tl.fft.fftfreq(4))
    tensor([-0.5000, -0.2500,  0.0000,  0.2500])
    """
    return _shift(input, dim, 1)


@composite("fft.ifftshift", methods="", numpy=np.fft.ifftshift)
def ifftshift(input: Any, dim: Any = None) -> Any:
    """Undo `fftshift`.

    >>> import tapeless as tl
    >>> tl.fft.ifftshift(tl.tensor([-1.0, 0.0, 1.0]))
    tensor([ 0.,  1., -1.])
    """
    return _shift(input, dim, -1)


def as_float_dtype(dtype: Any) -> Any:
    """Return the dtype asked for, or the default."""
    return get_default_dtype() if dtype is None else as_dtype(dtype)
