"""Layers that reshape."""

from __future__ import annotations

from collections.abc import Sequence

from tapeless._tensor import Tensor

from ._module import Module


class Flatten(Module):
    """Merge the axes ``start_dim`` to ``end_dim`` into one; by default all but the first (the batch).

    Shape: (N, A, B, ...) to (N, A * B * ...) by default.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Flatten.html

    >>> import tapeless as tl
    >>> tl.nn.Flatten()(tl.zeros(2, 3, 4)).shape
    torch.Size([2, 12])
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        """Return ``input`` with the axes merged."""
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """Return the two axes."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Split the axis ``dim`` into axes of the sizes ``unflattened_size`` (one of them may be -1).

    Shape: (..., A * B, ...) to (..., A, B, ...) for ``unflattened_size=(A, B)``.

    Raises ``TypeError`` unless the sizes are a tuple or list of ints.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Unflatten.html

    >>> import tapeless as tl
    >>> tl.nn.Unflatten(1, (3, 4))(tl.zeros(2, 12)).shape
    torch.Size([2, 3, 4])
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        if not isinstance(unflattened_size, (tuple, list)):
            raise TypeError(
                f"unflattened_size must be a tuple of ints, but found type {type(unflattened_size).__name__}"
            )
        for place, size in enumerate(unflattened_size):
            if not isinstance(size, int):
                raise TypeError(
                    "unflattened_size must be tuple of ints, "
                    f"but found element of type {type(size).__name__} at pos {place}"
                )
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        """Return ``input`` with the axis split."""
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        """Return the axis and the sizes."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
