"""What the examples share: options of the command line, the folder for their pictures, the number at the end."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

OUTPUT = Path(__file__).parent / "output"  # ignored by git; chosen pictures are copied to docs/images

STYLE = {
    "figure.dpi": 110,
    "figure.constrained_layout.use": True,
    "image.cmap": "gray_r",  # ink on paper
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "legend.frameon": False,
}


def parse(description: str, quick: dict[str, Any], **options: tuple[Any, str]) -> argparse.Namespace:
    """Read the command line: ``epochs=(25, "passes over the data")`` becomes the option ``--epochs``.

    With ``--quick`` those that are not named take their value from `quick`. ``--seed`` is always there.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a short run, for tests")
    options["seed"] = (0, "of the random numbers")
    for name, (default, text) in options.items():
        text = f"{text} ({default}{f', quick: {quick[name]}' if name in quick else ''})"
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), metavar="N", help=text)
    given = parser.parse_args()
    for name, (default, _) in options.items():
        if getattr(given, name) is None:
            setattr(given, name, quick.get(name, default) if given.quick else default)
    return given


def save_picture(name: str, draw: Callable[..., Any], *args: Any) -> None:
    """Save the figure that ``draw(pyplot, *args)`` returns as ``output/NAME.png``; say so if Matplotlib is missing."""
    try:
        import matplotlib  # here, as the numbers of an example do not need it
    except ModuleNotFoundError:
        print("no picture: that needs Matplotlib (pip install matplotlib)")
        return
    matplotlib.use("agg")
    from matplotlib import pyplot

    with pyplot.rc_context(STYLE):
        figure = draw(pyplot, *args)
        OUTPUT.mkdir(exist_ok=True)
        figure.savefig(OUTPUT / f"{name}.png")
        pyplot.close(figure)
    print(f"picture: {(OUTPUT / name).relative_to(OUTPUT.parent.parent)}.png")


def finish(what: str, value: float) -> None:
    """Print the number that the script is measured by, as its last line (see ``Goal:`` at the top of each)."""
    print(f"{what}: {value:.4g}")
