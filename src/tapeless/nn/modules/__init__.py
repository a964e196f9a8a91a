"""Under PyTorch's paths, ``nn.modules.<file>``: base classes of layers, and the hooks for every module."""

from __future__ import annotations

from . import (
    activation as activation,
    batchnorm as batchnorm,
    conv as conv,
    instancenorm as instancenorm,
    lazy as lazy,
    linear as linear,
    loss as loss,
    module as module,
    rnn as rnn,
    transformer as transformer,
)
