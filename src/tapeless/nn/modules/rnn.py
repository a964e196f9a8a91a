"""Recurrent layers under PyTorch's path, ``nn.modules.rnn``, with their base classes."""

from __future__ import annotations

from .._rnn import GRU as GRU, LSTM as LSTM, RNN as RNN
from .._rnn_base import RNNBase as RNNBase
from .._rnn_cells import (
    GRUCell as GRUCell,
    LSTMCell as LSTMCell,
    RNNCell as RNNCell,
    RNNCellBase as RNNCellBase,
)
