"""The picture of the suite, from the report alone: docs/benchmarks/suite.svg."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from _workloads import (
    AUTOGRAD,
    BORCH,
    COMPILE,
    COPY,
    FUSED,
    GEMMS,
    HAND,
    JAX,
    MYGRAD,
    NUMBA,
    OURS,
    SKLEARN,
    TAKE,
    TORCH,
)

# Of a middling brightness, so that they can be read on white and on black.
COLOURS = {
    TORCH: "#e8590c",
    FUSED: "#f2a33a",
    COMPILE: "#c0392b",
    JAX: "#2b8cd6",
    HAND: "#2f9e5f",
    NUMBA: "#8e5bd0",
    SKLEARN: "#5f8f8f",
    AUTOGRAD: "#b07a4f",
    MYGRAD: "#c65d9e",
    BORCH: "#8a9a2e",
    GEMMS: "#868e96",
    TAKE: "#868e96",
    COPY: "#adb5bd",
}
MARKERS = {HAND: "D", GEMMS: "x", TAKE: "x", COPY: "+", NUMBA: "*"}
GREY = "#7f858b"


def draw(report: dict[str, Any], path: Path) -> None:
    """Write the picture: a line per workload, a mark per peer, on a log axis.

    Raises ModuleNotFoundError when matplotlib is not installed.
    """
    import matplotlib  # here, as the suite runs without it

    matplotlib.use("svg")
    from matplotlib import pyplot, ticker

    results = report["results"]
    settings = {"svg.hashsalt": "tapeless", "svg.fonttype": "none", "font.size": 10}
    settings |= dict.fromkeys(["text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"], GREY)
    with pyplot.rc_context(settings):
        figure, axes = pyplot.subplots(figsize=(9, 1.6 + 0.48 * len(results)))
        lines(axes, results)
        frame(axes, ticker, [r["id"] for r in results])
        figure.savefig(path, transparent=True, bbox_inches="tight", metadata={"Date": None})
        pyplot.close(figure)


def lines(axes: Any, results: list[dict[str, Any]]) -> None:
    """Draw the ratios with their quartiles, and the goals as strokes of the same colour."""
    named = set()
    for y, result in enumerate(results):
        against = result["times ours"][OURS]
        for name, ratio in against.items():
            colour = COLOURS.get(name, GREY)
            label = name if name not in named else None
            named.add(name)
            axes.plot([ratio["low"], ratio["high"]], [y, y], color=colour, linewidth=3, alpha=0.45, zorder=2)
            axes.plot(ratio["median"], y, MARKERS.get(name, "o"), color=colour, label=label, linestyle="none", zorder=3)
        for name, target in result["targets"].get(OURS, {}).items():
            axes.plot([target, target], [y - 0.32, y + 0.32], color=COLOURS.get(name, GREY), linewidth=1.6, zorder=2)


def frame(axes: Any, ticker: Any, rows: list[str]) -> None:
    """Draw what is around: the line at 1, the axes, the legend."""
    axes.axvline(1, color=GREY, linewidth=1.2)
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), rows)
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.minorticks_off()
    axes.grid(color=GREY, alpha=0.25)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("a peer's time over that of tapeless: right of 1, tapeless is faster")
    axes.plot([], [], color=GREY, marker="|", markersize=10, linestyle="none", label="to be reached")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5, frameon=False)
