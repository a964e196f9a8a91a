"""The networks of the suite in PyTorch's API: `lib` is tapeless, torch or pyborch, the lines are the same."""

from __future__ import annotations

import itertools
from typing import Any

from _workloads import Workload


def make_model(lib: Any, work: Workload) -> Any:
    """Return the network of a training row, its parameters drawn from the current seed."""
    makers = {"mlp": mlp, "hvp": mlp, "cold": mlp, "lenet": lenet, "resnet": resnet, "lstm": lstm, "gpt": gpt}
    return makers[work.task](lib, **{key: size for key, size in work.sizes.items() if key not in ("batch", "steps")})


def mlp(lib: Any, layers: list[int], tanh: bool = False) -> Any:
    nn = lib.nn
    modules: list[Any] = []
    for fan_in, fan_out in itertools.pairwise(layers):
        modules += [nn.Linear(fan_in, fan_out), nn.Tanh() if tanh else nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def lenet(lib: Any) -> Any:
    nn = lib.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


def resnet(lib: Any, channels: int, blocks: int, side: int) -> Any:
    nn, relu = lib.nn, lib.nn.functional.relu

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
            self.norm1 = nn.BatchNorm2d(channels)
            self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
            self.norm2 = nn.BatchNorm2d(channels)

        def forward(self, x: Any) -> Any:
            y = relu(self.norm1(self.conv1(x)))
            return relu(x + self.norm2(self.conv2(y)))

    return nn.Sequential(
        nn.Conv2d(3, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        *[Block() for _ in range(blocks)],
        nn.AvgPool2d(side),
        nn.Flatten(),
        nn.Linear(channels, 10),
    )


def lstm(lib: Any, features: int, hidden: int, length: int) -> Any:
    nn = lib.nn

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(features, hidden)
            self.head = nn.Linear(hidden, 10)

        def forward(self, x: Any) -> Any:
            out, _ = self.lstm(x)
            return self.head(out[-1])

    return Classifier()


def gpt(lib: Any, layers: int, heads: int, width: int, context: int, vocabulary: int) -> Any:
    nn, F = lib.nn, lib.nn.functional

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

        def forward(self, x: Any) -> Any:
            batch, time, _ = x.shape
            q, k, v = [
                part.view(batch, time, heads, width // heads).transpose(1, 2)
                for part in self.qkv(x).split(width, dim=2)
            ]
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.out(y.transpose(1, 2).reshape(batch, time, width))

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.attention = nn.LayerNorm(width), Attention()
            self.norm2 = nn.LayerNorm(width)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x: Any) -> Any:
            x = x + self.attention(self.norm1(x))
            return x + self.mlp(self.norm2(x))

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token, self.place = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
            self.blocks = nn.Sequential(*[Block() for _ in range(layers)])
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary)

        def forward(self, x: Any) -> Any:
            x = self.token(x) + self.place(lib.arange(x.shape[1]))
            return self.head(self.norm(self.blocks(x))).view(-1, vocabulary)

    return GPT()
