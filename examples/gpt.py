"""A small GPT that learns to write Python, character by character, from the source of the standard library's argparse.

Two transformer blocks of four heads guess each character from the 64 before it. Guessing at random costs 4.6. After
1500 steps the loss on the tenth of the text that it was not trained on is below 1.3, and the words are mostly words::

    python examples/gpt.py
    python examples/gpt.py --steps 300 --length 500

Goal: loss on new text <= 1.3 in a full run, <= 2.7 with --quick.

Radford et al.: Improving language understanding by generative pre-training (2018). After Karpathy's nanoGPT.
"""

from __future__ import annotations

import argparse
import inspect
from typing import Any

from _common import finish, parse, save_picture
from tqdm import tqdm

import tapeless as tl
from tapeless import nn

CONTEXT = 64  # how many characters it sees


class Attention(nn.Module):
    """Each position (n, length, width) gathers from itself and from those before it what each head looks for."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: tl.Tensor) -> tl.Tensor:
        """Return what each position gathers, in the shape of `x`."""
        n, length, width = x.shape
        heads = self.project(x).view(n, length, 3, self.heads, width // self.heads)
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)  # (n, heads, length, width / heads) each
        x = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.out(x.transpose(1, 2).reshape(n, length, width))


class Block(nn.Module):
    """Attention, then two linear layers for each position by itself; both add to what was there."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.network = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: tl.Tensor) -> tl.Tensor:
        """Add to `x`, twice."""
        x = x + self.attention(self.norm1(x))
        return x + self.network(self.norm2(x))


class GPT(nn.Module):
    """Characters (n, length), as numbers, to scores (n, length, vocabulary) for the one that follows each."""

    def __init__(self, vocabulary: int, width: int = 96, heads: int = 4, layers: int = 2) -> None:
        super().__init__()
        self.characters = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(CONTEXT, width)
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        for table in (self.characters, self.positions, self.head):
            nn.init.normal_(table.weight, std=0.02)  # so that at first all characters are equally likely

    def forward(self, ids: tl.Tensor) -> tl.Tensor:
        """Return the scores of all characters after each position."""
        x = self.characters(ids) + self.positions(tl.arange(ids.shape[1]))
        return self.head(self.norm(self.blocks(x)))


def encode(text: str) -> tuple[list[str], tl.Tensor]:
    """Return the characters that occur, and the text as their numbers."""
    characters = sorted(set(text))
    numbers = {character: i for i, character in enumerate(characters)}
    return characters, tl.tensor([numbers[character] for character in text])


def draw_batch(data: tl.Tensor, size: int = 12) -> tuple[tl.Tensor, tl.Tensor]:
    """Return pieces of the text from random places, and the same moved on by one character: what is to be guessed."""
    starts = tl.randint(len(data) - CONTEXT, (size, 1))
    places = starts + tl.arange(CONTEXT)
    return data[places], data[places + 1]


def loss_of(model: GPT, ids: tl.Tensor, following: tl.Tensor) -> tl.Tensor:
    return nn.functional.cross_entropy(model(ids).flatten(0, 1), following.flatten())


def train(model: GPT, data: tl.Tensor, steps: int) -> list[float]:
    """Train on random batches and return their losses."""
    optimizer = tl.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    progress = tqdm(range(steps), unit="step", mininterval=0.5)
    for _ in progress:
        loss = loss_of(model, *draw_batch(data))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        progress.set_postfix_str(f"loss {losses[-1]:.3f}", refresh=False)
    return losses


def sample(model: GPT, ids: tl.Tensor, length: int, temperature: float = 0.8) -> tl.Tensor:
    """Go on after `ids` (n, any length) by `length` characters, each drawn from what the model thinks of it."""
    with tl.no_grad():
        for _ in range(length):
            scores = model(ids[:, -CONTEXT:])[:, -1]
            following = tl.multinomial((scores / temperature).softmax(-1), 1)
            ids = tl.cat([ids, following], 1)
    return ids


def write(model: GPT, characters: list[str], length: int, start: str = "\n    def ") -> str:
    """Return text of the model's own that goes on after `start`."""
    ids = sample(model, tl.tensor([[characters.index(character) for character in start]]), length)
    return "".join(characters[i] for i in ids[0].tolist())


def draw(plt: Any, losses: list[float], uniform: float, before: str, after: str) -> Any:
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.2), width_ratios=[1.2, 1, 1])
    axes[0].plot(range(1, len(losses) + 1), losses)
    axes[0].axhline(uniform, color="gray", linestyle=":", label="all characters equally likely")
    axes[0].set(xlabel="step", ylabel="loss", title="Cross entropy per character", ylim=(0, None))
    axes[0].legend()
    for panel, title, text in zip(axes[1:], ("Before training", "After it"), (before, after)):
        panel.axis("off")
        panel.set_title(title, loc="left")
        shown = "\n".join(line[4:56] for line in text.strip("\n").splitlines() if line.strip())
        panel.text(0, 1, shown, va="top", family="monospace", fontsize=6, parse_math=False)
    return figure


def main() -> None:
    options = parse(
        __doc__,
        {"steps": 60},
        steps=(1500, "training steps, of 12 pieces of text"),
        length=(800, "how many characters to write"),
    )
    tl.manual_seed(options.seed)
    characters, data = encode(inspect.getsource(argparse))
    split = len(data) * 9 // 10
    model = GPT(len(characters))
    print(f"{len(data)} characters, {len(characters)} different, {sum(map(tl.numel, model.parameters()))} parameters")
    before = write(model, characters, options.length)
    losses = train(model, data[:split], options.steps)
    after = write(model, characters, options.length)
    print(f"--- before:{before}\n--- after:{after}")
    save_picture("gpt", draw, losses, tl.tensor(float(len(characters))).log().item(), before, after)
    with tl.no_grad():
        unseen = [loss_of(model, *draw_batch(data[split:])).item() for _ in range(20)]
    finish("loss on new text", sum(unseen) / len(unseen))


if __name__ == "__main__":
    main()
