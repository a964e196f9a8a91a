"""SparseAdam, which has nothing to do here."""

from __future__ import annotations

from typing import Any

from ._arena import Unit
from ._optimizer import Optimizer, Params
from ._options import check_betas, check_options


class SparseAdam(Optimizer):
    """Adam for sparse gradients. Tapeless has only dense ones, which it refuses in the step, as in PyTorch.

    Raises ValueError for options out of range and complex parameters; RuntimeError in the step. Use `Adam`.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.SparseAdam.html

    >>> import tapeless as tl
    >>> p = tl.nn.Parameter(tl.tensor([1.0]))
    >>> (p * 3).sum().backward()
    >>> SparseAdam([p]).step()
    Traceback (most recent call last):
        ...
    RuntimeError: SparseAdam does not support dense gradients, please consider Adam instead
    Tapeless has no sparse tensors, so all gradients are dense; those of an embedding too.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        groups = [group["params"] for group in self.param_groups]
        places = [[i, j] for i, params in enumerate(groups) for j, p in enumerate(params) if p.is_complex()]
        if places:
            raise ValueError(f"Complex params at indices {places}: SparseAdam does not support complex parameters")

    def check(self, group: dict[str, Any]) -> None:
        """Refuse options out of range."""
        check_options(
            group,
            ("lr", lambda x: x > 0, "learning rate"),
            ("eps", lambda x: x > 0, "epsilon value"),
        )
        check_betas(group)

    def update(self, unit: Unit, group: dict[str, Any]) -> None:
        """Refuse."""
        raise RuntimeError(
            "SparseAdam does not support dense gradients, please consider Adam instead\n"
            "Tapeless has no sparse tensors, so all gradients are dense; those of an embedding too."
        )
