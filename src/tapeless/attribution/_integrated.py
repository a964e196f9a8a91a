"""Integrated gradients: attributions that add up to the change of the output since a baseline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._creation import as_tensor
from ._query import Query, checked_baselines

METHODS = ("gausslegendre", "riemann_trapezoid", "riemann_middle", "riemann_left", "riemann_right")


def integrated_gradients(
    model: Callable[..., Any],
    inputs: Any,
    target: Any = None,
    baselines: Any = None,
    *,
    n_steps: int = 50,
    method: str = "gausslegendre",
    return_convergence_delta: bool = False,
    args: Any = (),
    internal_batch_size: int | None = None,
) -> Any:
    """Return the inputs' distance from a baseline times the mean gradient on the straight line between them.

    Args:
        model, inputs, target, args, internal_batch_size: what to explain, see `tapeless.attribution`.
        baselines: the inputs that stand for "nothing", 0 by default: a number, a Tensor that broadcasts to the
            input's shape, or a tuple of these for a tuple of inputs.
        n_steps: at how many points of the line the gradient is taken.
        method: the rule by which the integral is computed. "gausslegendre" is exact for polynomials of degree
            2 n_steps - 1. Among the others, which have points at equal distances, "riemann_trapezoid" includes both
            ends, "riemann_left" and "riemann_right" one of them, "riemann_middle" none.
        return_convergence_delta: whether to return also by how much the attributions of each sample miss completeness.

    A Tensor of the shape (N, ...) of the inputs, or a tuple of them; with `return_convergence_delta` a tuple of that
    and a Tensor (N,). Completeness says that a sample's attributions sum up to the output minus that at the baseline;
    the delta is their sum minus that difference. It is an error of the integral only, so more steps make it smaller.
    Raises as `saliency`, and ValueError for a method or number of steps that does not exist, or baselines that do not
    fit.

    Sundararajan, Taly and Yan: Axiomatic Attribution for Deep Networks (2017), arXiv:1703.01365.

    >>> import tapeless as tl
    >>> model = lambda x: tl.relu(1 - tl.relu(1 - x)).sum(1)  # rises to 1, and is flat from there
    >>> x = tl.tensor([[2.0, 0.5]])
    >>> saliency, (ig, delta) = (
    ...     tl.attribution.saliency(model, x),
    ...     integrated_gradients(model, x, return_convergence_delta=True),
    ... )
    >>> saliency, ig
    (tensor([[0., 1.]]), tensor([[1.0000, 0.5000]]))
    >>> delta.abs().item() < 1e-5
    True
    """
    places, weights = _rule(method, n_steps)
    query = Query(model, inputs, target, args, internal_batch_size)
    query.require_floats()
    starts = checked_baselines(baselines, query)
    ways = [x - start for x, start in zip(query.inputs, starts)]
    means: Any = [0.0] * len(ways)
    for group in query.groups(n_steps):
        points = [start + _of_points(places[group], way) * way for start, way in zip(starts, ways)]
        slopes = query.gradients(*points)
        means = [mean + (_of_points(weights[group], way) * g).sum(0) for mean, way, g in zip(means, ways, slopes)]
    results = [way * mean for way, mean in zip(ways, means)]
    if not return_convergence_delta:
        return query.as_given(results)
    ends = [query.outputs(*[tensor.unsqueeze(0) for tensor in at])[0] for at in (query.inputs, starts)]
    return query.as_given(results), sum([result.reshape(query.samples, -1).sum(1) for result in results]) - (
        ends[0] - ends[1]
    )


def _rule(method: str, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points in 0..1 and their weights, which sum up to 1."""
    if method not in METHODS:
        raise ValueError(f"expected method to be one of {', '.join(METHODS)}, got {method!r}")
    least = 2 if method == "riemann_trapezoid" else 1
    if n_steps < least:
        raise ValueError(f"expected n_steps >= {least} with method {method!r}, got {n_steps}")
    if method == "gausslegendre":
        places, weights = np.polynomial.legendre.leggauss(n_steps)  # for -1..1
        return (places + 1) / 2, weights / 2
    if method == "riemann_trapezoid":
        weights = np.full(n_steps, 1 / (n_steps - 1))
        weights[[0, -1]] /= 2
        return np.linspace(0, 1, n_steps), weights
    first = {"riemann_left": 0.0, "riemann_middle": 0.5, "riemann_right": 1.0}[method]
    return (np.arange(n_steps) + first) / n_steps, np.full(n_steps, 1 / n_steps)


def _of_points(values: np.ndarray, like: Any) -> Any:
    """Return a number for each point as a Tensor that multiplies (points, N, ...)."""
    return as_tensor(values, dtype=like.dtype).reshape(-1, *[1] * like.ndim)
