"""PyTorch's module path of the DataLoader: https://docs.pytorch.org/docs/stable/data.html."""

from __future__ import annotations

from ._collate import default_collate as default_collate, default_convert as default_convert
from ._loader import DataLoader as DataLoader
from ._worker_info import get_worker_info as get_worker_info
