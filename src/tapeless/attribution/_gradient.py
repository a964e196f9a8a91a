"""Attributions made of the gradient by the input, as it is or averaged over noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._core.registry import FUNCTIONS
from .._random import Generator
from .._random_tensors import randn
from ._query import Query


def saliency(
    model: Callable[..., Any], inputs: Any, target: Any = None, *, absolute: bool = True, args: Any = ()
) -> Any:
    """Return how steeply the output changes with each element of the inputs: the gradient, by default without its sign.

    Args:
        model, inputs, target, args: what to explain, see `tapeless.attribution`.
        absolute: whether to return the gradient's absolute value.

    A Tensor of the shape (N, ...) of the inputs, or a tuple of them. Of an image's several channels the paper takes the
    largest: ``.amax(dim=1)``. Raises TypeError for inputs that are not of floating point numbers, ValueError or
    IndexError for a target that does not fit the output, RuntimeError where there is no gradient.

    Simonyan, Vedaldi and Zisserman: Deep Inside Convolutional Networks: Visualising Image Classification Models and
    Saliency Maps (2013), arXiv:1312.6034.

    >>> import tapeless as tl
    >>> model = tl.nn.Linear(3, 2)
    >>> _ = model.weight.data.copy_(tl.tensor([[1.0, -2.0, 3.0], [0.0, 0.0, 1.0]]))
    >>> saliency(model, tl.ones(2, 3), target=0)
    tensor([[1., 2., 3.],
            [1., 2., 3.]])
    >>> saliency(model, tl.ones(2, 3), target=tl.tensor([0, 1]), absolute=False)
    tensor([[ 1., -2.,  3.],
            [ 0.,  0.,  1.]])
    """
    query = Query(model, inputs, target, args)
    slopes = _at_inputs(query)
    return query.as_given([g.abs() for g in slopes] if absolute else slopes)


def input_x_gradient(model: Callable[..., Any], inputs: Any, target: Any = None, *, args: Any = ()) -> Any:
    """Return the inputs times the gradient: for a linear model, the terms that its output is the sum of.

    Arguments, shapes and errors as `saliency`.

    Shrikumar, Greenside, Shcherbina and Kundaje: Not Just a Black Box: Learning Important Features Through Propagating
    Activation Differences (2016), arXiv:1605.01713.

    >>> import tapeless as tl
    >>> input_x_gradient(lambda x: (x**2).sum(1), tl.tensor([[1.0, 3.0]]))
    tensor([[ 2., 18.]])
    """
    query = Query(model, inputs, target, args)
    return query.as_given([x * g for x, g in zip(query.inputs, _at_inputs(query))])


def smoothgrad(
    model: Callable[..., Any],
    inputs: Any,
    target: Any = None,
    *,
    n_samples: int = 50,
    noise_level: float = 0.15,
    absolute: bool = True,
    generator: Generator | None = None,
    args: Any = (),
    internal_batch_size: int | None = None,
) -> Any:
    """Return the mean gradient at noisy copies of the inputs: saliency without the gradient's own noise.

    Args:
        model, inputs, target, args, internal_batch_size: what to explain, see `tapeless.attribution`.
        n_samples: how many copies of each sample.
        noise_level: the noise's standard deviation, as a share of the range (largest minus least element) of each
            sample, for each input by itself. The paper finds 0.1 to 0.2 best.
        absolute: whether to return the mean's absolute value.
        generator: where the noise comes from; by default one of its own, so that each call gives the same.

    Shapes and errors as `saliency`. Raises ValueError for fewer than one sample or a negative noise level.

    Smilkov, Thorat, Kim, Viégas and Wattenberg: SmoothGrad: removing noise by adding noise (2017), arXiv:1706.03825.

    >>> import tapeless as tl
    >>> x = tl.tensor([[0.01, 5.0]])  # near the kink of abs, and far from it
    >>> smoothgrad(lambda x: x.abs().sum(1), x, n_samples=5000).round(decimals=1)
    tensor([[0., 1.]])
    """
    if n_samples < 1 or noise_level < 0:
        raise ValueError(
            f"expected n_samples >= 1 and noise_level >= 0, got n_samples={n_samples}, noise_level={noise_level}"
        )
    query = Query(model, inputs, target, args, internal_batch_size)
    query.require_floats()
    generator = Generator() if generator is None else generator
    spreads = [noise_level * _range(x) for x in query.inputs]
    totals: Any = [0.0] * len(query.inputs)
    for group in query.groups(n_samples):
        # One draw for each copy of the batch, so that the noise does not depend on what shares a pass.
        draws = [[randn(x.shape, generator=generator, dtype=x.dtype) for x in query.inputs] for _ in group]
        noises = [FUNCTIONS["stack"](of_input) for of_input in zip(*draws)]
        slopes = query.gradients(*[x + spread * noise for x, spread, noise in zip(query.inputs, spreads, noises)])
        totals = [total + g.sum(0) for total, g in zip(totals, slopes)]
    means = [total / n_samples for total in totals]
    return query.as_given([mean.abs() for mean in means] if absolute else means)


def _at_inputs(query: Query) -> list[Any]:
    query.require_floats()
    return [g.squeeze(0) for g in query.gradients(*[x.unsqueeze(0) for x in query.inputs])]


def _range(x: Any) -> Any:
    """Return the largest minus the least element of each sample, of shape (N, 1, ...)."""
    flat = x.reshape(len(x), -1)
    return (flat.amax(1) - flat.amin(1)).reshape(-1, *[1] * (x.ndim - 1))
