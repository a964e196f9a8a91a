"""Embeddings under PyTorch's path, ``nn.modules.sparse``."""

from __future__ import annotations

from .._embedding import Embedding as Embedding, EmbeddingBag as EmbeddingBag
