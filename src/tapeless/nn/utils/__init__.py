"""Helpers around modules: gradient clipping, all parameters as one vector, sequences of several lengths."""

from __future__ import annotations

from . import rnn as rnn
from ._clip import (
    clip_grad_norm_ as clip_grad_norm_,
    clip_grad_value_ as clip_grad_value_,
    clip_grads_with_norm_ as clip_grads_with_norm_,
    get_total_norm as get_total_norm,
)
from ._vector import (
    parameters_to_vector as parameters_to_vector,
    vector_to_parameters as vector_to_parameters,
)
