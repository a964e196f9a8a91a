"""`functional_call` under its older path; PyTorch's newer one is ``torch.func``."""

from __future__ import annotations

import warnings
from typing import Any

from . import _functional_call

__all__ = ["functional_call"]


def functional_call(
    module: Any,
    parameters_and_buffers: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Return ``module(*args, **kwargs)`` with the tensors of a dict in place of the module's own.

    As ``torch.func.functional_call``, with the warning that PyTorch gives here: names are dotted paths, others than
    those in the dict keep the module's own tensors, and the module is the same afterwards.
    Raises ``RuntimeError`` with ``strict`` where names differ, ``TypeError`` for a value that is no tensor.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.stateless.functional_call.html

    >>> import tapeless as tl, warnings
    >>> layer = tl.nn.Linear(2, 1)
    >>> with warnings.catch_warnings(action="ignore"):
    ...     functional_call(layer, {"weight": tl.ones(1, 2), "bias": tl.zeros(1)}, tl.ones(1, 2))
    tensor([[2.]])
    """
    warnings.warn(
        "`torch.nn.utils.stateless.functional_call` is deprecated as of PyTorch 2.0 and will be removed in a future "
        "version of PyTorch. Please use `torch.func.functional_call` instead which is a drop-in replacement.",
        FutureWarning,
        stacklevel=2,
    )
    return _functional_call.functional_call(
        module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict
    )
