"""Why the entries fail that still do: a reason for each kind of each, which `python -m tests.parity --check` asks
for."""

from __future__ import annotations

WRONG_THERE = "PyTorch's own result is wrong"
REASONS: dict[str, dict[str, str]] = {
    "masked.logaddexp": {"gradgrad": "PyTorch's second gradient is NaN where both elements are masked; ours is 0"},
    "masked.logsumexp": {"dtype": "a uint8 result of infinity: what C leaves undefined"},
    "istft": {"grad": "PyTorch cuts the graph of the window in two samples; ours keeps it"},
    "special.bessel_j0": {"value": f"{WRONG_THERE} from the sixth digit on (compared with SciPy)"},
    "special.bessel_y1": {"value": f"{WRONG_THERE} from the sixth digit on (compared with SciPy)"},
    "histogramdd": {"dtype": "a float32 element on the edge of two bins falls into the other one"},
    "distributions.LowRankMultivariateNormal": {
        "kl": "PyTorch cannot broadcast a batch of low rank over a single normal distribution; we can"
    },
    "distributions.Wishart": {
        "grad": "PyTorch's cholesky_solve has a gradient above the diagonal, which it does not read",
        "kl": "PyTorch's divergence of exponential families has no gradients with respect to p; ours has",
    },
}
