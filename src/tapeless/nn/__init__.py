"""Layers, losses and the `Module` they are made of.

Source: https://docs.pytorch.org/docs/stable/nn.html
"""

from __future__ import annotations

from . import (
    functional as functional,
    init as init,
    modules as modules,
    parameter as parameter,
    utils as utils,
)
from ._activation import (
    CELU as CELU,
    ELU as ELU,
    GELU as GELU,
    GLU as GLU,
    SELU as SELU,
    Hardshrink as Hardshrink,
    Hardsigmoid as Hardsigmoid,
    Hardswish as Hardswish,
    Hardtanh as Hardtanh,
    LeakyReLU as LeakyReLU,
    LogSigmoid as LogSigmoid,
    LogSoftmax as LogSoftmax,
    Mish as Mish,
    PReLU as PReLU,
    ReLU as ReLU,
    ReLU6 as ReLU6,
    Sigmoid as Sigmoid,
    SiLU as SiLU,
    Softmax as Softmax,
    Softmin as Softmin,
    Softplus as Softplus,
    Softshrink as Softshrink,
    Softsign as Softsign,
    Tanh as Tanh,
    Tanhshrink as Tanhshrink,
    Threshold as Threshold,
)
from ._containers import ModuleDict as ModuleDict, ModuleList as ModuleList, Sequential as Sequential
from ._convolution import (
    Conv1d as Conv1d,
    Conv2d as Conv2d,
    Conv3d as Conv3d,
    ConvTranspose1d as ConvTranspose1d,
    ConvTranspose2d as ConvTranspose2d,
    ConvTranspose3d as ConvTranspose3d,
)
from ._distance import CosineSimilarity as CosineSimilarity, PairwiseDistance as PairwiseDistance
from ._dropout import Dropout as Dropout
from ._flatten import Flatten as Flatten, Unflatten as Unflatten
from ._lazy import LazyLinear as LazyLinear
from ._lazy_convolution import (
    LazyConv1d as LazyConv1d,
    LazyConv2d as LazyConv2d,
    LazyConv3d as LazyConv3d,
    LazyConvTranspose1d as LazyConvTranspose1d,
    LazyConvTranspose2d as LazyConvTranspose2d,
    LazyConvTranspose3d as LazyConvTranspose3d,
)
from ._linear import Bilinear as Bilinear, Identity as Identity, Linear as Linear
from ._loss import (
    BCELoss as BCELoss,
    BCEWithLogitsLoss as BCEWithLogitsLoss,
    CrossEntropyLoss as CrossEntropyLoss,
    HuberLoss as HuberLoss,
    KLDivLoss as KLDivLoss,
    L1Loss as L1Loss,
    MSELoss as MSELoss,
    NLLLoss as NLLLoss,
    SmoothL1Loss as SmoothL1Loss,
)
from ._module import Module as Module
from ._parameter import Buffer as Buffer, Parameter as Parameter
from ._parameter_containers import ParameterDict as ParameterDict, ParameterList as ParameterList
from ._summary import ModelSummary as ModelSummary, summary as summary
from ._uninitialized import UninitializedBuffer as UninitializedBuffer, UninitializedParameter as UninitializedParameter
