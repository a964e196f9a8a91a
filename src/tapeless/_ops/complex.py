"""Complex numbers: conjugates, parts, angles, and the views that show a complex number as two real ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import composite, store
from .._core.tensor_base import TensorBase, wrap
from .._dtypes import complex64, complex128, float32, float64, get_default_dtype, scalar_name
from .._kernels.dispatch import kernel

COMPLEX_OF = {float32: complex64, float64: complex128}


class Conj(Function):
    """The complex conjugate of a complex tensor, in memory of its own; public through `conj`."""

    def forward(self, input: Any) -> Any:
        return np.conj(input)

    def grad_input(self, g):
        return np.conj(g)


@composite("conj", numpy=np.conj)
def conj(input: Any) -> Any:
    """Return the complex conjugate; of real numbers, the tensor itself.

    See https://docs.pytorch.org/docs/stable/generated/torch.conj.html

    >>> import tapeless as tl
    >>> tl.conj(tl.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
    return Conj.apply(input) if input.dtype.kind == "c" else input


class ConjPhysical(Conj):
    """The complex conjugate, of real numbers a copy.

    >>> import tapeless as tl
    >>> tl.conj_physical(tl.tensor([1 + 2j]))
    tensor([1.-2.j])
    """

    names = "conj_physical"
    inplace = True

    def forward(self, input: Any) -> Any:
        return np.conj(input) if input.dtype.kind == "c" else input.copy()


@composite("resolve_conj")
def resolve_conj(input: Any) -> Any:
    """Return the tensor itself: conjugates are never left pending here.

    >>> import tapeless as tl
    >>> tl.tensor([1j]).conj().resolve_conj()
    tensor([0.-1.j])
    """
    return input


@composite("resolve_neg")
def resolve_neg(input: Any) -> Any:
    """Return the tensor itself: signs are never left pending here.

    >>> import tapeless as tl
    >>> tl.tensor([1.0]).neg().resolve_neg()
    tensor([-1.])
    """
    return input


class Real(Function):
    """The real part of a complex tensor, a view; public through `real`."""

    view = True

    def forward(self, input: Any) -> Any:
        return input.real

    def grad_input(self, g):
        return g


@composite("real", methods="", numpy=np.real)
def real(input: Any) -> Any:
    """Return the real part, a view; of real numbers, the tensor itself.

    See https://docs.pytorch.org/docs/stable/generated/torch.real.html

    >>> import tapeless as tl
    >>> tl.real(tl.tensor([1 + 2j]))
    tensor([1.])
    """
    return Real.apply(input) if input.dtype.kind == "c" else input


class Imag(Function):
    """The imaginary part of a complex tensor, a view; public through `imag`."""

    view = True
    conjugates = False

    def forward(self, input: Any) -> Any:
        return input.imag

    def grad_input(self, g):
        return g * 1j


@composite("imag", methods="", numpy=np.imag)
def imag(input: Any) -> Any:
    """Return the imaginary part, a view. Raises RuntimeError for real tensors.

    See https://docs.pytorch.org/docs/stable/generated/torch.imag.html

    >>> import tapeless as tl
    >>> tl.imag(tl.tensor([1 + 2j]))
    tensor([2.])
    """
    if input.dtype.kind != "c":
        raise RuntimeError(
            f"imag is not implemented for tensors with non-complex dtypes.\nThe input is {input.dtype}: its imaginary "
            "part would be zero everywhere."
        )
    return Imag.apply(input)


class ViewAsReal(Function):
    """A view of a complex tensor as real numbers, with a last dim of 2: real and imaginary part.

    Raises RuntimeError for real tensors. See https://docs.pytorch.org/docs/stable/generated/torch.view_as_real.html

    >>> import tapeless as tl
    >>> tl.view_as_real(tl.tensor([1 + 2j]))
    tensor([[1., 2.]])
    """

    names = "view_as_real"
    methods = ""
    view = True
    conjugates = False

    def forward(self, input: Any) -> Any:
        if input.dtype.kind != "c":
            raise RuntimeError(f"view_as_real is only supported for complex tensors\nThe input is {input.dtype}.")
        return input[..., None].view(input.real.dtype)

    def grad_input(self, g):
        return g[..., 0] + g[..., 1] * 1j


class ViewAsComplex(Function):
    """A view of pairs of real numbers, the last dim, as complex numbers.

    Raises RuntimeError unless the last dim has size 2 and stride 1.
    See https://docs.pytorch.org/docs/stable/generated/torch.view_as_complex.html

    >>> import tapeless as tl
    >>> tl.view_as_complex(tl.tensor([[1.0, 2.0]]))
    tensor([1.+2.j])
    """

    names = "view_as_complex"
    methods = ""
    view = True
    conjugates = False

    def forward(self, input: Any) -> Any:
        if input.dtype not in COMPLEX_OF:
            raise RuntimeError(
                "view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar "
                f"type: {scalar_name(input.dtype)}"
            )
        if input.ndim == 0 or input.shape[-1] != 2:
            raise RuntimeError(f"Tensor must have a last dimension of size 2\nThe shape is {list(input.shape)}.")
        # Arrays of other kinds do not say how they lie in memory.
        steps = [step // input.itemsize for step in input.strides] if hasattr(input, "strides") else [1]
        if steps[-1] != 1 and input.size:
            raise RuntimeError("Tensor must have a last dimension with stride 1\nUse contiguous() first.")
        if any(step % 2 for step, n in zip(steps[:-1], input.shape, strict=False) if n > 1):
            raise RuntimeError("Tensor must have a stride divisible by 2 for all but last dimension")
        return input.view(COMPLEX_OF[input.dtype])[..., 0]

    def grad_input(self, g):
        return np.stack([np.real(g), np.imag(g)], -1)


@kernel
def _joined(real: Any, imag: Any) -> Any:
    """Return complex numbers of their parts; a sum with ``1j * imag`` would turn infinite parts into NaN."""
    out = np.empty(np.broadcast_shapes(real.shape, imag.shape), COMPLEX_OF.get(real.dtype, complex64))
    out.real, out.imag = real, imag
    return out


class Complex(Function):
    """Complex numbers of real and imaginary parts, two float tensors of one dtype that broadcast.

    Raises RuntimeError for other dtypes. See https://docs.pytorch.org/docs/stable/generated/torch.complex.html

    >>> import tapeless as tl
    >>> tl.complex(tl.tensor([1.0]), tl.tensor([2.0]))
    tensor([1.+2.j])
    """

    names = "complex"
    methods = ""
    conjugates = False
    exact_out = True

    def forward(self, real: Any, imag: Any) -> Any:
        if real.dtype.kind != "f" or imag.dtype.kind != "f":
            raise RuntimeError(
                "Expected both inputs to be Half, Float or Double tensors but got "
                f"{scalar_name(real.dtype)} and {scalar_name(imag.dtype)}"
            )
        if real.dtype != imag.dtype:
            raise RuntimeError(
                f"Expected object of scalar type {scalar_name(real.dtype)} but got scalar type "
                f"{scalar_name(imag.dtype)} for second argument"
            )
        return _joined(real, imag)

    def grad_real(self, g):
        return np.real(g)

    def grad_imag(self, g):
        return np.imag(g)


@composite("polar", methods="")
def polar(abs: Any, angle: Any, *, out: Any = None) -> Any:
    """Return the complex numbers of absolute values and angles (radians).

    See https://docs.pytorch.org/docs/stable/generated/torch.polar.html

    >>> import tapeless as tl
    >>> tl.polar(tl.tensor([2.0]), tl.tensor([0.0]))
    tensor([2.+0.j])
    """
    for name, value in (("abs", abs), ("angle", angle)):
        if not isinstance(value, TensorBase):
            raise TypeError(f"polar(): argument '{name}' must be Tensor, not {type(value).__name__}")
    result = Complex.apply(abs * angle.cos(), abs * angle.sin())
    return result if out is None else store(result, out, "polar")


class Angle(Function):
    """Angle of complex numbers, in radians; of real ones 0, or pi where negative.

    See https://docs.pytorch.org/docs/stable/generated/torch.angle.html

    >>> import tapeless as tl
    >>> tl.angle(tl.tensor([1j, -1 + 0j]))
    tensor([1.5708, 3.1416])
    """

    names = "angle"
    numpy = np.angle
    conjugates = False

    def forward(self, input: Any) -> Any:
        if input.dtype.kind == "c":
            return np.angle(input)
        if input.dtype.kind != "f":
            input = input.astype(get_default_dtype())
        pi = input.dtype.type(math.pi)
        return np.where(np.isnan(input), input, np.where(input < 0, pi, input.dtype.type(0)))

    def grad_input(self, g, input):
        if input.dtype.kind != "c":
            return np.zeros_like(g)
        squared = np.real(input) * np.real(input) + np.imag(input) * np.imag(input)
        zero = squared == 0
        return np.where(zero, 0, input * (g / np.where(zero, 1, squared)) * 1j)


@composite("isreal", numpy=np.isreal)
def isreal(input: Any) -> Any:
    """Return where the imaginary part is zero; of real numbers, True everywhere.

    >>> import tapeless as tl
    >>> tl.isreal(tl.tensor([1 + 0j, 1j]))
    tensor([ True, False])
    """
    return wrap(np.isreal(input._array))
