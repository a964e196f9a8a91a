"""The operations: one declaration each, a file for each family. Importing this package fills the registry."""

from . import (
    activation as activation,
    arithmetic as arithmetic,
    comparison as comparison,
    indexing as indexing,
    loss as loss,
    matmul as matmul,
    pointwise as pointwise,
    reduction as reduction,
    shape as shape,
)
from ._common import normal_dim as normal_dim
