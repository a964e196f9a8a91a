"""What both kinds of checkpoint share: the random state, the error, and switches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from .._random import get_rng_state, set_rng_state


class CheckpointError(RuntimeError):
    """Raised when the recomputation of a checkpoint does not do what the forward pass did.

    >>> import tapeless as tl
    >>> issubclass(tl.utils.checkpoint.CheckpointError, RuntimeError)
    True
    """


class _Switches:
    """Process-wide settings; ``None`` leaves the choice to the arguments of each call."""

    early_stop: bool | None = None
    debug: bool | None = None


switches = _Switches()

Contexts = Callable[[], tuple[AbstractContextManager[Any], AbstractContextManager[Any]]]


def noop_context_fn() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
    """Return two contexts that do nothing, for the forward pass and for the recomputation.

    >>> import tapeless as tl
    >>> first, second = tl.utils.checkpoint.noop_context_fn()
    >>> with first, second:
    ...     print("as it would have been")
    as it would have been
    """
    return nullcontext(), nullcontext()


@contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Say, for recomputations started in this block, whether they stop once all that is needed is there.

    Stopping is the default. Whatever checkpoints inside say themselves does not count.
    See https://docs.pytorch.org/docs/stable/checkpoint.html#torch.utils.checkpoint.set_checkpoint_early_stop

    >>> import tapeless as tl
    >>> x = tl.ones(2, requires_grad=True)
    >>> with tl.utils.checkpoint.set_checkpoint_early_stop(False):
    ...     y = tl.utils.checkpoint.checkpoint(tl.exp, x, use_reentrant=False)
    >>> y.sum().backward()
    >>> x.grad
    tensor([2.7183, 2.7183])
    """
    previous, switches.early_stop = switches.early_stop, enable
    try:
        yield
    finally:
        switches.early_stop = previous


@contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """Say, for checkpoints made in this block, whether errors list what was kept where; None: as each call says.

    See https://docs.pytorch.org/docs/stable/checkpoint.html#torch.utils.checkpoint.set_checkpoint_debug_enabled

    >>> import tapeless as tl
    >>> x = tl.ones(2, requires_grad=True)
    >>> with tl.utils.checkpoint.set_checkpoint_debug_enabled(False):
    ...     y = tl.utils.checkpoint.checkpoint(tl.exp, x, use_reentrant=False)
    >>> y
    tensor([2.7183, 2.7183], grad_fn=<ExpBackward0>)
    """
    previous, switches.debug = switches.debug, enabled
    try:
        yield
    finally:
        switches.debug = previous


@contextmanager
def random_state(state: Any) -> Iterator[None]:
    """Draw from the random stream as from this point, and leave it where it was; ``None`` changes nothing."""
    if state is None:
        yield
        return
    before = get_rng_state()
    set_rng_state(state)
    try:
        yield
    finally:
        set_rng_state(before)
