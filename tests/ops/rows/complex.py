"""Complex numbers and Fourier transforms. Samples are real data; complex ones are in tests/autograd/test_complex.py."""

from __future__ import annotations

import numpy as np

from tests.ops.table import call, f, row, unary

Z = np.exp(1j * np.arange(6)).reshape(2, 3)

row("conj", unary(), np.conj)
row("conj_physical", unary(), np.conj)
row("resolve_conj", unary(), lambda x: x)
row("resolve_neg", unary(), lambda x: x)
row("real", unary(), np.real)
row("imag", [call(Z)], np.imag, gradient=False, kinds="")
row("view_as_real", [call(Z)], lambda z: np.stack([z.real, z.imag], -1), gradient=False, kinds="")
# view_as_complex refuses what is not contiguous
row("view_as_complex", [call(f(2)), call(f(3, 2))], lambda x: x[..., 0] + 1j * x[..., 1], kinds="f", layout=False)
row("complex", [call(f(), f()), call(f(2, 3), f(3))], lambda a, b: a + 1j * b, kinds="f")
row("polar", [call(f(3), f(3)), call(f(2, 3), f(3))], lambda a, b: a * np.exp(1j * b), kinds="f")
row("angle", unary(), np.angle, kinds="fi")
row("isreal", [call(Z), call(f(3))], np.isreal, gradient=False, kinds="")

NORMS = [call(f(4)), call(f(2, 5), norm="ortho"), call(f(3, 4), 6, 0), call(f(2, 4), 3, norm="forward")]
row("fft.fft", NORMS, lambda x, n=None, dim=-1, norm=None: np.fft.fft(x, n, dim, norm), kinds="f")
row("fft.ifft", NORMS, lambda x, n=None, dim=-1, norm=None: np.fft.ifft(x, n, dim, norm), kinds="f")
row("fft.rfft", NORMS, lambda x, n=None, dim=-1, norm=None: np.fft.rfft(x, n, dim, norm), kinds="f")
row("fft.irfft", NORMS, lambda x, n=None, dim=-1, norm=None: np.fft.irfft(x, n, dim, norm), kinds="f")
row("fft.hfft", NORMS, lambda x, n=None, dim=-1, norm=None: np.fft.hfft(x, n, dim, norm), kinds="f")
row("fft.ihfft", NORMS, lambda x, n=None, dim=-1, norm=None: np.fft.ihfft(x, n, dim, norm), kinds="f")

SEVERAL = [call(f(3, 4)), call(f(2, 3, 4), norm="ortho"), call(f(3, 4), (4, 5), (0, 1)), call(f(2, 3, 4), None, (0, 1))]
for name in "fft ifft rfft irfft hfft ihfft".split():
    row(f"fft.{name}n", SEVERAL, getattr(np.fft, f"{name}n", None), kinds="f")
    row(f"fft.{name}2", SEVERAL, kinds="f")
SHIFTS = [call(f(4)), call(f(5)), call(f(2, 3)), call(f(2, 3), 0), call(f(4, 3), (0, 1))]
row("fft.fftshift", SHIFTS, np.fft.fftshift, kinds="f")
row("fft.ifftshift", SHIFTS, np.fft.ifftshift, kinds="f")

WINDOW = np.array([0.2, 1.0, 0.8, 0.3])
SPECTRA = {"return_complex": True}
row("stft", [call(f(12), 4, window=WINDOW, **SPECTRA), call(f(2, 9), 4, 2, center=False, **SPECTRA)])
row("istft", [call(np.fft.rfft(f(5, 4)).T.copy(), 4, window=WINDOW)], gradient=False, kinds="")
