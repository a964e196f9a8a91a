"""The operations: one declaration each, a file for each family. Importing this package fills the registry.

The families below are those that nearly every program needs. The others are imported when one of their names is first
used; `_index.py`, which tests/make_generated.py writes, says which declares what.
"""

from .._core import registry
from . import (
    activation as activation,
    arithmetic as arithmetic,
    comparison as comparison,
    copying as copying,
    diagonal as diagonal,
    indexing as indexing,
    joining as joining,
    loss as loss,
    masking as masking,
    matmul as matmul,
    pointwise as pointwise,
    reduction as reduction,
    shape as shape,
    sorting as sorting,
)
from ._common import normal_dim as normal_dim
from ._index import FAMILIES

_PACKAGE = __name__.rpartition(".")[0]
registry.LAZY.update((name, f"{_PACKAGE}.{family}") for family, names in FAMILIES.items() for name in names.split())
