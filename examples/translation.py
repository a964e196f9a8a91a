"""Dates as people write them to ISO dates: an encoder, a decoder, and attention between them.

"Thursday, 7 May 1998" becomes "1998-05-07". The encoder reads the characters in both directions; the decoder writes
ten characters, and before each it looks back: attention weighs the places of the input by how well they answer what
it asks. The picture shows these weights. The network meets only whole sentences, nobody tells it what a month is::

    python examples/translation.py

Goal: share of new dates without a mistake >= 0.98 in a full run, >= 0.5 with --quick.

Bahdanau, Cho and Bengio: Neural machine translation by jointly learning to align and translate (2014).
"""

from __future__ import annotations

import datetime
import random
from typing import Any

from _common import finish, parse, save_picture
from tqdm import tqdm

import tapeless as tl
from tapeless import nn

FORMS = ["{day} {month} {year}", "{month} {day}, {year}", "{weekday}, {day} {month} {year}", "{short} {day} {year}"]
FORMS += [
    "{day}.{number}.{year}",
    "{weekday} {short} {day}, {year}",
    "the {day} of {month} {year}",
    "{day}-{short}-{year}",
]
OUTPUT = "-0123456789"  # what ISO dates are written with


def random_date(rng: random.Random) -> tuple[str, str]:
    """A date of the years 1900 to 2099 as a person might write it, and in ISO 8601."""
    date = datetime.date.fromordinal(rng.randint(693596, 766644))
    parts = {"day": date.day, "number": date.month, "year": date.year}
    parts |= {"month": date.strftime("%B"), "short": date.strftime("%b"), "weekday": date.strftime("%A")}
    text = rng.choice(FORMS).format(**parts)
    return rng.choice([text, text.lower()]), date.isoformat()


def encode(pairs: list[tuple[str, str]], characters: str) -> tuple[tl.Tensor, tl.Tensor]:
    """Numbers of the characters: inputs (n, longest), with 0 behind the end, and outputs (n, 10)."""
    inputs = [tl.tensor([1 + characters.index(c) for c in text]) for text, _ in pairs]
    outputs = tl.tensor([[OUTPUT.index(c) for c in iso] for _, iso in pairs])
    return nn.utils.rnn.pad_sequence(inputs, batch_first=True), outputs


class Translator(nn.Module):
    """Encoder, attention and decoder, each `width` wide."""

    def __init__(self, characters: int, width: int = 64) -> None:
        super().__init__()
        self.read = nn.Embedding(characters + 1, 32)
        self.encoder = nn.GRU(32, width // 2, batch_first=True, bidirectional=True)
        self.start = nn.Linear(width, width)
        self.ask = nn.Linear(width, width, bias=False)
        self.written = nn.Embedding(len(OUTPUT) + 1, 16)  # the last: nothing has been written yet
        self.decoder = nn.GRUCell(16 + width, width)
        self.head = nn.Linear(2 * width, len(OUTPUT))

    def forward(self, inputs: tl.Tensor, outputs: tl.Tensor | None = None) -> tuple[tl.Tensor, tl.Tensor]:
        """Return scores (n, 10, 11) and attention (n, 10, length).

        With `outputs`, each character is guessed from the right ones before it; without, from those guessed so far.
        """
        memory, _ = self.encoder(self.read(inputs))  # (n, length, width)
        padding = inputs == 0
        state = self.start(memory.mean(1)).tanh()
        seen = memory.mean(1)
        last = tl.full((len(inputs),), len(OUTPUT))
        scores, attention = [], []
        for place in range(10):
            state = self.decoder(tl.cat([self.written(last), seen], 1), state)
            fit = (memory @ self.ask(state).unsqueeze(2)).squeeze(2)  # how well each place answers
            weights = fit.masked_fill(padding, -1e9).softmax(1)
            seen = (weights.unsqueeze(1) @ memory).squeeze(1)
            scores.append(self.head(tl.cat([state, seen], 1)))
            attention.append(weights)
            last = outputs[:, place] if outputs is not None else scores[-1].argmax(1)
        return tl.stack(scores, 1), tl.stack(attention, 1)


def train(model: Translator, inputs: tl.Tensor, outputs: tl.Tensor, steps: int) -> None:
    optimizer = tl.optim.Adam(model.parameters())
    scheduler = tl.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.006, total_steps=steps)
    progress = tqdm(range(steps), unit="step")
    for _ in progress:
        batch = tl.randint(len(inputs), (64,))
        scores, _ = model(inputs[batch], outputs[batch])
        loss = nn.functional.cross_entropy(scores.flatten(0, 1), outputs[batch].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        progress.set_postfix_str(f"loss {loss.item():.3f}", refresh=False)


def draw(plt: Any, texts: list[str], translated: list[str], attention: tl.Tensor) -> Any:
    figure, axes = plt.subplots(1, len(texts), figsize=(4 * len(texts), 3.4))
    for panel, text, iso, weights in zip(axes, texts, translated, attention):
        panel.imshow(weights[:, : len(text)].numpy(), cmap="Blues", vmin=0, aspect="auto")
        panel.set_xticks(range(len(text)), list(text), family="monospace")
        panel.set_yticks(range(10), list(iso), family="monospace")
        panel.set(xlabel="read", ylabel="written")
    return figure


def main() -> None:
    options = parse(__doc__, {"steps": 150}, steps=(600, "training steps, of 64 dates"))
    tl.manual_seed(options.seed)
    rng = random.Random(options.seed)
    pairs = [random_date(rng) for _ in range(6000)]
    known = {iso for _, iso in pairs[:5000]}
    new = [pair for pair in pairs[5000:] if pair[1] not in known]  # days that the network has never met
    characters = "".join(sorted({c for text, _ in pairs for c in text}))
    inputs, outputs = encode(pairs[:5000], characters)
    model = Translator(len(characters))
    train(model, inputs, outputs, options.steps)

    inputs, outputs = encode(new, characters)
    with tl.no_grad():
        scores, attention = model(inputs)
    guessed = scores.argmax(2)
    translated = ["".join(OUTPUT[i] for i in row) for row in guessed.tolist()]
    for (text, iso), ours in list(zip(new, translated))[:8]:
        print(f"{text:32} {ours}  {'' if ours == iso else 'wrong: ' + iso}")
    save_picture("translation", draw, [text for text, _ in new[:3]], translated[:3], attention[:3])
    finish("share of new dates without a mistake", (guessed == outputs).all(1).float().mean().item())


if __name__ == "__main__":
    main()
