"""Optimizers: they update parameters from gradients, in place, on flat arenas."""

from ._adam import Adam as Adam, AdamW as AdamW
from ._optimizer import Optimizer as Optimizer
from ._sgd import SGD as SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]
