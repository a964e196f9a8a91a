"""RNN, LSTM and GRU on the same text: which of them guesses the next character best?

The text is the source of the standard library's argparse. Each network reads 64 characters, one after the other, and
says after each which may follow; it carries what it remembers in 128 numbers (the LSTM in twice as many). Gates decide
what is kept and what is written over; the plain RNN has none. Here the GRU learns fastest, and all three end close
together: in 64 characters of such text there is little to remember for long::

    python examples/char_rnn.py

Goal: best loss on new text <= 1.1 in a full run, <= 2.5 with --quick.

Hochreiter and Schmidhuber: Long short-term memory (1997). Cho et al.: Learning phrase representations using RNN
encoder-decoder for statistical machine translation (2014). After Karpathy's char-rnn (2015).
"""

from __future__ import annotations

import argparse
import inspect
from typing import Any

from _common import finish, parse, save_picture
from tqdm import tqdm

import tapeless as tl
from tapeless import nn

LENGTH = 64  # characters in a piece of text


class CharRNN(nn.Module):
    """Characters (n, length), as numbers, to scores (n, length, vocabulary) for the one that follows each."""

    def __init__(self, kind: str, vocabulary: int, width: int = 128) -> None:
        super().__init__()
        self.characters = nn.Embedding(vocabulary, 48)
        self.rnn = getattr(nn, kind)(48, width, batch_first=True)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, ids: tl.Tensor, state: Any = None) -> tuple[tl.Tensor, Any]:
        """Go on from `state` (from nothing, if there is none); return scores and the state to go on from."""
        hidden, state = self.rnn(self.characters(ids), state)
        return self.head(hidden), state


def draw_batch(data: tl.Tensor, size: int = 32) -> tuple[tl.Tensor, tl.Tensor]:
    """Return pieces of the text from random places, and the same moved on by one character: what is to be guessed."""
    places = tl.randint(len(data) - LENGTH, (size, 1)) + tl.arange(LENGTH)
    return data[places], data[places + 1]


def loss_of(model: CharRNN, ids: tl.Tensor, following: tl.Tensor) -> tl.Tensor:
    scores, _ = model(ids)
    return nn.functional.cross_entropy(scores.flatten(0, 1), following.flatten())


@tl.no_grad()
def loss_on_new_text(model: CharRNN, data: tl.Tensor, batches: int = 10) -> float:
    return sum(loss_of(model, *draw_batch(data)).item() for _ in range(batches)) / batches


def train(model: CharRNN, data: tl.Tensor, unseen: tl.Tensor, steps: int, title: str) -> list[tuple[int, float]]:
    """Return (step, loss on the text that the network is not trained on), a dozen times over the training."""
    optimizer = tl.optim.AdamW(model.parameters(), lr=4e-3)
    curve = []
    progress = tqdm(range(1, steps + 1), desc=title, unit="step")
    for step in progress:
        loss = loss_of(model, *draw_batch(data))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # over 64 steps, gradients can become very large
        optimizer.step()
        if step % max(1, steps // 12) == 0:
            curve.append((step, loss_on_new_text(model, unseen)))
            progress.set_postfix_str(f"loss on new text {curve[-1][1]:.3f}")
    return curve


@tl.no_grad()
def write(model: CharRNN, characters: list[str], length: int, temperature: float = 0.7) -> str:
    """Return text of the network's own: each character is drawn from its opinion and read in turn."""
    ids, state, text = tl.tensor([[characters.index("\n")]]), None, ""
    for _ in range(length):
        scores, state = model(ids, state)
        ids = tl.multinomial((scores[:, -1] / temperature).softmax(-1), 1)
        text += characters[ids.item()]
    return text


def draw(plt: Any, curves: dict[str, list[tuple[int, float]]], texts: dict[str, str]) -> Any:
    figure, axes = plt.subplots(1, 4, figsize=(13, 4), width_ratios=[1.5, 1, 1, 1])
    for kind, curve in curves.items():
        axes[0].plot(*zip(*curve), marker="o", markersize=3, label=kind)
    axes[0].set(xlabel="step", ylabel="loss", title="Cross entropy per character of new text")
    axes[0].legend()
    for panel, (kind, text) in zip(axes[1:], texts.items()):
        panel.axis("off")
        panel.set_title(f"What the {kind} writes", loc="left")
        shown = "\n".join(line[:38] for line in text.strip("\n").splitlines()[:15])
        panel.text(0, 1, shown, va="top", family="monospace", fontsize=7, parse_math=False)
    return figure


def main() -> None:
    options = parse(
        __doc__,
        {"steps": 60},
        steps=(900, "training steps for each network"),
        length=(400, "how many characters to write"),
    )
    source = inspect.getsource(argparse)
    characters = sorted(set(source))
    data = tl.tensor([characters.index(character) for character in source])
    split = len(data) * 9 // 10
    curves, texts = {}, {}
    for kind in ("RNN", "LSTM", "GRU"):
        tl.manual_seed(options.seed)
        model = CharRNN(kind, len(characters))
        curves[kind] = train(model, data[:split], data[split:], options.steps, kind)
        texts[kind] = write(model, characters, options.length)
        parameters = sum(map(tl.numel, model.parameters()))
        print(f"{kind}: {parameters} parameters, loss on new text {curves[kind][-1][1]:.3f}; it writes:\n{texts[kind]}")
    save_picture("char_rnn", draw, curves, texts)
    finish("best loss on new text", min(curve[-1][1] for curve in curves.values()))


if __name__ == "__main__":
    main()
