"""The channel shuffle under PyTorch's path, ``nn.modules.channelshuffle``."""

from __future__ import annotations

from .._rearrange import ChannelShuffle as ChannelShuffle
