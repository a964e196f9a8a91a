"""The older spectral norm, which computes the weight in a hook before each call."""

from __future__ import annotations

from typing import Any

from tapeless._core.modes import no_grad
from tapeless._core.registry import FUNCTIONS

from .. import functional as F
from .._convolution import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from .._parameter import Parameter
from .._uninitialized import is_lazy
from ._norms import as_matrix, random_direction


class SpectralNorm:
    """The hook: sets ``module.<name>`` to ``<name>_orig`` divided by its largest singular value."""

    _version = 1

    def __init__(self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.name, self.dim, self.eps = name, dim, eps
        self.n_power_iterations = n_power_iterations

    def compute_weight(self, module: Any, do_power_iteration: bool) -> Any:
        """Return the divided weight, after improving the estimate of the singular vectors in place."""
        weight, u, v = [getattr(module, self.name + end) for end in ("_orig", "_u", "_v")]
        matrix = as_matrix(weight, self.dim)
        if do_power_iteration:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(F.normalize(matrix.t().mv(u), dim=0, eps=self.eps))
                    u.copy_(F.normalize(matrix.mv(v), dim=0, eps=self.eps))
                # Copies, because the next call changes the buffers, and the gradient needs them as they are.
                u, v = u.clone(), v.clone()
        return weight / FUNCTIONS["dot"](u, matrix.mv(v))

    @staticmethod
    def apply(module: Any, name: str, n_power_iterations: int, dim: int, eps: float) -> SpectralNorm:
        """Rename the parameter, draw the vectors, register the hooks; raises ``RuntimeError`` where there is one."""
        if any(isinstance(hook, SpectralNorm) and hook.name == name for hook in module._forward_pre_hooks.values()):
            raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
        hook = SpectralNorm(name, n_power_iterations, dim, eps)
        weight = module._parameters[name]
        if weight is None:
            raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
        if is_lazy(weight):
            raise ValueError(
                "The module passed to `SpectralNorm` can't have uninitialized parameters. Make sure to run the dummy "
                "forward before applying spectral normalization"
            )
        with no_grad():
            matrix = as_matrix(weight, dim)
            u, v = [random_direction(weight, size, eps) for size in matrix.shape]
        del module._parameters[name]
        module.register_parameter(f"{name}_orig", weight)
        # The values, not the parameter: an attribute that is one would be registered.
        setattr(module, name, weight.data)
        module.register_buffer(f"{name}_u", u)
        module.register_buffer(f"{name}_v", v)
        module.register_forward_pre_hook(hook)
        module._register_state_dict_hook(SpectralNormStateDictHook(hook))
        return hook

    def remove(self, module: Any) -> None:
        """Make the weight a parameter again."""
        with no_grad():
            weight = self.compute_weight(module, do_power_iteration=False)
        delattr(module, self.name)
        for end in ("_u", "_v", "_orig"):
            delattr(module, self.name + end)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, do_power_iteration=module.training))


class SpectralNormStateDictHook:
    """Notes in the metadata of a state dict which version wrote it, as PyTorch does."""

    def __init__(self, hook: SpectralNorm) -> None:
        self.fn = hook

    def __call__(self, module: Any, state_dict: Any, prefix: str, local_metadata: dict[str, Any]) -> None:
        key = f"{self.fn.name}.version"
        versions = local_metadata.setdefault("spectral_norm", {})
        if key in versions:
            raise RuntimeError(f"Unexpected key in metadata['spectral_norm']: {key}")
        versions[key] = self.fn._version


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """Keep the largest singular value of the weight at 1, in the older way; return the module.

    The parameter is ``<name>_orig``, the singular vectors are buffers ``<name>_u`` and ``<name>_v``, improved by
    ``n_power_iterations`` steps before each call in training mode. `parametrizations.spectral_norm` is the newer
    way. Raises ``RuntimeError`` where it was applied already, ``ValueError`` unless ``n_power_iterations`` is positive.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.spectral_norm.html

    >>> import tapeless as tl
    >>> layer = tl.nn.utils.spectral_norm(tl.nn.Linear(20, 40))
    >>> list(layer.state_dict())
    ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    if dim is None:
        dim = 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0
    SpectralNorm.apply(module, name, n_power_iterations, dim, eps)
    return module


def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """Take `spectral_norm` away again, keeping the weight; raises ``ValueError`` where there is none.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.remove_spectral_norm.html

    >>> import tapeless as tl
    >>> layer = tl.nn.utils.spectral_norm(tl.nn.Linear(3, 2))
    >>> layer = tl.nn.utils.remove_spectral_norm(layer)
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'weight']
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            break
    else:
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    for key, state_hook in module._state_dict_hooks.items():
        if isinstance(state_hook, SpectralNormStateDictHook) and state_hook.fn.name == name:
            del module._state_dict_hooks[key]
            break
    return module
