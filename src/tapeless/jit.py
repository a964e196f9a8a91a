"""``torch.jit``: there is no TorchScript. Functions and modules stay as they are, with a warning that says so.

Source: https://docs.pytorch.org/docs/stable/jit.html
"""

from __future__ import annotations

import builtins
import warnings
from typing import Any, Final as Final

from .nn import Module

_AS_IT_IS = "Tapeless has no TorchScript: torch.jit.{name} returns what it gets as it is, with the same results."


def script(obj: Any, optimize: None = None, example_inputs: Any = None) -> Any:
    """Return the function, class or module as it is, and warn.

    >>> import warnings, tapeless as tl
    >>> with warnings.catch_warnings(record=True):
    ...     warnings.simplefilter("always")
    ...     f = script(lambda x: x + 1)
    >>> f(tl.ones(1))
    tensor([2.])
    """
    warnings.warn(_AS_IT_IS.format(name="script"), stacklevel=2)
    return obj


def trace(func: Any, example_inputs: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Return the function or module as it is, and warn. Unlike a trace, it still decides by its input.

    >>> import tapeless as tl
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     f = tl.jit.trace(lambda x: x * 2, tl.ones(1))
    >>> f(tl.ones(2))
    tensor([2., 2.])
    """
    warnings.warn(_AS_IT_IS.format(name="trace"), stacklevel=2)
    return func


def trace_module(mod: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the module as it is, and warn.

    >>> import tapeless as tl
    >>> import warnings
    >>> layer = tl.nn.Linear(2, 1)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     traced = tl.jit.trace_module(layer, {"forward": tl.ones(2)})
    >>> traced(tl.ones(2)).shape
    torch.Size([1])
    """
    warnings.warn(_AS_IT_IS.format(name="trace_module"), stacklevel=2)
    return mod


def script_method(fn: Any) -> Any:
    """Return the method as it is.

    >>> import tapeless as tl
    >>> tl.jit.script_method(len)([1, 2])
    2
    """
    return fn


script_if_tracing = export = interface = script_method


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """Return the function as it is, or a decorator that does.

    >>> import tapeless as tl
    >>> f = tl.jit.ignore(lambda x: x + 1)
    >>> f(1)
    2
    """
    return drop if callable(drop) else script_method


def unused(fn: Any) -> Any:
    """Return the function as it is.

    >>> import tapeless as tl
    >>> f = tl.jit.unused(lambda x: x + 1)
    >>> f(1)
    2
    """
    return fn


def optimize_for_inference(mod: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the module as it is.

    >>> import tapeless as tl
    >>> import warnings
    >>> layer = tl.nn.Linear(2, 1).eval()
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     layer = tl.jit.optimize_for_inference(tl.jit.script(layer))
    >>> layer(tl.ones(2)).shape
    torch.Size([1])
    """
    return mod


def is_scripting() -> bool:
    """Return False.

    >>> import tapeless as tl
    >>> tl.jit.is_scripting()
    False
    """
    return False


def is_tracing() -> bool:
    """Return False.

    >>> import tapeless as tl
    >>> tl.jit.is_tracing()
    False
    """
    return False


def annotate(the_type: Any, the_value: Any) -> Any:
    """Return the value; the type was for the compiler.

    >>> import tapeless as tl
    >>> tl.jit.annotate(int, 3)
    3
    """
    return the_value


def isinstance(obj: Any, target_type: Any) -> bool:
    """Return whether an object is of a type, as Python's `isinstance` does.

    >>> import tapeless as tl
    >>> tl.jit.isinstance(1, int)
    True
    """
    return builtins.isinstance(obj, target_type)


class ScriptModule(Module):
    """A module: there is no other kind.

    >>> import tapeless as tl
    >>> issubclass(tl.jit.ScriptModule, tl.nn.Module)
    True
    """
