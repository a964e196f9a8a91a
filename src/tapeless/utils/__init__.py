"""Utilities that stand beside the core: data loading, and checkpoints that trade time for memory.

Mirrors the part of ``torch.utils`` that makes sense on NumPy (https://docs.pytorch.org/docs/stable/data.html,
https://docs.pytorch.org/docs/stable/checkpoint.html).
"""

from __future__ import annotations

from . import checkpoint as checkpoint, data as data
