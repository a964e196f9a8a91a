"""``tapeless run``: a program that imports torch runs as under Python itself, with Tapeless in PyTorch's place."""

from __future__ import annotations

import builtins
import importlib.machinery
import importlib.util
import io
import os
import sys
from collections.abc import Sequence
from types import CodeType, ModuleType, TracebackType
from typing import Any

from ._as_torch import as_torch
from ._missing import MissingNameError

SCRIPT_VARIABLE = "TAPELESS_RUN"
"""Names the script to the processes that it starts, see `_run_worker`."""

OURS = os.path.dirname(os.path.abspath(__file__))


class CannotRun(Exception):
    """There is no such script or module; the text says so in one line."""


def run(argv: Sequence[str]) -> int:
    """Run ``[script.py, ARGS...]`` or ``[-m, package.module, ARGS...]`` as `__main__`; return the exit status.

    `sys.argv` and `sys.path[0]` are what ``python script.py ARGS`` gives. An uncaught error is printed as Python prints
    it, from the script's own frames on, and the status is 1. `SystemExit` passes through. Raises `CannotRun` when there
    is nothing to run.
    """
    code: CodeType | str
    if argv[0] == "-m":
        code, main, path, rest = *_module_code(argv[1]), argv[2:]
        sys.path[0:1] = [os.getcwd()]
    else:
        code, main, path, rest = *_script_code(argv[0]), argv[1:]
        sys.path[0:1] = [os.path.dirname(os.path.realpath(path))]
    sys.argv[:] = [path, *rest]
    before = sys.modules["__main__"]
    sys.modules["__main__"] = main
    try:
        as_torch()
        return _execute(code, main)
    finally:
        sys.modules["__main__"] = before


def _execute(code: CodeType | str, main: ModuleType) -> int:
    try:
        if isinstance(code, str):
            code = _compile(code)
        exec(code, vars(main))
    except SystemExit:
        raise
    except KeyboardInterrupt as error:
        _report(error)
        return 130
    except BaseException as error:
        _report(error)
        return 1
    return 0


def _script_code(path: str) -> tuple[str, ModuleType, str]:
    """Return the full path (compiled later, where errors are reported), a new `__main__`, and the path as it was."""
    if os.path.isdir(path):
        path = os.path.join(path, "__main__.py")
    try:
        with io.open_code(os.path.abspath(path)):
            pass
    except OSError as error:
        raise CannotRun(f"can't open file {path!r}: [Errno {error.errno}] {error.strerror}") from None
    main = ModuleType("__main__")
    # A process that is started anew (spawn) imports the parent's main module by the name in its spec.
    spec = importlib.machinery.ModuleSpec(f"{__package__}._run_worker", None)
    full = os.path.abspath(path)
    main.__dict__.update(__file__=full, __cached__=None, __spec__=spec, __package__=None, __builtins__=builtins)
    os.environ[SCRIPT_VARIABLE] = full
    return full, main, path


def _module_code(name: str) -> tuple[CodeType, ModuleType, str]:
    """Return code, `__main__` and path of a module that can be imported, ``python -m`` style."""
    sys.path.insert(0, os.getcwd())
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            name = f"{name}.__main__"
            spec = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        raise CannotRun(f"No module named {error.name!r}") from None
    finally:
        del sys.path[0]
    loader: Any = spec and spec.loader
    code = loader.get_code(name) if hasattr(loader, "get_code") else None
    if spec is None or code is None:
        raise CannotRun(f"No module named {name!r}")
    main = ModuleType("__main__")
    more = {"__file__": spec.origin, "__cached__": spec.cached, "__spec__": spec, "__package__": spec.parent}
    main.__dict__.update(more, __loader__=loader, __builtins__=builtins)
    return code, main, str(spec.origin)


def _compile(path: str) -> CodeType:
    with io.open_code(path) as file:
        return compile(file.read(), path, "exec", dont_inherit=True)


def _report(error: BaseException) -> None:
    """Print an uncaught error as Python does, without the frames that stand above and below the script's own."""
    frames = error.__traceback__
    while frames is not None and _is_ours(frames):
        frames = frames.tb_next
    if isinstance(error, MissingNameError):
        frames = _without_tail(frames)
    error.__traceback__ = frames
    sys.stdout.flush()
    sys.excepthook(type(error), error, frames)


def _is_ours(frames: TracebackType) -> bool:
    return os.path.dirname(os.path.abspath(frames.tb_frame.f_code.co_filename)) == OURS


def _without_tail(frames: TracebackType | None) -> TracebackType | None:
    """Cut off the frames of the package and of Python's import, so that the script's line comes last."""
    kept: list[TracebackType] = []
    while frames is not None:
        kept.append(frames)
        frames = frames.tb_next
    while kept and (_is_ours(kept[-1]) or "importlib" in kept[-1].tb_frame.f_code.co_filename):
        kept.pop()
    if kept:
        kept[-1].tb_next = None
    return kept[0] if kept else None
