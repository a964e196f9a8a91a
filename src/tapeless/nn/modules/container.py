"""Containers under PyTorch's path, ``nn.modules.container``."""

from __future__ import annotations

from .._containers import ModuleDict as ModuleDict, ModuleList as ModuleList, Sequential as Sequential
from .._parameter_containers import ParameterDict as ParameterDict, ParameterList as ParameterList
