"""Utilities that stand beside the core: data loading.

Mirrors the part of ``torch.utils`` that makes sense on NumPy (https://pytorch.org/docs/stable/data.html).
"""

from __future__ import annotations

from . import data as data
