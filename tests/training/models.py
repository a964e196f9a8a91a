"""Four classic models with their data, each written once as a function of the library: tapeless or torch.

Networks that take digits take the 8x8 images of `datasets.digits`, so kernels are smaller than in the papers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tapeless import datasets

LATENT = 8
NODES, LABELLED = 80, 3


# Models.


def lenet(lib: Any) -> Any:
    """LeNet-5 with kernels of 3x3 (LeCun et al. 1998, Gradient-based learning applied to document recognition)."""
    nn = lib.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1),
        nn.Tanh(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 3, padding=1),
        nn.Tanh(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 120),
        nn.Tanh(),
        nn.Linear(120, 84),
        nn.Tanh(),
        nn.Linear(84, 10),
    )


def resnet(lib: Any, activation: str = "ReLU") -> Any:
    """Three residual blocks of two convolutions, then the mean over the image (He et al. 2015, arXiv:1512.03385)."""
    nn = lib.nn
    act = getattr(nn, activation)()

    class Block(nn.Module):
        """``act(f(x) + shortcut(x))``; the shortcut is the identity wherever shapes allow."""

        def __init__(self, channels: int, out: int, stride: int) -> None:
            super().__init__()
            self.first = nn.Conv2d(channels, out, 3, stride=stride, padding=1, bias=False)
            self.first_norm = nn.BatchNorm2d(out)
            self.second = nn.Conv2d(out, out, 3, padding=1, bias=False)
            self.second_norm = nn.BatchNorm2d(out)
            self.shortcut = nn.Identity()
            if stride != 1 or channels != out:
                self.shortcut = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

        def forward(self, x: Any) -> Any:
            inner = act(self.first_norm(self.first(x)))
            return act(self.second_norm(self.second(inner)) + self.shortcut(x))

    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        act,
        Block(8, 8, stride=1),
        Block(8, 16, stride=2),
        Block(16, 16, stride=1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 10),
    )


def vae(lib: Any) -> Any:
    """Variational autoencoder of 64 pixels (Kingma and Welling 2013, arXiv:1312.6114)."""
    nn = lib.nn

    class VAE(nn.Module):
        """Calls give the pixels' probabilities, and the mean and the logarithm of the variance of the code."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2 * LATENT))
            self.decoder = nn.Sequential(nn.Linear(LATENT, 64), nn.ReLU(), nn.Linear(64, 64), nn.Sigmoid())

        def forward(self, x: Any) -> Any:
            mean, log_variance = self.encoder(x).chunk(2, dim=1)
            code = mean + lib.randn_like(mean) * (0.5 * log_variance).exp()
            return self.decoder(code), mean, log_variance

    return VAE()


def gcn(lib: Any) -> Any:
    """Two graph convolutions; each node's features are learned (Kipf and Welling 2016, arXiv:1609.02907)."""
    nn = lib.nn

    class GraphConvolution(nn.Module):
        """Sum over neighbours of ``W h[j] / sqrt(degree[i] * degree[j])``, given edges as two rows of nodes."""

        def __init__(self, features: int, out: int) -> None:
            super().__init__()
            self.linear = nn.Linear(features, out, bias=False)
            self.bias = nn.Parameter(lib.zeros(out))

        def forward(self, h: Any, edges: Any) -> Any:
            source, target = edges
            h = self.linear(h)
            degree = h.new_zeros(len(h)).scatter_add(0, target, h.new_ones(len(target)))
            weight = (degree[source] * degree[target]).rsqrt()
            messages = h[source] * weight.unsqueeze(1)
            return lib.zeros_like(h).index_add(0, target, messages) + self.bias

    class GCN(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Parameter(lib.rand(NODES, 16) - 0.5)
            self.first, self.second = GraphConvolution(16, 16), GraphConvolution(16, 2)

        def forward(self, edges: Any) -> Any:
            return self.second(self.first(self.embedding, edges).relu(), edges)

    return GCN()


# Data, as NumPy arrays: both libraries get the same.


def digit_arrays() -> tuple[Any, ...]:
    """Images (n, 1, 8, 8) and labels, for training and for the test: four arrays."""
    return tuple([part.numpy() for part in datasets.train_test_split(*datasets.digits(images=True))])


def graph_arrays() -> tuple[Any, Any]:
    """Edges (2, m) of a graph with two communities of equal size, and the community of each node.

    Two nodes of one community are joined with probability 0.2, others with 0.02. Edges go both ways, and each
    node has one to itself.
    """
    rng = np.random.default_rng(0)
    community = np.arange(NODES) % 2
    probability = np.where(community[:, None] == community, 0.2, 0.02)
    joined = np.triu(rng.random((NODES, NODES)) < probability, 1)
    return np.stack(np.nonzero(joined | joined.T | np.eye(NODES, dtype=bool))), community


def digit_batches(lib: Any) -> Iterable[Any]:
    """Shuffled batches of 64 training images with their labels."""
    x, _, y, _ = digit_arrays()
    dataset = lib.utils.data.TensorDataset(lib.from_numpy(x), lib.from_numpy(y))
    return lib.utils.data.DataLoader(dataset, batch_size=64, shuffle=True)


def graph_batches(lib: Any) -> Iterable[Any]:
    """The whole graph as the only batch."""
    return [tuple([lib.from_numpy(array) for array in graph_arrays()])]


# Losses.


def digit_loss(lib: Any, model: Any, batch: Any) -> Any:
    images, labels = batch
    return lib.nn.functional.cross_entropy(model(images), labels)


def vae_loss(lib: Any, model: Any, batch: Any) -> Any:
    """The negative evidence lower bound of an image, on average: cross entropy plus KL divergence from N(0, 1)."""
    x = batch[0].flatten(1)
    pixels, mean, log_variance = model(x)
    bce = lib.nn.functional.binary_cross_entropy(pixels, x, reduction="sum")
    kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
    return (bce + kl) / len(x)


def graph_loss(lib: Any, model: Any, batch: Any) -> Any:
    """Cross entropy of the few nodes whose community is given: the first of each."""
    edges, community = batch
    return lib.nn.functional.cross_entropy(model(edges)[: 2 * LABELLED], community[: 2 * LABELLED])


# Training.


class Task(NamedTuple):
    """A model, what it is trained on, and for how many steps; each function takes the library first."""

    model: Callable[..., Any]
    batches: Callable[..., Iterable[Any]]
    loss: Callable[..., Any]
    lr: float
    steps: int


TASKS = {
    "LeNet": Task(lenet, digit_batches, digit_loss, lr=0.01, steps=6 * 23),
    "ResNet": Task(resnet, digit_batches, digit_loss, lr=0.01, steps=4 * 23),
    "smooth ResNet": Task(partial(resnet, activation="SiLU"), digit_batches, digit_loss, lr=0.01, steps=4 * 23),
    "VAE": Task(vae, digit_batches, vae_loss, lr=0.01, steps=20 * 23),
    "GCN": Task(gcn, graph_batches, graph_loss, lr=0.02, steps=20),
}


class Run(NamedTuple):
    """What a training leaves behind; `initial` is the state_dict before it, as arrays."""

    model: Any
    initial: dict[str, Any]
    losses: list[float]


def train(lib: Any, task: Task, steps: int | None = None, seed: int = 0, dtype: str = "float32") -> Run:
    """Train with Adam and a learning rate that falls to zero; parameters, batches and noise come from the seed."""
    steps = steps or task.steps
    lib.manual_seed(seed)
    model, batches = task.model(lib).to(getattr(lib, dtype)), task.batches(lib)
    initial = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    optimizer = lib.optim.Adam(model.parameters(), lr=task.lr)
    scheduler = lib.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    losses: list[float] = []
    while len(losses) < steps:
        for batch in batches:
            batch = [part.to(getattr(lib, dtype)) if part.is_floating_point() else part for part in batch]
            optimizer.zero_grad()
            loss = task.loss(lib, model, batch)
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
            if len(losses) == steps:
                break
    return Run(model.eval(), initial, losses)
