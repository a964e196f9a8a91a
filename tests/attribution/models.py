"""Models to be explained, in float64 so that sums can be compared closely."""

from __future__ import annotations

from typing import Any

import tapeless as tl
from tapeless import nn


def generator(seed: int = 0) -> tl.Generator:
    return tl.Generator().manual_seed(seed)


def randn(*shape: int, seed: int = 0) -> Any:
    return tl.randn(*shape, generator=generator(seed), dtype=tl.float64)


def fill(model: nn.Module) -> nn.Module:
    """Draw the parameters from a stream of their own; return the model in eval mode."""
    stream = generator(1)
    model = model.double().eval()
    with tl.no_grad():
        for parameter in model.parameters():
            parameter.copy_(tl.randn(parameter.shape, generator=stream, dtype=tl.float64) * 0.5)
    return model


def smooth_net() -> nn.Module:
    """(N, 6) to (N, 4)."""
    return fill(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 4), nn.Softmax(1)))


def relu_net() -> nn.Module:
    """(N, 6) to (N, 4)."""
    return fill(nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4)))


def conv_net() -> nn.Module:
    """(N, 2, 6, 5) to (N, 3)."""
    layers = nn.Conv2d(2, 4, 3, padding=1), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4 * 3 * 2, 3)
    return fill(nn.Sequential(*layers))


class TwoInputs(nn.Module):
    """Images (N, 1, 4, 4) and vectors (N, 5) to (N, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.image, self.vector, self.out = nn.Linear(16, 7), nn.Linear(5, 7), nn.Linear(7, 3)

    def forward(self, image: Any, vector: Any, scale: Any = 1.0) -> Any:
        return self.out(tl.tanh(self.image(image.flatten(1)) * self.vector(vector))) * scale


def two_inputs() -> tuple[nn.Module, tuple[Any, Any]]:
    return fill(TwoInputs()), (randn(3, 1, 4, 4), randn(3, 5, seed=1))
