"""`Parameter`, `Buffer` and their uninitialized forms under PyTorch's path, ``nn.parameter``."""

from __future__ import annotations

from ._parameter import Buffer as Buffer, Parameter as Parameter
from ._uninitialized import (
    UninitializedBuffer as UninitializedBuffer,
    UninitializedParameter as UninitializedParameter,
    UninitializedTensorMixin as UninitializedTensorMixin,
    is_lazy as is_lazy,
)
