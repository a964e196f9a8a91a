"""The operations: one declaration each, a file for each family. Importing this package fills the registry."""

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
