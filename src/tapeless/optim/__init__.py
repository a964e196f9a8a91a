"""Optimizers: they update parameters from gradients, in place, on flat arenas."""

import importlib
from typing import Any

from ._adam import Adam as Adam, AdamW as AdamW
from ._optimizer import Optimizer as Optimizer
from ._sgd import SGD as SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "lr_scheduler"]


def __getattr__(name: str) -> Any:
    """Import the schedulers when they are first used, so that `import tapeless` stays quick."""
    if name == "lr_scheduler":
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
