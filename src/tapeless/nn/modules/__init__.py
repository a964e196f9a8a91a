"""Under PyTorch's paths, ``nn.modules.<file>``: base classes of layers, and the hooks for every module."""

from __future__ import annotations

import importlib
import sys
from typing import Any

FILES = """
activation adaptive batchnorm channelshuffle container conv distance dropout flatten fold instancenorm lazy linear loss
module normalization padding pixelshuffle pooling rnn sparse transformer upsampling utils
""".split()


def __getattr__(name: str) -> Any:
    """Import a file when it is first used; every class of the files is a name of this package, too, as in PyTorch."""
    if name in FILES:
        return importlib.import_module(f".{name}", __name__)
    for file in FILES if not name.startswith("__") else ():
        value = getattr(importlib.import_module(f".{file}", __name__), name, None)
        if isinstance(value, type):
            setattr(sys.modules[__name__], name, value)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    files = [vars(importlib.import_module(f".{file}", __name__)) for file in FILES]
    classes = [name for found in files for name, value in found.items() if isinstance(value, type)]
    return sorted({*globals(), *FILES, *classes})
