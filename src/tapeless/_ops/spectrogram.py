"""Short-time Fourier transforms: the spectrum of each of many overlapping stretches of a signal."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.registry import FUNCTIONS, composite
from .._core.tensor_base import wrap
from .fourier import fft, ifft, irfft, rfft


@composite("stft")
def stft(
    input: Any,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Any:
    """Return the spectra of stretches of `n_fft` points, `hop_length` apart; shape ([batch,] frequencies, frames).

    `input` is (time) or (batch, time); `window` (of `win_length`, filled up with zeros to `n_fft`) multiplies each
    stretch, `center` pads the signal so that stretch t is centred at t * hop_length. Raises RuntimeError for sizes
    that do not fit. See https://docs.pytorch.org/docs/stable/generated/torch.stft.html

    >>> import tapeless as tl
    >>> tl.stft(tl.ones(8), n_fft=4, window=tl.ones(4), return_complex=True).shape
    torch.Size([3, 9])
    """
    hop = n_fft // 4 if hop_length is None else hop_length
    width = n_fft if win_length is None else win_length
    is_complex = input.is_complex() or (window is not None and window.is_complex())
    if not return_complex:
        if return_complex is None and not is_complex:
            raise RuntimeError(
                "stft requires the return_complex parameter be given for real inputs, and will further require that "
                "return_complex=True in a future PyTorch release."
            )
        if return_complex is None:
            return_complex = True
    _check_stft(input, n_fft, hop, width, window)
    batched = input.ndim == 2
    signal = input if batched else input.unsqueeze(0)
    if center:
        signal = _pad_both(signal, n_fft // 2, pad_mode)
    length = signal.shape[-1]
    if not 0 < n_fft <= length:
        raise RuntimeError(
            f"stft({list(signal.shape)}, n_fft={n_fft}, ...): expected 0 < n_fft <= {length}, but got n_fft={n_fft}"
        )
    starts = np.arange(0, length - n_fft + 1, hop)
    frames = signal[:, wrap(starts[:, None] + np.arange(n_fft))]  # (batch, frames, n_fft)
    shape = _full_window(window, width, n_fft)
    if shape is not None:
        frames = frames * shape
    half = (not is_complex) if onesided is None else onesided
    if half and is_complex:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    norm = "ortho" if normalized else None
    out = (rfft(frames, norm=norm) if half else fft(frames, norm=norm)).transpose(1, 2)
    out = out if batched else out.squeeze(0)
    return out if return_complex else FUNCTIONS["view_as_real"](out)


def _check_stft(input: Any, n_fft: int, hop: int, width: int, window: Any) -> None:
    what = f"stft({list(input.shape)}, n_fft={n_fft}, hop_length={hop}, win_length={width})"
    if input.dtype.kind not in "fc":
        raise RuntimeError(f"{what}: expected a tensor of floating point or complex values")
    if input.ndim not in (1, 2):
        raise RuntimeError(f"{what}: expected a 1D or 2D tensor")
    if hop <= 0:
        raise RuntimeError(f"{what}: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < width <= n_fft:
        raise RuntimeError(f"{what}: expected 0 < win_length <= n_fft, but got win_length={width}")
    if window is not None and tuple(window.shape) != (width,):
        raise RuntimeError(
            f"{what}: expected a 1D window tensor of size equal to win_length={width}, but got window with size "
            f"{list(window.shape)}"
        )


def _pad_both(signal: Any, count: int, mode: str) -> Any:
    """Pad the time of (batch, time) on both sides."""
    return FUNCTIONS["nn.functional.pad"](signal.unsqueeze(1), (count, count), mode=mode).squeeze(1)


def _full_window(window: Any, width: int, n_fft: int) -> Any:
    """Return the window with zeros around it up to `n_fft` points; None where all points count alike."""
    left = (n_fft - width) // 2
    if width == n_fft:
        return window
    if window is None:
        window = wrap(np.ones(width, np.float32))
    return FUNCTIONS["nn.functional.pad"](window, (left, n_fft - width - left))


@composite("istft")
def istft(
    input: Any,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Any:
    """Return the signal whose `stft` is nearest to `input`: stretches are added up and divided by the windows' sum.

    `input` is complex, ([batch,] frequencies, frames). Raises RuntimeError where the windows leave a gap.
    See https://docs.pytorch.org/docs/stable/generated/torch.istft.html

    >>> import tapeless as tl
    >>> x = tl.arange(8.0)
    >>> tl.istft(tl.stft(x, 4, window=tl.ones(4), return_complex=True), 4, window=tl.ones(4)).round()
    tensor([0., 1., 2., 3., 4., 5., 6., 7.])
    """
    hop = n_fft // 4 if hop_length is None else hop_length
    width = n_fft if win_length is None else win_length
    _check_istft(input, n_fft, hop, width, window, onesided, return_complex)
    batched = input.ndim == 3
    spectra = (input if batched else input.unsqueeze(0)).transpose(1, 2)  # (batch, frames, frequencies)
    norm = "ortho" if normalized else None
    if return_complex:
        frames = ifft(spectra, norm=norm)
    else:  # of whole spectra the first half says all
        frames = irfft(spectra[..., : n_fft // 2 + 1], n_fft, norm=norm)
    shape = _full_window(window, width, n_fft)
    shape = wrap(np.ones(n_fft, frames.real.dtype)) if shape is None else shape
    count = frames.shape[1]
    total = n_fft + hop * (count - 1)
    places = wrap(np.arange(count)[:, None] * hop + np.arange(n_fft)).reshape(-1)
    added = _overlap(frames * shape, places, total)
    weight = _overlap((shape * shape).expand(1, count, n_fft), places, total)
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else (total - n_fft // 2 if center else total)
    added, weight = added[:, start:end], weight[:, start:end]
    if float(weight.detach().abs().min()) < 1e-11:
        raise RuntimeError(
            "window overlap add min: 1\nThe windows leave a gap, or begin and end with zeros that center=False keeps: "
            "choose a shorter hop_length or another window."
        )
    out = added / weight
    if length is not None and out.shape[1] < length:
        out = FUNCTIONS["nn.functional.pad"](out, (0, length - out.shape[1]))
    return out if batched else out.squeeze(0)


def _check_istft(
    input: Any, n_fft: int, hop: int, width: int, window: Any, onesided: bool | None, return_complex: bool
) -> None:
    """Refuse what does not fit."""
    what = f"istft({list(input.shape)}, n_fft={n_fft}, hop_length={hop}, win_length={width})"
    if not input.is_complex():
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with return_complex=True."
        )
    if input.numel() == 0:
        raise RuntimeError(f"{what}: input tensor cannot be empty")
    if input.ndim not in (2, 3):
        raise RuntimeError(f"{what}: expected a tensor with 2 or 3 dimensions, but got {input.ndim}")
    frequencies = input.shape[-2]
    half = frequencies != n_fft if onesided is None else onesided
    expected = n_fft // 2 + 1 if half else n_fft
    if frequencies != expected:
        raise RuntimeError(
            f"{what}: expected the frequency dimension (3rd to the last) of the input tensor to match n_fft / 2 + 1 "
            f"when onesided=True and n_fft otherwise: {expected}, but got {frequencies}"
        )
    if not 0 < hop <= width:
        raise RuntimeError(f"{what}: expected 0 < hop_length <= win_length")
    if not 0 < width <= n_fft:
        raise RuntimeError(f"{what}: expected 0 < win_length <= n_fft")
    if half and return_complex:
        raise RuntimeError(f"{what}: cannot have onesided output if window or input is complex")
    if window is not None and tuple(window.shape) != (width,):
        raise RuntimeError(
            f"{what}: Invalid window shape. window has to be 1D and length of `win_length`, got {list(window.shape)}"
        )


def _overlap(frames: Any, places: Any, total: int) -> Any:
    """Add up frames (batch, frame, point), each element at its place in time."""
    batch = frames.shape[0]
    empty = wrap(np.zeros((batch, total), frames.dtype))
    return empty.index_add(1, places, frames.reshape(batch, -1))
