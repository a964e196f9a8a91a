"""Layers, losses and the `Module` they are made of.

Which file a name comes from is in ``__init__.pyi``. Source: https://docs.pytorch.org/docs/stable/nn.html
"""

from tapeless._lazy import lazily

from ._index import HOMES, MODULES

__all__ = " ".join(HOMES.values()).split()
__getattr__, __dir__ = lazily(__name__, HOMES, MODULES)
