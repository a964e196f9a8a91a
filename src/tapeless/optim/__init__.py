"""Optimizers: they update parameters from gradients, in place, on flat arenas.

Which file a name comes from is in ``__init__.pyi``.
"""

from tapeless._lazy import lazily

from ._index import HOMES, MODULES

__all__ = [*" ".join(HOMES.values()).split(), "lr_scheduler", "swa_utils"]
__getattr__, __dir__ = lazily(__name__, HOMES, MODULES)
