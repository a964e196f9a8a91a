"""A linear layer and the activation after it in one node, for networks so small that calls are what they cost.

`nn.Sequential` runs such pairs by these classes, which are no functions of their own: results and gradients are bit
by bit those of the two operations, and `grad_fn` has the name of the activation's node.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._kernels.special import expit
from ._common import zero
from .activation import Relu
from .matmul import Linear
from .pointwise import Sigmoid, Tanh


class LinearActivation(Linear):
    """Base of the pairs: `activate` is applied to the result, and `outer` is its gradient's rule."""

    names = ""

    def forward(self, input: Any, weight: Any, bias: Any = None) -> Any:
        return self.activate(super().forward(input, weight, bias))


class LinearRelu(LinearActivation):
    """``relu(input @ weight.T + bias)``."""

    outer = Relu.grad_input

    @staticmethod
    def activate(out: Any) -> Any:
        """Apply the activation to a new array, in place where that can be."""
        return np.maximum(out, zero(out.dtype), out=out)

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name of the activation's node."""
        return "ReluBackward0"


class LinearTanh(LinearActivation):
    """``tanh(input @ weight.T + bias)``."""

    outer = Tanh.grad_input

    @staticmethod
    def activate(out: Any) -> Any:
        """Apply the activation to a new array, in place where that can be."""
        return np.tanh(out, out)

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name of the activation's node."""
        return "TanhBackward0"


class LinearSigmoid(LinearActivation):
    """``sigmoid(input @ weight.T + bias)``."""

    outer = Sigmoid.grad_input
    activate = staticmethod(expit)

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name of the activation's node."""
        return "SigmoidBackward0"
