"""Hooks on what the graph keeps for the backward pass: to store it elsewhere, or to compute it again."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .._core.modes import pop_saved_hooks, push_saved_hooks, state

_MUTATION_OUTSIDE = (
    "Trying to backward outside of the 'allow_mutation_on_saved_tensors' context in which the graph was originally "
    "recorded. Move the call of backward() into the same `with` block."
)
_contexts = itertools.count()
_open_mutation: list[int] = []


class saved_tensors_hooks:
    """Have every tensor that the graph keeps go through ``pack_hook``, and back through ``unpack_hook``.

    In this block, operations that are recorded call ``pack_hook(tensor)`` for each tensor that their gradient needs,
    and keep what it returns, whatever that is. When the gradient is computed, ``unpack_hook`` gets it and returns a
    tensor of the same values. Of nested blocks the innermost counts.

    Which tensors an operation keeps, and in which order, is not always PyTorch's choice: count on the results only.
    A tensor that was packed may be written to in place afterwards without an error, as in PyTorch.

    Raises ``TypeError`` when a hook cannot be called, or ``unpack_hook`` returns no tensor, ``RuntimeError`` when
    ``pack_hook`` writes to its argument, or where `disable_saved_tensors_hooks` forbids hooks.
    See https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.graph.saved_tensors_hooks

    >>> import tapeless as tl
    >>> x = tl.tensor([1.0, 2.0], requires_grad=True)
    >>> with saved_tensors_hooks(lambda t: t.half(), lambda t: t.float()):  # half the memory
    ...     y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    tensor([2., 4.])
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        for name in ("pack_hook", "unpack_hook"):
            if not callable(getattr(self, name)):
                raise TypeError(f"{name} must be callable, got {type(getattr(self, name)).__name__}")
        push_saved_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *exc: object) -> None:
        pop_saved_hooks()


class save_on_cpu(saved_tensors_hooks):
    """Accepted for PyTorch's sake: what the graph keeps is in the CPU's memory already.

    As in PyTorch on the CPU, what is kept is a copy, so that tensors may be written to after they were used.
    See https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.graph.save_on_cpu

    >>> import tapeless as tl
    >>> x = tl.ones(2, requires_grad=True)
    >>> with save_on_cpu():
    ...     y = x.exp()
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda tensor: tensor.detach(), lambda tensor: tensor)


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Make hooks on saved tensors an error in this block: ``RuntimeError(error_message)``, also if one is active now.

    See https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.graph.disable_saved_tensors_hooks

    >>> with disable_saved_tensors_hooks("no hooks here"), saved_tensors_hooks(print, print):
    ...     pass
    Traceback (most recent call last):
        ...
    RuntimeError: no hooks here
    """
    if state.saved_hooks:
        raise RuntimeError(error_message)
    previous, state.saved_hooks_refused = state.saved_hooks_refused, error_message
    try:
        yield
    finally:
        state.saved_hooks_refused = previous


@contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[None]:
    """Let tensors that the backward pass needs be written to in place: it uses the values that they had.

    PyTorch copies a tensor when it is written to; here each one is copied when it is kept, which takes more memory
    and gives the same gradients. Raises ``RuntimeError`` when nested, ``AssertionError`` when the backward pass of
    what was recorded runs outside of the block.
    See https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.graph.allow_mutation_on_saved_tensors

    >>> import tapeless as tl
    >>> x = tl.tensor([3.0], requires_grad=True)
    >>> with allow_mutation_on_saved_tensors():
    ...     a = x.clone()
    ...     y = a * a
    ...     _ = a.zero_()
    ...     y.backward()
    >>> x.grad
    tensor([6.])
    """
    if _open_mutation:
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    context = next(_contexts)

    def unpack(tensor: Any) -> Any:
        if context not in _open_mutation:
            raise AssertionError(_MUTATION_OUTSIDE)
        return tensor

    _open_mutation.append(context)
    try:
        with saved_tensors_hooks(lambda tensor: tensor.detach().clone(), unpack):
            yield
    finally:
        _open_mutation.remove(context)
