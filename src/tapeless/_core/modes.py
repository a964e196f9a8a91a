"""Grad mode, inference mode and anomaly mode: thread-local switches and the context managers that set them."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class _State(threading.local):
    """The switches of one thread; the class attributes are what a new thread starts with."""

    grad_enabled: bool = True
    lends: bool = False  # whether a backward pass runs whose gradients may be computed in the optimizer's memory
    inference: bool = False
    anomaly: bool = False
    anomaly_check_nan: bool = True
    saved_hooks: tuple[tuple[Callable[[Any], Any], Callable[[Any], Any]], ...] = ()  # (pack, unpack), innermost last
    saved_hooks_refused: str | None = None  # why hooks may not be used now
    data_reads: list[tuple[Any, int]] | None = None  # in a user's `forward`: where `.data` was read
    passes: tuple[Any, ...] = ()  # the backward passes that run now, if someone wants to know (`passes_watched`)


state = _State()

# Reading a thread-local costs as much as allocating a tensor, so two rare modes are first looked for here. They
# only say that some thread may be in the mode; `state` decides.
anomaly_anywhere: int = 0

# Whether recording a node has more to do: note the user's line (anomaly mode), or call hooks on saved tensors.
watched_anywhere: int = 0

# Whether someone asks which backward pass is running: checkpoints, and hooks on several tensors.
passes_watched: int = 0

# Whether a complex tensor has ever required grad: until then the engine has nothing to conjugate.
complex_anywhere: bool = False
inference_anywhere: int = 0


def set_anomaly(enabled: bool, check_nan: bool) -> None:
    """Switch anomaly mode for this thread; once used, it is always looked for."""
    global anomaly_anywhere, watched_anywhere
    anomaly_anywhere |= enabled
    watched_anywhere |= enabled
    state.anomaly, state.anomaly_check_nan = enabled, check_nan


def push_saved_hooks(pack: Callable[[Any], Any], unpack: Callable[[Any], Any]) -> None:
    """Make a pair of hooks on saved tensors the active one of this thread."""
    global watched_anywhere
    if state.saved_hooks_refused is not None:
        raise RuntimeError(state.saved_hooks_refused)
    watched_anywhere = 1
    state.saved_hooks = (*state.saved_hooks, (pack, unpack))


def pop_saved_hooks() -> None:
    """Go back to the pair that was active before."""
    state.saved_hooks = state.saved_hooks[:-1]


def watch_passes() -> None:
    """From now on, note in `state.passes` which backward passes run."""
    global passes_watched
    passes_watched = 1


class _Mode:
    """Base of the switches: a context manager that is also a decorator, as in PyTorch."""

    def __enter__(self) -> None:
        raise NotImplementedError

    def __exit__(self, *exc: object) -> None:
        raise NotImplementedError

    def _fresh(self) -> _Mode:
        """A new switch with the same setting: a decorated function may call itself, or run in several threads."""
        return self.__class__()

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):
            return self._wrap_generator(function)  # type: ignore[return-value]

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]

    def _wrap_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Set the mode while the generator runs, not while its caller does."""

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            step: Callable[[], Any] = lambda: next(generator)
            while True:
                try:
                    with self._fresh():
                        item = step()
                except StopIteration as stop:
                    return stop.value
                try:
                    sent = yield item
                except GeneratorExit:
                    with self._fresh():
                        generator.close()
                    raise
                except BaseException as error:
                    step = functools.partial(generator.throw, error)
                else:
                    step = functools.partial(generator.send, sent)

        return wrapper


class _GradMode(_Mode):
    enabled: bool

    def __enter__(self) -> None:
        self._previous = state.grad_enabled
        state.grad_enabled = self.enabled

    def __exit__(self, *exc: object) -> None:
        state.grad_enabled = self._previous


class no_grad(_GradMode):
    """Run without recording a graph: results do not require grad.

    Works as a context manager and as a decorator; thread-local.
    See https://docs.pytorch.org/docs/stable/generated/torch.no_grad.html

    >>> import tapeless as tl
    >>> x = tl.ones(2, requires_grad=True)
    >>> with tl.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    enabled = False

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        """Allow ``@no_grad`` without parentheses."""
        return super().__new__(cls) if function is None else super().__new__(cls)(function)


class enable_grad(_GradMode):
    """Record a graph again inside `no_grad`; context manager and decorator.

    See https://docs.pytorch.org/docs/stable/generated/torch.enable_grad.html

    >>> import tapeless as tl
    >>> x = tl.ones(2, requires_grad=True)
    >>> with tl.no_grad(), tl.enable_grad():
    ...     (x * 2).requires_grad
    True
    """

    enabled = True

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        """Allow ``@enable_grad`` without parentheses."""
        return super().__new__(cls) if function is None else super().__new__(cls)(function)


class set_grad_enabled(_GradMode):
    """Switch grad mode on or off: at once when called as a function, for a block when used in ``with``.

    See https://docs.pytorch.org/docs/stable/generated/torch.set_grad_enabled.html

    >>> import tapeless as tl
    >>> with tl.set_grad_enabled(False):
    ...     tl.is_grad_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        self._previous = state.grad_enabled
        self.enabled = bool(mode)
        state.grad_enabled = self.enabled

    def __enter__(self) -> None:
        state.grad_enabled = self.enabled

    def _fresh(self) -> set_grad_enabled:
        return set_grad_enabled(self.enabled)

    def __call__(self, function: F) -> F:
        """Decorate `function`; the switch made by writing the decorator is taken back."""
        state.grad_enabled = self._previous
        return super().__call__(function)


class inference_mode(_Mode):
    """Run without a graph, and mark the results as inference tensors, which never enter one.

    See https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad_mode.inference_mode.html

    >>> import tapeless as tl
    >>> with tl.inference_mode():
    ...     y = tl.ones(2) * 2
    >>> y.is_inference()
    True
    """

    def __new__(cls, mode: bool | Callable[..., Any] = True) -> Any:
        """Allow ``@inference_mode`` without parentheses."""
        if isinstance(mode, bool):
            return super().__new__(cls)
        return cls(True)(mode)

    def __init__(self, mode: bool = True) -> None:
        self.mode = mode

    def _fresh(self) -> inference_mode:
        return inference_mode(self.mode)

    def __enter__(self) -> None:
        global inference_anywhere
        inference_anywhere |= self.mode
        self._previous = (state.grad_enabled, state.inference)
        state.inference = self.mode
        state.grad_enabled = not self.mode

    def __exit__(self, *exc: object) -> None:
        state.grad_enabled, state.inference = self._previous


def is_grad_enabled() -> bool:
    """Return whether operations of this thread are recorded.

    >>> is_grad_enabled()
    True
    """
    return state.grad_enabled


def is_inference_mode_enabled() -> bool:
    """Return whether this thread is inside `inference_mode`.

    >>> is_inference_mode_enabled()
    False
    """
    return state.inference
