"""Parametrizations that are made already: `orthogonal`, `weight_norm`, `spectral_norm`.

Source: https://docs.pytorch.org/docs/stable/nn.html#utilities
"""

from __future__ import annotations

from typing import Any

from tapeless._core.modes import no_grad
from tapeless._core.registry import FUNCTIONS
from tapeless._tensor import Tensor

from .. import functional as F
from .._convolution import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from .._module import Module
from . import parametrize
from ._norms import apply_weight_norm, as_matrix, norm_except_dim, random_direction
from ._orthogonal import orthogonal as orthogonal

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


class _WeightNorm(Module):
    """Direction and length apart: ``original0`` are the norms, ``original1`` what is scaled to them."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Any:
        """Return ``weight_v`` scaled to the norms ``weight_g``."""
        return apply_weight_norm(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Any, Any]:
        """Return norms and directions of ``weight``."""
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Train length and direction of the weights apart: ``w = g v / |v|``; return the module.

    The norm is taken over all axes but ``dim``: a length for each output of a layer. With ``dim=None`` there is one for
    all. State dicts of the old `nn.utils.weight_norm` can be loaded.
    Source: T. Salimans, D. P. Kingma, https://arxiv.org/abs/1602.07868;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrizations.weight_norm.html

    >>> import tapeless as tl
    >>> layer = weight_norm(tl.nn.Linear(20, 40))
    >>> layer.parametrizations.weight.original0.shape, layer.parametrizations.weight.original1.shape
    (torch.Size([40, 1]), torch.Size([40, 20]))
    """
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def read_old_names(state_dict: Any, prefix: str, *others: Any) -> None:
        old = [f"{prefix}{name}_g", f"{prefix}{name}_v"]
        if all(key in state_dict for key in old):
            for i, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(read_old_names)
    return module


class _SpectralNorm(Module):
    """Divides a matrix by its largest singular value, which power iteration keeps track of in training."""

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        ndim = weight.ndim
        if not -ndim <= dim < ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got {dim})")
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim % ndim
        self.eps = eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight, self.dim)
            u, v = (random_direction(matrix, size, eps) for size in matrix.shape)
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)
            self._iterate(matrix, 15)

    @no_grad()
    def _iterate(self, matrix: Any, count: int) -> None:
        """Bring ``_u`` and ``_v`` closer to the singular vectors, in place: whoever shares the buffers sees it."""
        for _ in range(count):
            self._u.copy_(F.normalize(matrix.mv(self._v), dim=0, eps=self.eps))
            self._v.copy_(F.normalize(matrix.mH.mv(self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Any:
        """Return the weight divided by its largest singular value; a vector divided by its length."""
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        # Copies, because the next call changes the buffers, and the gradient needs them as they are.
        u, v = self._u.clone(), self._v.clone()
        return weight / FUNCTIONS["vdot"](u, matrix.mv(v))

    def right_inverse(self, value: Tensor) -> Tensor:
        """Return ``value``: what its norm is does not matter."""
        return value


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """Keep the largest singular value of ``module.<name>`` at 1, as a parametrization; return the module.

    The weight is taken as a matrix with axis ``dim`` as rows (by default 0, for transposed convolutions 1). Each time
    it is read in training mode, ``n_power_iterations`` steps of power iteration improve the estimate of the singular
    vectors ``_u`` and ``_v``, which are buffers and start in the same random directions as PyTorch's.

    Raises ``ValueError`` where there is no such parameter or ``n_power_iterations`` is not positive, ``IndexError`` for
    a ``dim`` that does not exist.
    Source: T. Miyato et al., https://arxiv.org/abs/1802.05957;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrizations.spectral_norm.html

    >>> import tapeless as tl
    >>> layer = spectral_norm(tl.nn.Linear(20, 40))
    >>> bool(abs(tl.linalg.matrix_norm(layer.weight, 2) - 1) < 0.1)
    True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if dim is None:
        dim = 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0
    made = _SpectralNorm(weight, n_power_iterations, dim, eps)
    return parametrize.register_parametrization(module, name, made)
