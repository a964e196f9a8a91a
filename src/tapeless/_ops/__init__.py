"""The operations: one declaration each, a file for each family. Importing this package fills the registry."""

from . import activation as activation
from . import arithmetic as arithmetic
from . import comparison as comparison
from . import indexing as indexing
from . import loss as loss
from . import matmul as matmul
from . import pointwise as pointwise
from . import reduction as reduction
from . import shape as shape
from ._common import normal_dim as normal_dim
