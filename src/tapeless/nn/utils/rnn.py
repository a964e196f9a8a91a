"""Sequences of several lengths: padded to one tensor, or packed so that a recurrent layer computes no padding.

Source: https://docs.pytorch.org/docs/stable/nn.html#utilities
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tapeless._core.registry import FUNCTIONS
from tapeless._core.tensor_base import unwrap, wrap
from tapeless._creation import as_tensor
from tapeless._dtypes import float16, float32, float64, int8, int16, int32, int64, scalar_name, uint8
from tapeless._tensor import Tensor


class _Fields(NamedTuple):
    data: Any
    batch_sizes: Any
    sorted_indices: Any
    unsorted_indices: Any


class PackedSequence(_Fields):
    """Sequences of several lengths, one step after the other: what recurrent layers take in place of a padded batch.

    `data` (elements, ...) holds the first elements of all sequences, the longest one's first, then the second elements
    of all that have one, and so on; ``batch_sizes[t]`` (int64) says how many have a step t. `sorted_indices` tells
    which of the original sequences stands where, `unsorted_indices` the way back; both None if they were in order.

    Made by `pack_padded_sequence` and `pack_sequence`. Raises ``AssertionError`` for one argument that is no pair.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.PackedSequence.html

    >>> import tapeless as tl
    >>> packed = pack_sequence([tl.tensor([1, 2, 3]), tl.tensor([4])])
    >>> packed.data, packed.batch_sizes
    (tensor([1, 4, 2, 3]), tensor([2, 1, 1]))
    """

    def __new__(
        cls, data: Any, batch_sizes: Any = None, sorted_indices: Any = None, unsorted_indices: Any = None
    ) -> PackedSequence:
        """Also take ``((data, batch_sizes), sorted_indices=...)``; `unsorted_indices` follow from `sorted_indices`."""
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise AssertionError(
                    f"Expected data to be a list or tuple of length 2\n"
                    f"Got {type(data).__name__}: give (data, batch_sizes)."
                )
            data, batch_sizes = data
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Return the sequences with `data` converted as by `Tensor.to`; this one itself, if that changes nothing."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else type(self)(data, *self[1:])

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Return the sequences in the CPU's memory, where they are already."""
        return self.to(*args, device="cpu", **kwargs)

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Refuse: there is no GPU (``RuntimeError``)."""
        return self.to(*args, **{"device": "cuda", **kwargs})

    def pin_memory(self) -> PackedSequence:
        """Refuse, as PyTorch does where there is no GPU (``RuntimeError``)."""
        raise RuntimeError(
            "Cannot access accelerator device when none is available.\n"
            "Memory is pinned for copies to a GPU: leave it away."
        )

    def double(self) -> PackedSequence:
        """Convert `data` to float64."""
        return self.to(dtype=float64)

    def float(self) -> PackedSequence:
        """Convert `data` to float32."""
        return self.to(dtype=float32)

    def half(self) -> PackedSequence:
        """Convert `data` to float16."""
        return self.to(dtype=float16)

    def long(self) -> PackedSequence:
        """Convert `data` to int64."""
        return self.to(dtype=int64)

    def int(self) -> PackedSequence:
        """Convert `data` to int32."""
        return self.to(dtype=int32)

    def short(self) -> PackedSequence:
        """Convert `data` to int16."""
        return self.to(dtype=int16)

    def char(self) -> PackedSequence:
        """Convert `data` to int8."""
        return self.to(dtype=int8)

    def byte(self) -> PackedSequence:
        """Convert `data` to uint8."""
        return self.to(dtype=uint8)

    @property
    def is_cuda(self) -> bool:
        """Whether `data` is in a GPU's memory: never."""
        return False

    def is_pinned(self) -> bool:
        """Whether `data` is in pinned memory: never."""
        return False


def invert_permutation(permutation: Any) -> Any:
    """Return the permutation that undoes this one, a 1-d integer tensor; None for None.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.invert_permutation.html

    >>> import tapeless as tl
    >>> invert_permutation(tl.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    if permutation is None:
        return None
    order = unwrap(permutation)
    inverse = np.empty_like(order)
    inverse[order] = np.arange(order.size, dtype=order.dtype)
    return wrap(inverse)


# -- Packing ---------------------------------------------------------------------------------------------


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack a padded batch, (steps, batch, ...) or with `batch_first` (batch, steps, ...); gradients flow back.

    `lengths` (batch,) says how much of each sequence counts, a list or a tensor. Unless `enforce_sorted`, sequences are
    put in order, the longest first; otherwise they have to be.

    Raises ``RuntimeError`` for lengths that are not positive, not one for each sequence, or not in order, and for an
    empty batch.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pack_padded_sequence.html

    >>> import tapeless as tl
    >>> batch = tl.tensor([[1, 2, 0], [3, 0, 0], [4, 5, 6]])
    >>> packed = pack_padded_sequence(batch, [2, 1, 3], batch_first=True, enforce_sorted=False)
    >>> packed.data, packed.sorted_indices
    (tensor([4, 1, 3, 5, 2, 6]), tensor([2, 0, 1]))
    """
    if isinstance(lengths, Tensor):
        counts = unwrap(lengths).astype(int64)
    else:
        counts = np.asarray(list(lengths)).astype(int64)
    order = None
    if not enforce_sorted:
        order = np.argsort(-counts, kind="stable")
        counts = counts[order]
        input = input.index_select(0 if batch_first else 1, wrap(order))
    _check_lengths(input, counts, batch_first)
    # Lengths beyond the input's end count steps that have no elements, as in PyTorch.
    sizes = (counts[:, None] > np.arange(counts[0])).sum(0)
    steps, rows = np.nonzero(np.arange(len(counts)) < sizes[: input.shape[1 if batch_first else 0], None])
    data = input[(wrap(rows), wrap(steps)) if batch_first else (wrap(steps), wrap(rows))]
    return PackedSequence(data, wrap(sizes.astype(int64)), None if order is None else wrap(order))


def _check_lengths(input: Any, counts: Any, batch_first: bool) -> None:
    """Refuse, in PyTorch's words, what can not be packed."""
    if counts.ndim != 1:
        raise RuntimeError(
            f"'lengths' argument should be a 1D CPU int64 tensor, but got {counts.ndim}D cpu "
            f"{scalar_name(counts.dtype)} tensor\nThere is one length for each sequence."
        )
    if input.numel() == 0:
        raise RuntimeError(f"Cannot pack empty tensors.\nThe input has shape {list(input.shape)}.")
    batch = input.shape[0 if batch_first else 1]
    if len(counts) != batch:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(counts)} (batch_size={batch})"
        )
    if (counts[1:] > counts[:-1]).any():
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement if you "
            "do not need ONNX exportability."
        )
    if counts[-1] <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """Return a padded batch, (steps, batch, ...) or with `batch_first` (batch, steps, ...), and the lengths, (batch,).

    The way back from `pack_padded_sequence`: sequences are in their original order. `total_length` asks for more steps
    than the longest sequence has. Raises ``ValueError`` if it is less.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pad_packed_sequence.html

    >>> import tapeless as tl
    >>> batch, lengths = pad_packed_sequence(pack_sequence([tl.tensor([1, 2, 3]), tl.tensor([4])]), batch_first=True)
    >>> batch.tolist(), lengths
    ([[1, 2, 3], [4, 0, 0]], tensor([3, 1]))
    """
    data, batch_sizes, _, back = sequence
    sizes = unwrap(batch_sizes)
    length = len(sizes)
    if total_length is not None:
        if total_length < length:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, but got "
                f"total_length={total_length} and max sequence length being {length}"
            )
        length = total_length
    counts = (sizes[:, None] > np.arange(sizes[0])).sum(0)
    places = np.nonzero(np.arange(sizes[0]) < sizes[:, None])  # (steps, sequences) of the elements
    padded = data.new_full((length, int(sizes[0]), *data.shape[1:]), padding_value)
    padded = padded.index_put((wrap(places[0]), wrap(places[1])), data)
    if batch_first:
        padded = padded.transpose(0, 1)
    lengths = wrap(counts.astype(int64))
    if back is None:
        return padded, lengths
    return padded.index_select(0 if batch_first else 1, back), lengths[back]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack tensors (length, ...) of several lengths: `pad_sequence`, then `pack_padded_sequence`, which see.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pack_sequence.html

    >>> import tapeless as tl
    >>> pack_sequence([tl.tensor([1, 2]), tl.tensor([3, 4, 5])], enforce_sorted=False).data
    tensor([3, 1, 4, 2, 5])
    """
    lengths = as_tensor([sequence.size(0) for sequence in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Return the tensors that were packed, in their original order.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.unpack_sequence.html

    >>> import tapeless as tl
    >>> unpack_sequence(pack_sequence([tl.tensor([1, 2, 3]), tl.tensor([4])]))
    [tensor([1, 2, 3]), tensor([4])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)


# -- Padding ---------------------------------------------------------------------------------------------


def pad_sequence(
    sequences: Any, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Stack tensors (length, ...) of several lengths, the shorter ones padded: (longest, number, ...).

    With `batch_first`, (number, longest, ...). `padding_side` is "right" (behind the elements) or "left". The result
    has the first tensor's dtype. Raises ``RuntimeError`` for no tensors, another `padding_side`, and shapes that do not
    go together.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pad_sequence.html

    >>> import tapeless as tl
    >>> pad_sequence([tl.tensor([1, 2, 3]), tl.tensor([4])], batch_first=True, padding_value=9)
    tensor([[1, 2, 3],
            [4, 9, 9]])
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    tensors = list(sequences)
    for k, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            raise TypeError(f"expected Tensor as element {k} in argument 0, but got {type(x).__name__}")
    if not tensors:
        raise RuntimeError("received an empty list of sequences\nThere is nothing to pad.")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    longest = max(x.size(0) for x in tensors)
    first = tensors[0]
    padded = [_padded(x, longest, first, padding_value, padding_side == "left") for x in tensors]
    out: Tensor = FUNCTIONS["stack"](padded, 0 if batch_first else 1)
    return out


def _padded(x: Any, length: int, first: Any, value: float, left: bool) -> Any:
    """Return a sequence with as many elements as the longest has, in the dtype and trailing shape of the first."""
    x = x.to(first.dtype)
    if x.shape[1:] != first.shape[1:]:
        x = x.expand((x.shape[0], *first.shape[1:]))
    if x.shape[0] == length:
        return x
    filling = first.new_full((length - x.shape[0], *first.shape[1:]), value)
    out = FUNCTIONS["cat"]([filling, x] if left else [x, filling])
    return out


def unpad_sequence(padded_sequences: Tensor, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """Return the sequences of a padded batch, (steps, batch, ...) or with `batch_first` (batch, steps, ...).

    `lengths` (batch,) is a tensor. Raises ``ValueError`` unless there is one for each sequence.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.unpad_sequence.html

    >>> import tapeless as tl
    >>> unpad_sequence(tl.tensor([[1, 2, 3], [4, 0, 0]]), tl.tensor([3, 1]), batch_first=True)
    [tensor([1, 2, 3]), tensor([4])]
    """
    sequences = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    counts = unwrap(lengths)
    if len(counts) != len(sequences):
        shorter = "shorter" if len(counts) < len(sequences) else "longer"
        raise ValueError(
            f"zip() argument 2 is {shorter} than argument 1\nExpected {len(sequences)} lengths, got {len(counts)}."
        )
    return [sequence[: max(int(n), 0)].clone() for sequence, n in zip(sequences, counts, strict=True)]
