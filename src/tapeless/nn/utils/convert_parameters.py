"""All parameters as one vector, under PyTorch's path, ``nn.utils.convert_parameters``."""

from __future__ import annotations

from ._vector import parameters_to_vector as parameters_to_vector, vector_to_parameters as vector_to_parameters
