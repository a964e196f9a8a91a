"""Covariance, differences, integrals by the trapezoid rule, and histograms."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from .._core.registry import composite, store
from .._core.tensor_base import is_tensor, unwrap, wrap
from ._common import normal_dim
from .searching import range_of


@composite("cov")
def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """Return the covariance matrix of variables (rows) over observations (columns).

    `fweights` counts observations, `aweights` weighs them. Raises RuntimeError.
    See https://docs.pytorch.org/docs/stable/generated/torch.cov.html

    >>> import tapeless as tl
    >>> tl.cov(tl.tensor([[0.0, 2.0], [0.0, 4.0]]))
    tensor([[2., 4.],
            [4., 8.]])
    """
    if input.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )
    if input.dtype == bool:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = input.reshape(1, -1) if input.ndim < 2 else input
    weight = _weights(x, fweights, aweights)
    x = x if x.dtype.kind in "fc" else x.float()
    count = x.shape[1]
    if weight is None:
        mean = x.sum(1) / count
        divisor: Any = max(count - correction, 0)
    else:
        total = weight.sum()
        mean = (x * weight).sum(1) / total
        spent = total if aweights is None else None
        if correction == 0:
            divisor = total
        elif spent is not None:
            divisor = total - correction
        else:
            divisor = total - correction * ((weight * aweights).sum() / total)
        divisor = divisor.clamp_min(0) if is_tensor(divisor) else max(divisor, 0)
    centred = x - mean.unsqueeze(1)
    other = centred if weight is None else centred * weight
    return ((centred @ other.mT.conj()) / divisor).squeeze()


def _weights(x: Any, fweights: Any, aweights: Any) -> Any:
    for name, w, kinds in (("fweights", fweights, "iu"), ("aweights", aweights, "f")):
        if w is None:
            continue
        if w.ndim > 1:
            raise RuntimeError(
                f"cov(): expected {name} to have one or fewer dimensions but got {name} with {w.ndim} dimensions"
            )
        if w.dtype.kind not in kinds:
            kind = "integral" if kinds == "iu" else "floating point"
            raise RuntimeError(f"cov(): expected {name} to have {kind} dtype but got {name} with {w.dtype} dtype")
        if w.numel() != x.shape[1]:
            raise RuntimeError(
                f"cov(): expected {name} to have the same numel as there are observations in the input but got "
                f"{w.numel()} != {x.shape[1]}"
            )
        if w.numel() and bool((w < 0).any()):
            raise RuntimeError(f"cov(): {name} cannot be negative")
    if fweights is None:
        return aweights
    return fweights if aweights is None else fweights * aweights


@composite("corrcoef")
def corrcoef(input: Any) -> Any:
    """Return the correlation matrix of variables (rows) over observations (columns).

    >>> import tapeless as tl
    >>> tl.corrcoef(tl.tensor([[0.0, 2.0], [0.0, 4.0]]))
    tensor([[1., 1.],
            [1., 1.]])
    """
    if input.ndim > 2:
        raise RuntimeError(
            f"corrcoef(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )
    c = cov(input)
    if c.ndim == 0:
        return c / c
    deviation = c.diagonal().sqrt()
    out = c / deviation.unsqueeze(1) / deviation.unsqueeze(0)
    return _limited(out) if out.is_complex() else out.clamp(-1, 1)


def _limited(out: Any) -> Any:
    """Limit both parts of complex correlations to [-1, 1]."""
    return out.real.clamp(-1, 1) + out.imag.clamp(-1, 1) * 1j


@composite("diff", numpy=np.diff)
def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None, *, out: Any = None) -> Any:
    """Return the differences of neighbours along `dim`, taken `n` times.

    >>> import tapeless as tl
    >>> tl.diff(tl.tensor([1, 3, 6]))
    tensor([2, 3])
    """
    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    dim = normal_dim(dim, input.ndim)
    if n == 0:
        return input.clone()
    parts = [x for x in (prepend, input, append) if x is not None]
    for part in parts:
        if part.ndim != input.ndim:
            raise RuntimeError("diff expects prepend or append to be the same dimension as input")
        for d in range(input.ndim):
            if d != dim and part.shape[d] != input.shape[d]:
                raise RuntimeError(
                    "diff expects the shape of tensor to prepend or append to match that of input except along the "
                    "differencing dimension"
                )
    x: Any = np.concatenate(parts, dim) if len(parts) > 1 else input
    for _ in range(min(n, x.shape[dim])):
        after, before = x.narrow(dim, 1, x.shape[dim] - 1), x.narrow(dim, 0, x.shape[dim] - 1)
        x = after ^ before if x.dtype == bool else after - before
    return x if out is None else store(x, out, "diff")


def _widths(y: Any, x: Any, dim: int, name: str) -> Any:
    """Return the distances between sample points, shaped to meet the intervals of `y`."""
    if x.ndim == 0:
        raise RuntimeError(f"{name}: The `x` tensor must have at least one dimension")
    if x.ndim == 1:
        if x.shape[0] != y.shape[dim]:
            raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
        return (x[1:] - x[:-1]).reshape([-1 if d == dim else 1 for d in range(y.ndim)])
    if x.ndim < y.ndim:
        x = x.reshape((1,) * (y.ndim - x.ndim) + tuple(x.shape))
    d = dim - y.ndim
    if x.shape[d] != y.shape[dim] and x.shape[d] != 1:
        raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
    return x.narrow(d, 1, x.shape[d] - 1) - x.narrow(d, 0, x.shape[d] - 1)


def _areas(y: Any, x: Any, dx: Any, dim: int, name: str) -> Any:
    if y.dtype == bool:
        raise RuntimeError(f"{name}: received a bool input for `y`, but bool is not supported")
    dim = normal_dim(dim, y.ndim)
    if y.shape[dim] == 0:
        return y.narrow(dim, 0, 0)
    sums = y.narrow(dim, 0, y.shape[dim] - 1) + y.narrow(dim, 1, y.shape[dim] - 1)
    if x is None:
        return sums * dx / 2
    return sums * _widths(y, x, dim, name) / 2


@composite("trapezoid trapz", methods="", numpy=getattr(np, "trapezoid", None))
def trapezoid(y: Any, x: Any = None, *, dx: Any = 1, dim: int = -1) -> Any:
    """Return the integral along `dim` by the trapezoid rule, over points `x` or steps `dx`.

    >>> import tapeless as tl
    >>> tl.trapezoid(tl.tensor([1.0, 3.0]))
    tensor(2.)
    """
    return _areas(y, x, dx, dim, "trapezoid").sum(dim)


@composite("cumulative_trapezoid", methods="")
def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = 1, dim: int = -1) -> Any:
    """Return the running integral along `dim` by the trapezoid rule.

    >>> import tapeless as tl
    >>> tl.cumulative_trapezoid(tl.tensor([1.0, 3.0, 5.0]))
    tensor([2., 6.])
    """
    return _areas(y, x, dx, dim, "cumulative_trapezoid").cumsum(dim)


@composite("gradient", methods="")
def gradient(input: Any, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> Any:
    """Return estimates of the derivative along each of `dim` (all by default) by central differences.

    `spacing`: a step for all dims, one for each, or the coordinates of the points. Raises RuntimeError.
    See https://docs.pytorch.org/docs/stable/generated/torch.gradient.html

    >>> import tapeless as tl
    >>> tl.gradient(tl.tensor([1.0, 4.0, 9.0]))
    (tensor([3., 4., 5.]),)
    """
    dims = list(range(input.ndim)) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    dims = [normal_dim(d, input.ndim) for d in dims]
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"dim {dims[0]} appears multiple times in the list of dims")
    spacing = 1 if spacing is None else spacing
    steps = list(spacing) if isinstance(spacing, (tuple, list)) else [spacing] * len(dims)
    if len(steps) != len(dims):
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar or a list of length equal to 'self.dim()' "
            f"({len(dims)}), but got a list of length {len(steps)}"
        )
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    for d in dims:
        if input.shape[d] < edge_order + 1:
            raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    return tuple(_slope(input, d, step, edge_order) for d, step in zip(dims, steps, strict=True))


def _slope(f: Any, d: int, step: Any, edge_order: int) -> Any:
    n = f.shape[d]

    def at(start: int, length: int = 1) -> Any:
        return f.narrow(d, start, length)

    if is_tensor(step) and step.ndim == 1:
        shape = [-1 if k == d else 1 for k in range(f.ndim)]
        h = step[1:] - step[:-1]
        a, b = h[:-1].reshape(shape), h[1:].reshape(shape)
        inner = (
            (a * a * at(2, n - 2) - b * b * at(0, n - 2) + (b * b - a * a) * at(1, n - 2)) / (a * b * (a + b))
            if n > 2
            else None
        )
        first, last = h[0], h[-1]
        second, before = (h[1], h[-2]) if n > 2 else (h[0], h[0])
    else:
        inner = (at(2, n - 2) - at(0, n - 2)) / (2 * step) if n > 2 else None
        first = second = last = before = step
    if edge_order == 1:
        start, end = (at(1) - at(0)) / first, (at(n - 1) - at(n - 2)) / last
    else:
        start = _edge(at(0), at(1), at(2), first, second)
        end = -_edge(at(n - 1), at(n - 2), at(n - 3), last, before)
    parts = [start, inner, end] if inner is not None else [start, end]
    return np.concatenate(parts, d)


def _edge(f0: Any, f1: Any, f2: Any, a: Any, b: Any) -> Any:
    """Return the derivative at the first of three points by the parabola through them."""
    return -(2 * a + b) / (a * (a + b)) * f0 + (a + b) / (a * b) * f1 - a / (b * (a + b)) * f2


# -- Histograms ------------------------------------------------------------------------------------------

Histogram = namedtuple("Histogram", "hist bin_edges")


@composite("histogram")
def histogram(
    input: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False, out: Any = None
) -> Any:
    """Return (counts, edges) of a histogram with a number of equal bins, or the given edges.

    >>> import tapeless as tl
    >>> tl.histogram(tl.tensor([1.0, 2.0, 1.0]), 2, range=(0.0, 3.0)).hist
    tensor([2., 1.])
    """
    result = histogramdd(
        input.reshape(-1, 1),
        [bins],
        range=range,
        weight=None if weight is None else weight.reshape(-1),
        density=density,
    )
    pair = Histogram(result.hist, result.bin_edges[0])
    return pair if out is None else Histogram(*store(tuple(pair), tuple(out), "histogram"))


HistogramDd = namedtuple("HistogramDd", "hist bin_edges")


@composite("histogramdd", methods="")
def histogramdd(input: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False) -> Any:
    """Return (counts, list of edges) of a histogram over the last dim's coordinates.

    >>> import tapeless as tl
    >>> tl.histogramdd(tl.tensor([[0.0, 1.0]]), bins=[1, 1]).hist
    tensor([[1.]])
    """
    points = unwrap(input)
    if points.dtype.kind != "f":
        raise RuntimeError(f"\"histogram_cpu\" not implemented for '{points.dtype}'")
    rows = points.reshape(-1, points.shape[-1])
    count = rows.shape[1]
    bins = [bins] * count if isinstance(bins, int) else list(bins)
    if len(bins) != count:
        raise RuntimeError(
            f"histogramdd(): The size of bins must be equal to the innermost dimension of the input, {count}, but got "
            f"{len(bins)}"
        )
    edges = []
    for i, b in enumerate(bins):
        if is_tensor(b):
            edges.append(unwrap(b))
            continue
        if b <= 0:
            raise RuntimeError(f"histogramdd(): bins {b} at index {i} must be greater than 0")
        low, high = (range[2 * i], range[2 * i + 1]) if range is not None else (0.0, 0.0)
        low, high = _limits(rows[:, i], float(low), float(high))
        edges.append(np.linspace(low, high, b + 1).astype(points.dtype))
    counts = _count(rows, edges, None if weight is None else unwrap(weight).reshape(-1))
    if density:
        volume: Any = 1
        for i, e in enumerate(edges):
            volume = volume * np.diff(e).reshape([-1 if j == i else 1 for j in np.arange(count)])
        counts = counts / (counts.sum() * volume)
    return HistogramDd(wrap(counts.astype(points.dtype)), [wrap(e) for e in edges])


def _limits(x: Any, low: float, high: float) -> tuple[float, float]:
    """Return the limits, those of the data where both are equal; a single point gets a bin of width 1."""
    if low == high and x.size:
        low, high = float(x.min()), float(x.max())
        return (low - 0.5, high + 0.5) if low == high else (low, high)
    return range_of(x, low, high if low != high else low + 1, "torch.histogramdd")


def _count(rows: Any, edges: list[Any], weight: Any) -> Any:
    """Count the points in each cell; the last edge belongs to the last bin."""
    shape = [len(e) - 1 for e in edges]
    flat, inside = np.zeros(len(rows), np.int64), np.ones(len(rows), bool)
    for i, (e, n) in enumerate(zip(edges, shape, strict=True)):
        x = rows[:, i]
        place = np.searchsorted(e, x, side="right") - 1
        place = np.where(x == e[-1], n - 1, place)
        inside &= (place >= 0) & (place < n)
        flat = flat * n + np.clip(place, 0, n - 1)
    used = None if weight is None else weight[inside]
    total = int(np.prod(shape))
    return np.bincount(flat[inside], used, total).reshape(shape)
