"""``torch.utils.tensorboard``: event files that TensorBoard reads, written by hand.

Source: https://docs.pytorch.org/docs/stable/tensorboard.html
"""

from __future__ import annotations

from ._files import EventFile as FileWriter
from .writer import SummaryWriter as SummaryWriter

__all__ = ["FileWriter", "SummaryWriter"]
