"""What looks at images through windows: convolution, pooling, padding, patches, resampling."""

from __future__ import annotations

import numpy as np

from tests.ops.table import call, f, row

# -- Convolution -----------------------------------------------------------------------------------------


def valid(x, w, b=None):
    """Correlate in one, two or three dims, without padding."""
    ndim = x.ndim - 2
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], tuple(range(2, x.ndim)))
    dims = "uvw"[:ndim], "xyz"[:ndim]
    out = np.einsum(f"nc{dims[0]}{dims[1]},oc{dims[1]}->no{dims[0]}", windows, w)
    return out if b is None else out + b.reshape(-1, *[1] * ndim)


def plain(x, w, b=None, **options):
    """Give the reference for the samples without options, of batches."""
    return None if options or x.ndim != w.ndim else valid(x, w, b)


for ndim in (1, 2, 3):
    image, kernel = (5, 4, 3)[-ndim:], (3, 2, 2)[-ndim:]
    row(
        f"nn.functional.conv{ndim}d",
        [
            call(f(2, 3, *image), f(4, 3, *kernel), f(4)),
            call(f(3, *image), f(2, 3, *kernel)),
            call(f(1, 2, *image), f(2, 2, *kernel), stride=2, padding=1),
            call(f(1, 2, *image), f(2, 2, *kernel), f(2), padding="same"),
            call(f(1, 4, *image), f(4, 2, *kernel), groups=2, padding="valid"),
            call(f(1, 1, *image), f(1, 1, *kernel), dilation=2, padding=(2,) * ndim),
            call(f(0, 1, *image), f(1, 1, *kernel)),
        ],
        plain,
        kinds="f",
    )
    row(
        f"nn.functional.conv_transpose{ndim}d",
        [
            call(f(2, 3, *kernel), f(3, 2, *kernel), f(2)),
            call(f(3, *kernel), f(3, 2, *kernel)),
            call(f(1, 2, *kernel), f(2, 2, *kernel), stride=2, padding=1, output_padding=1),
            call(f(1, 4, *kernel), f(4, 1, *kernel), groups=2),
            call(f(1, 1, *kernel), f(1, 1, *kernel), dilation=(2,) * ndim),
        ],
        kinds="f",
    )

# -- Padding and patches ---------------------------------------------------------------------------------

PADS = [call(f(2, 3), (1, 2)), call(f(2, 3), (1, 0, 0, 2), 1.5), call(f(3), (-1, 2)), call(f(2, 3), (-1, -1, 1, 0))]
row("constant_pad_nd", PADS)
MODES = [call(f(1, 2, 4), (2, 1), mode) for mode in ("reflect", "replicate", "circular")]
MODES += [call(f(1, 2, 3, 4), (1, 2, 2, 1), mode=mode) for mode in ("reflect", "replicate", "circular")]
MODES += [call(f(1, 1, 2, 3, 2), (1, 1, 2, 0, 1, 1), mode) for mode in ("reflect", "replicate", "circular")]
row("nn.functional.pad", [*[call(*s.args[:2]) for s in PADS], call(f(2, 3), (1, 1), value=2.0), *MODES], kinds="f")
PATCHES = [call(f(2, 3, 4, 5), 2), call(f(1, 2, 4, 4), (2, 3), padding=1, stride=2), call(f(2, 5, 5), 2, dilation=2)]
row("nn.functional.unfold", PATCHES, kinds="f")
row("nn.functional.fold", [call(f(2, 12, 6), (3, 4), 2), call(f(1, 4, 9), (4, 4), 2, padding=1, stride=2),
    call(f(4, 4), 3, 2), call(f(1, 4, 4), (4, 4), 2, dilation=2)], kinds="f")  # fmt: skip

# -- Pooling ---------------------------------------------------------------------------------------------


def apart(*shape):
    """Draw different numbers, far enough apart for the largest in a window to stay the largest."""
    return np.random.default_rng(len(shape)).permutation(int(np.prod(shape))).reshape(shape) / 4 - 1


for ndim, image in ((1, (6,)), (2, (5, 4)), (3, (4, 3, 3))):
    windows = [{"kernel_size": 2}, {"kernel_size": 3, "stride": 2, "padding": 1}]
    windows += [{"kernel_size": 3, "stride": 2, "ceil_mode": True}, {"kernel_size": (2,) * ndim, "stride": (1,) * ndim}]
    inexact = [{"kernel_size": 3, "stride": 1, "padding": 1, "count_include_pad": False}]
    if ndim > 1:  # the pooling of one dim has no such option in PyTorch
        inexact += [{"kernel_size": 2, "divisor_override": 3}]
    averages = [call(f(1, 2, *image), **options) for options in [*windows, *inexact]]
    row(f"nn.functional.avg_pool{ndim}d", [*averages, call(f(1, *image), 2)], kinds="f")
    dilated = {"kernel_size": 2, "dilation": 2, "padding": 1, "stride": 1}
    maxima = [call(apart(1, 2, *image), **options) for options in [*windows, dilated]]
    row(f"nn.functional.max_pool{ndim}d", [*maxima, call(apart(1, *image), 2)], kinds="f")
    row(f"nn.functional.max_pool{ndim}d_with_indices", [*maxima, call(apart(1, *image), 2)], kinds="f")
    parts = [(2,) * ndim, 1, 2 if ndim == 1 else (None, *(2,) * (ndim - 1))]
    row(f"nn.functional.adaptive_avg_pool{ndim}d", [call(f(2, 1, *image), p) for p in parts], kinds="f")
    for name in (f"adaptive_max_pool{ndim}d", f"adaptive_max_pool{ndim}d_with_indices"):
        row(f"nn.functional.{name}", [call(apart(2, 1, *image), p) for p in parts], kinds="f")
    places = np.stack([np.arange(2**ndim) * 3 for _ in range(2)]).reshape(1, 2, *(2,) * ndim)
    options = [{}, {"stride": 3}, {"kernel_size": 3, "stride": 2}]
    unpooled = [call(f(1, 2, *(2,) * ndim), places, **{"kernel_size": 3, **o}) for o in options]
    row(f"nn.functional.max_unpool{ndim}d", [*unpooled, call(f(2, *(2,) * ndim), places[0], 3)], kinds="f")
    norms = [call(f(2, 1, *image, lo=0.2), p, 2) for p in (1.0, 2.0, 3.0)]
    row(f"nn.functional.lp_pool{ndim}d", [*norms, call(f(1, *image, lo=0.2), 2.0, 3, 1, True)], kinds="f")
for ndim in (2, 3):
    image = (4, 5, 5)[-ndim:]
    drawn = np.float32([[[0.3, 0.7, 0.5], [0.1, 0.9, 0.2]]])[..., :ndim].astype(float)
    fractions = [{"output_size": 2}, {"output_size": (2, 3, 3)[-ndim:]}, {"output_ratio": (0.5,) * ndim}]
    row(f"nn.functional.fractional_max_pool{ndim}d",
        [call(apart(1, 2, *image), 2, _random_samples=drawn, **o) for o in fractions], kinds="f")  # fmt: skip

# -- Resampling ------------------------------------------------------------------------------------------

GRID, CUBE = f(1, 2, 2, 2, lo=-0.93, hi=0.91), f(1, 1, 2, 2, 3, lo=-0.93, hi=0.91)
BEYOND = f(1, 3, 2, 2, lo=-1.9, hi=1.9)
SQUARE, BLOCK = f(1, 2, 3, 3), f(1, 1, 3, 2, 3)
PADDINGS = ("zeros", "border", "reflection")
ALIGNED = [{"align_corners": True}, {"align_corners": False}]
WAYS = [{"mode": mode, **aligned} for mode in ("bilinear", "nearest", "bicubic") for aligned in ALIGNED]
SAMPLED = [call(SQUARE, GRID, **way) for way in WAYS]
SAMPLED += [call(SQUARE[:, :1], BEYOND, padding_mode=padding, **way) for padding in PADDINGS for way in ALIGNED]
SAMPLED += [call(BLOCK, CUBE, **way) for way in WAYS[:4]]
# On the border between pixels the slopes of both sides differ: points are not rounded to there.
row("nn.functional.grid_sample", SAMPLED, kinds="f", kinks=False)
NUMBERED = [call(SQUARE, GRID, mode, padding, True) for mode, padding in ((0, 0), (1, 1), (2, 2), (0, 2))]
row("grid_sampler", NUMBERED, kinds="f", kinks=False)
row("grid_sampler_3d", [call(BLOCK, CUBE, *modes, False) for modes in ((0, 0), (1, 1))], kinds="f", kinks=False)
AFFINE = [call(f(2, 2, 3), (2, 1, 3, 4)), call(f(1, 3, 4), (1, 1, 2, 3, 2), align_corners=True)]
row("nn.functional.affine_grid", AFFINE, kinds="f")
LINES, IMAGES, VOLUMES = f(2, 2, 5), f(1, 2, 4, 3), f(1, 1, 3, 2, 4)
SCALED = [call(x, size) for x, size in ((LINES, 7), (IMAGES, (6, 2)), (VOLUMES, 3))]
TO_IMAGES = ("nearest", "nearest-exact", "bilinear", "bicubic", "area")
SCALED += [call(IMAGES, scale_factor=1.6, mode=mode) for mode in TO_IMAGES]
SCALED += [call(LINES, 8, mode="linear", align_corners=True), call(VOLUMES, (4, 4, 4), mode="trilinear")]
SCALED += [call(IMAGES, (7, 5), mode="bilinear", align_corners=True)]
SCALED += [call(IMAGES, (2, 2), mode=mode, antialias=True) for mode in ("bilinear", "bicubic")]
row("nn.functional.interpolate", SCALED, kinds="f")
row("nn.functional.upsample", SCALED[:3], kinds="f")
row("nn.functional.upsample_nearest", SCALED[:3], kinds="f")
row("nn.functional.upsample_bilinear", [call(IMAGES, (6, 5)), call(IMAGES, scale_factor=2)], kinds="f")
