"""`Parameter` and `Buffer` under PyTorch's path, ``nn.parameter``."""

from __future__ import annotations

from ._parameter import Buffer as Buffer, Parameter as Parameter
