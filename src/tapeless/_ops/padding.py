"""Padding: with a constant, or with what the tensor holds (mirrored, repeated, or from the other end)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import NUMPY, composite
from .._core.tensor_base import wrap
from .._dtypes import int64


class ConstantPad(Function):
    """The last dims made longer with a constant, or shorter where a count is negative; public through `pad`."""

    def forward(self, input: Any, pads: Any, value: Any) -> Any:
        self.pads, self.shape_in = pads, input.shape
        shape, source, target = _places(input.shape, pads)
        out = np.full_like(input, value, shape=shape)
        out[target] = input[source]
        return out

    def grad_input(self, g):
        back = tuple((-a, -b) for a, b in self.pads)
        return Padded.run_on(g, back, self.shape_in)


def _places(sizes: Any, pads: Any) -> tuple[Any, Any, Any]:
    """Return the padded shape, and where the kept elements come from and go to."""
    shape, source, target = [], [], []
    for n, (before, after) in zip(sizes, pads, strict=True):
        shape.append(n + before + after)
        source.append(slice(max(-before, 0), n - max(-after, 0)))
        target.append(slice(max(before, 0), n + before + after - max(after, 0)))
    return tuple(shape), tuple(source), tuple(target)


class Padded:
    """Zero padding of whatever flows through a rule."""

    @staticmethod
    def run_on(g: Any, pads: Any, shape: Any) -> Any:
        """Return `g` cut and filled up with zeros to `shape`."""
        cut = g[tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(g.shape, pads, strict=True))]
        widths = [(max(a, 0), max(b, 0)) for a, b in pads]
        return np.pad(cut, widths) if any(a or b for a, b in widths) else cut


def _numpy_pad(array: Any, pad_width: Any) -> Any:
    return ConstantPad.apply(array, tuple(tuple(pair) for pair in pad_width), 0)


NUMPY[np.pad] = _numpy_pad


def _pairs(pad: Any, ndim: int) -> tuple[tuple[int, int], ...]:
    """Return (before, after) for each dim, from PyTorch's list, which begins with the last dim."""
    given = [(int(pad[i]), int(pad[i + 1])) for i in range(0, len(pad), 2)]
    return ((0, 0),) * (ndim - len(given)) + tuple(reversed(given))


@composite("constant_pad_nd", methods="")
def constant_pad_nd(input: Any, pad: Any, value: Any = 0) -> Any:
    """Return `input` with `value` around its last dims: ``pad`` is (before, after) of the last, then the one before ...

    Negative counts cut off. Raises RuntimeError where too much is cut, or `pad` does not fit.

    >>> import tapeless as tl
    >>> tl.constant_pad_nd(tl.ones(2), (1, 1))
    tensor([0., 1., 1., 0.])
    """
    if len(pad) % 2:
        raise RuntimeError(f"Length of pad must be even but instead it equals {len(pad)}")
    if len(pad) > 2 * input.ndim:
        raise RuntimeError(
            "Length of pad should be no more than twice the number of dimensions of the input. Pad length is "
            f"{len(pad)} while the input has {input.ndim} dimensions."
        )
    pads = _pairs(pad, input.ndim)
    for n, (before, after) in zip(input.shape, pads, strict=True):
        if n + before + after < 0 or n + min(before, 0) + min(after, 0) < 0:
            raise RuntimeError(
                f"The input size {n}, plus negative padding {before} and {after}, resulted in a negative output size, "
                "which is invalid. Check dimension"
            )
    return ConstantPad.apply(input, pads, value)


def _sources(n: int, before: int, after: int, mode: str) -> Any:
    """Return which position each padded position shows."""
    places = np.arange(-before, n + after)
    if mode == "replicate":
        return np.clip(places, 0, n - 1)
    if mode == "circular":  # what is cut off does not come round
        kept = n + min(before, 0) + min(after, 0)
        return (np.arange(-max(before, 0), kept + max(after, 0)) % kept) + max(-before, 0)
    period = 2 * (n - 1) if n > 1 else 1  # reflect: the edge itself is not repeated
    places = np.abs(places) % period
    return np.where(places >= n, period - places, places)


def _check_mode(input: Any, pads: Any, mode: str) -> None:
    for d, (before, after) in enumerate(pads):
        n = input.shape[d]
        if mode == "reflect" and (before >= n or after >= n) and (before > 0 or after > 0):
            raise RuntimeError(
                f"Padding size should be less than the corresponding input dimension, but got: padding ({before}, "
                f"{after}) at dimension {d} of input {list(input.shape)}"
            )
        if mode == "circular" and (before > n or after > n):
            raise RuntimeError("Padding value causes wrapping around more than once.")
        if mode == "circular" and n + before + after < 0:
            raise RuntimeError("Negative padding value is resulting in an empty dimension")
        if n + before + after < 1 and (before or after):
            raise RuntimeError(
                f"input (size {n}) plus padding ({before}, {after}) is too small at dimension {d}: nothing is left"
            )


@composite("nn.functional.pad", methods="")
def pad(input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    """Return `input` padded: `pad` gives (before, after) of the last dim, then of the one before, and so on.

    `mode` is "constant" (`value`, 0 by default), "reflect", "replicate" or "circular"; these pad one to three dims
    behind batch and channel. Raises RuntimeError, NotImplementedError for what does not fit.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pad.html

    >>> import tapeless as tl
    >>> tl.nn.functional.pad(tl.arange(3.0).reshape(1, 3), (2, 0), mode="reflect")
    tensor([[2., 1., 0., 1., 2.]])
    """
    if len(pad) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(pad) // 2 > input.ndim:
        raise RuntimeError(
            f"Padding length should be less than or equal to two times the input dimension but got padding length "
            f"{len(pad)} and input of dimension {input.ndim}"
        )
    if mode == "constant":
        return constant_pad_nd(input, pad, 0 if value is None else value)
    if value not in (None, 0):
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    count = len(pad) // 2
    if input.ndim not in (count + 1, count + 2) or count > 3:
        raise NotImplementedError(
            "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now\n"
            f"Got {input.ndim} dims and padding of length {len(pad)}."
        )
    pads = _pairs(pad, input.ndim)
    _check_mode(input, pads, mode)
    for d, (before, after) in enumerate(pads):
        if before or after:
            places = _sources(input.shape[d], before, after, mode)
            input = input.index_select(d, wrap(places.astype(int64)))
    return input
