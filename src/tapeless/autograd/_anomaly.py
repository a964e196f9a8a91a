"""Anomaly mode: errors of the backward pass name the user's line, and NaN gradients are errors."""

from __future__ import annotations

import linecache
import os
import sys
from typing import Any

from .._core.function import where_hook
from .._core.modes import _Mode, set_anomaly, state

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def users_line() -> str:
    """Return file, line and text of the innermost frame outside of this package."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    if frame is None:
        return "an unknown place"
    file, line = frame.f_code.co_filename, frame.f_lineno
    return f'File "{file}", line {line}, in {frame.f_code.co_name}: {linecache.getline(file, line).strip()}'


where_hook[0] = users_line


class set_detect_anomaly(_Mode):
    """Switch anomaly mode on or off: at once, or for a block when used in ``with``.

    See https://docs.pytorch.org/docs/stable/autograd.html#anomaly-detection

    >>> import tapeless as tl
    >>> with tl.autograd.set_detect_anomaly(True):
    ...     x = tl.ones(1, requires_grad=True)
    ...     (x * 2).sum().backward()
    >>> x.grad
    tensor([2.])
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._previous = state.anomaly, state.anomaly_check_nan
        self.mode, self.check_nan = bool(mode), check_nan
        set_anomaly(self.mode, check_nan)

    def _fresh(self) -> _Mode:
        return type(self)(self.mode, self.check_nan)

    def __enter__(self) -> None:
        set_anomaly(self.mode, self.check_nan)

    def __exit__(self, *exc: object) -> None:
        set_anomaly(*self._previous)


class detect_anomaly(_Mode):
    """Record the line of every operation in this block; in its backward passes, NaN gradients are errors.

    Slows every operation down: for looking for a mistake, not for training.

    >>> import tapeless as tl
    >>> x = tl.tensor(-1.0, requires_grad=True)
    >>> try:
    ...     with detect_anomaly():
    ...         x.sqrt().backward()
    ... except RuntimeError as error:
    ...     print(error)
    Function 'SqrtBackward0' returned nan values in its 0th output.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan

    def _fresh(self) -> _Mode:
        return type(self)(self.check_nan)

    def __enter__(self) -> None:
        self._previous = state.anomaly, state.anomaly_check_nan
        set_anomaly(True, self.check_nan)

    def __exit__(self, *exc: object) -> None:
        set_anomaly(*self._previous)


def is_anomaly_enabled() -> bool:
    """Return whether anomaly mode is on in this thread.

    >>> import tapeless as tl
    >>> tl.autograd.is_anomaly_enabled()
    False
    """
    return state.anomaly
