"""Optimizers: they update parameters from gradients, in place, on flat arenas."""

import importlib
from typing import Any

from ._adadelta import Adadelta as Adadelta
from ._adafactor import Adafactor as Adafactor
from ._adagrad import Adagrad as Adagrad
from ._adam import Adam as Adam, AdamW as AdamW
from ._adamax import Adamax as Adamax
from ._asgd import ASGD as ASGD
from ._lbfgs import LBFGS as LBFGS
from ._muon import Muon as Muon
from ._nadam import NAdam as NAdam
from ._optimizer import Optimizer as Optimizer
from ._radam import RAdam as RAdam
from ._rmsprop import RMSprop as RMSprop
from ._rprop import Rprop as Rprop
from ._sgd import SGD as SGD
from ._sparse_adam import SparseAdam as SparseAdam

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SparseAdam",
    "lr_scheduler",
    "swa_utils",
]


def __getattr__(name: str) -> Any:
    """Import schedulers and averages when they are first used, so that `import tapeless` stays quick."""
    if name in ("lr_scheduler", "optimizer", "swa_utils"):
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
