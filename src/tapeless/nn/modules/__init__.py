"""Under PyTorch's paths, ``nn.modules.<file>``: base classes of layers, and the hooks for every module."""

from __future__ import annotations

from types import ModuleType

from . import (
    activation as activation,
    adaptive as adaptive,
    batchnorm as batchnorm,
    channelshuffle as channelshuffle,
    container as container,
    conv as conv,
    distance as distance,
    dropout as dropout,
    flatten as flatten,
    fold as fold,
    instancenorm as instancenorm,
    lazy as lazy,
    linear as linear,
    loss as loss,
    module as module,
    normalization as normalization,
    padding as padding,
    pixelshuffle as pixelshuffle,
    pooling as pooling,
    rnn as rnn,
    sparse as sparse,
    transformer as transformer,
    upsampling as upsampling,
    utils as utils,
)

# PyTorch has every layer in this package, too.
_FILES = [value for value in list(globals().values()) if isinstance(value, ModuleType)]
for _file in _FILES:
    globals().update({name: value for name, value in vars(_file).items() if isinstance(value, type)})
