"""Linear layers under PyTorch's path, ``nn.modules.linear``, with the one that attention ends in."""

from __future__ import annotations

from .._attention import NonDynamicallyQuantizableLinear as NonDynamicallyQuantizableLinear
from .._lazy import LazyLinear as LazyLinear
from .._linear import Bilinear as Bilinear, Identity as Identity, Linear as Linear
