"""All parameters of a model as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from tapeless._core.registry import FUNCTIONS
from tapeless._tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Return the parameters one after the other as a 1-d tensor, with its gradient.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parameters_to_vector.html

    >>> import tapeless as tl
    >>> tl.nn.utils.parameters_to_vector(tl.nn.Linear(3, 2).parameters()).shape
    torch.Size([8])
    """
    return FUNCTIONS["cat"]([parameter.reshape(-1) for parameter in parameters])  # type: ignore[no-any-return]


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Set each ``parameter.data`` to its slice of ``vec``, whose memory it shares from then on.

    Raises ``TypeError`` unless ``vec`` is a tensor, ``ValueError`` where it is too short or too long.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.vector_to_parameters.html

    >>> import tapeless as tl
    >>> layer = tl.nn.Linear(2, 1)
    >>> tl.nn.utils.vector_to_parameters(tl.tensor([1.0, 2.0, 3.0]), layer.parameters())
    >>> layer.weight.tolist(), layer.bias.tolist()
    ([[1.0, 2.0]], [3.0])
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    parameters = list(parameters)
    needed = sum(parameter.numel() for parameter in parameters)
    if vec.numel() != needed:
        raise ValueError(f"the parameters have {needed} elements together, but the vector has {vec.numel()}")
    values, start = vec.detach(), 0
    for parameter in parameters:
        stop = start + parameter.numel()
        parameter.data = values[start:stop].reshape(parameter.shape)
        start = stop
