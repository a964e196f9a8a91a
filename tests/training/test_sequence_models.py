"""Recurrent networks learn: to repeat what they have read, which takes memory, not only the last input."""

from __future__ import annotations

from typing import Any

import pytest

import tapeless as tl
from tapeless import nn
from tapeless.nn import functional as F

SYMBOLS, LENGTH, BATCH = 4, 4, 32
BLANK = SYMBOLS


class Copier(nn.Module):
    """A recurrent layer that reads symbols, then blanks, and answers each blank with the next of the symbols."""

    def __init__(self, layer: type) -> None:
        super().__init__()
        self.memory = layer(SYMBOLS + 1, 48)
        self.answer = nn.Linear(48, SYMBOLS)

    def forward(self, symbols: Any) -> Any:
        blanks = tl.full_like(symbols, BLANK)
        read = F.one_hot(tl.cat([symbols, blanks]), SYMBOLS + 1).float()
        return self.answer(self.memory(read)[0][LENGTH:])


def accuracy(model: Copier) -> float:
    symbols = tl.randint(0, SYMBOLS, (LENGTH, 500))
    with tl.no_grad():
        return float((model(symbols).argmax(-1) == symbols).float().mean())


@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU])
def test_recurrent_networks_learn_to_copy(layer: type) -> None:
    tl.manual_seed(0)
    model = Copier(layer)
    assert accuracy(model) < 0.4  # one in four is chance
    optimizer = tl.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(250):
        symbols = tl.randint(0, SYMBOLS, (LENGTH, BATCH))
        loss = F.cross_entropy(model(symbols).reshape(-1, SYMBOLS), symbols.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    assert accuracy(model) > 0.95


def test_a_packed_batch_learns_as_its_sequences_do() -> None:
    tl.manual_seed(0)
    layer, head = nn.GRU(2, 16), nn.Linear(16, 1)
    optimizer = tl.optim.Adam([*layer.parameters(), *head.parameters()], lr=0.02)
    losses = []
    for _ in range(150):  # whether the sum of a sequence, of whatever length, is positive
        sequences = [tl.randn(int(n), 2) for n in tl.randint(1, 6, (32,))]
        targets = tl.stack([(x.sum() > 0).float() for x in sequences])
        last = layer(nn.utils.rnn.pack_sequence(sequences, enforce_sorted=False))[1][0]
        loss = F.binary_cross_entropy_with_logits(head(last).squeeze(1), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert sum(losses[:10]) / 10 > 0.55
    assert sum(losses[-10:]) / 10 < 0.3
