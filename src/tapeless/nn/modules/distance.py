"""Distances under PyTorch's path, ``nn.modules.distance``."""

from __future__ import annotations

from .._distance import CosineSimilarity as CosineSimilarity, PairwiseDistance as PairwiseDistance
