"""`Variable` under PyTorch's path, ``autograd.variable``."""

from __future__ import annotations

from ._variable import Variable as Variable
