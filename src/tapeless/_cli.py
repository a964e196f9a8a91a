"""The arguments of the command line: their names, defaults and checks. What is wrong is told in one line."""

from __future__ import annotations

import argparse
import difflib
import importlib.util
import math
import os
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, NoReturn


class Recipe(NamedTuple):
    """What works for a data set when nothing else is asked for."""

    what: str  # one line for the help
    hidden: tuple[int, ...]
    epochs: int
    lr: float  # for Adam and AdamW; see SGD_LR
    label_smoothing: float = 0.0


def _plane(what: str) -> Recipe:
    """The recipe for every data set in the plane."""
    return Recipe(what, (64, 64), 100, 0.01)


RECIPES = {
    # Smoothing is worth half a percent on the test images; without it the network grows far too sure.
    "digits": Recipe("1,797 real handwritten digits of 8x8 pixels", (128, 64), 30, 0.003, 0.1),
    "spirals": _plane("two interleaved spirals"),
    "moons": _plane("two interlocking half circles"),
    "circles": _plane("a circle inside of another"),
    "blobs": _plane("three round clouds"),
    "xor": _plane("a chessboard of 2x2 fields"),
}
SGD_LR = 0.1
OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
ACTIVATIONS = {
    "relu": "ReLU", "leaky_relu": "LeakyReLU", "elu": "ELU", "selu": "SELU", "gelu": "GELU", "silu": "SiLU",
    "mish": "Mish", "softplus": "Softplus", "tanh": "Tanh", "sigmoid": "Sigmoid",
}  # fmt: skip
PICTURES = (".png", ".svg", ".pdf", ".jpg", ".jpeg")
LARGEST_LAYER = 100_000

DESCRIPTION = "Tapeless: PyTorch's API and semantics on nothing but NumPy."
OVERVIEW = f"""usage: tapeless train [DATASET] [options]
       tapeless run SCRIPT.py [ARGUMENTS]

{DESCRIPTION}

commands:
  train        train a network on a small data set (tapeless train --help)
  run          run a PyTorch script, or with -m a module: `import torch` gives Tapeless there

options:
  -h, --help   show this and exit
  --version    show the version and exit

Try:  tapeless train            handwritten digits, in a few seconds
      tapeless train spirals    and a picture of what was learned
"""
DATASETS = "\n".join(f"  {name:<12} {recipe.what}" for name, recipe in RECIPES.items())
EPILOG = f"""data sets:
{DATASETS}

A fifth of the data is kept for the test; it plays no part in training. Files go to the current folder:
the weights to tapeless-DATASET.npz, the loss curve to tapeless-DATASET-loss.png, and for data in the plane
the decision regions to tapeless-DATASET-boundary.png. Pictures need matplotlib (pip install 'tapeless[plot]');
without it they are drawn in the terminal.

examples:
  tapeless train
  tapeless train spirals --hidden 32,32,32 --activation tanh
  tapeless train digits --optimizer sgd --lr 0.05 --epochs 50 --save digits.npz --plot curve.svg
"""


RUN_HELP = """usage: tapeless run SCRIPT.py [ARGUMENTS]
       tapeless run -m PACKAGE.MODULE [ARGUMENTS]

Run a program written for PyTorch with Tapeless in PyTorch's place: `import torch` and everything below it
give Tapeless there. Arguments, folder, exit status and tracebacks are those of `python SCRIPT.py ARGUMENTS`.
"""


class UsageError(Exception):
    """The arguments are wrong; the text says how, in one line."""


class _Parser(argparse.ArgumentParser):
    """An argparse parser that raises `UsageError` instead of printing its usage."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print."""
        raise UsageError(message.removeprefix("argument ").removeprefix("DATASET: "))


def parse(argv: Sequence[str]) -> argparse.Namespace | str | None:
    """Return the checked options of ``tapeless train``, a text to print (help, version), or None for ``tapeless run``.

    Raises `UsageError` for wrong arguments.

    >>> from tapeless._cli import parse
    >>> options = parse(["train", "moons", "--hidden", "8,8", "--lr", "0.1"])
    >>> options.dataset, options.hidden, options.epochs
    ('moons', (8, 8), 100)
    """
    if not argv or argv[0] in ("-h", "--help", "help"):
        return OVERVIEW
    command, *rest = argv
    if command in ("--version", "-V"):
        return "version"
    if command == "run":
        return _check_run(rest)
    if command != "train":
        raise UsageError(_no_command(command))
    if "-h" in rest or "--help" in rest:
        return _parser().format_help()
    parser = _parser()
    names = [argument.partition("=")[0] for argument in rest if argument.startswith("--")]
    # Asked first: argparse would take what follows an unknown option for the data set.
    for name in names:
        if name not in parser._option_string_actions:
            raise UsageError(_unknown(name, parser))
    options, unknown = parser.parse_known_args(_joined(rest))
    if unknown:
        raise UsageError(_unknown(unknown[0], parser))
    _fill_in(options)
    _check_files(options)
    return options


def _check_run(rest: Sequence[str]) -> str | None:
    """All behind the script's name is the script's own business; before it only ``-m`` may stand."""
    if rest and rest[0] in ("-h", "--help"):
        return RUN_HELP
    if not rest or rest == ["-m"]:
        raise UsageError("run: which script? tapeless run SCRIPT.py [ARGUMENTS], or tapeless run -m MODULE")
    if rest[0].startswith("-") and rest[0] != "-m":
        raise UsageError(f"run: there is no option {rest[0]!r}; the script comes first, its own options behind it")
    return None


def _parser() -> _Parser:
    parser = _Parser(
        prog="tapeless train",
        usage="tapeless train [DATASET] [options]",
        description="Train a multi-layer perceptron, and say what it can do and where it was saved.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    datasets, activations = _one_of("data set", RECIPES), _one_of("activation", ACTIVATIONS)
    optimizers = _one_of("optimizer", OPTIMIZERS)
    text = "see below; digits unless given"
    add("dataset", nargs="?", default="digits", type=datasets, metavar="DATASET", help=text)
    text = "sizes of the hidden layers, e.g. 64,64; none for a linear model"
    add("--hidden", type=_layers, metavar="N,N", help=text)
    text = f"{', '.join(ACTIVATIONS)}; relu unless given"
    add("--activation", default="relu", type=activations, metavar="NAME", help=text)
    text = "adam, adamw or sgd (with momentum 0.9); adamw unless given"
    add("--optimizer", default="adamw", type=optimizers, metavar="NAME", help=text)
    add("--lr", type=_rate, metavar="X", help="learning rate at the start; it falls to 0 along a cosine")
    add("--epochs", type=_count, metavar="N", help="how often to go through the data")
    add("--batch-size", default=32, type=_count, metavar="N", help="samples per step; 32 unless given")
    add("--seed", default=0, type=_seed, metavar="N", help="start of the random numbers; 0 unless given")
    add("--save", metavar="PATH", help="where the weights go")
    add("--plot", nargs="?", const="", metavar="PATH", help="where the picture of the loss goes (.png, .svg ...)")
    add("--no-save", action="store_true", help="do not save the weights")
    add("--no-plot", action="store_true", help="no pictures, in files or in the terminal")
    add("--quiet", action="store_true", help="no progress bar")
    return parser


def _fill_in(options: argparse.Namespace) -> None:
    """Put the data set's own values where nothing was asked for."""
    recipe = RECIPES[options.dataset]
    options.label_smoothing = recipe.label_smoothing
    options.hidden = recipe.hidden if options.hidden is None else options.hidden
    options.epochs = options.epochs or recipe.epochs
    options.lr = options.lr or (SGD_LR if options.optimizer == "sgd" else recipe.lr)


def _check_files(options: argparse.Namespace) -> None:
    """Settle the names of the files, and see that they can be written, before anything is learned."""
    if options.save is not None and options.no_save:
        raise UsageError("--save and --no-save: give one of them")
    if options.plot is not None and options.no_plot:
        raise UsageError("--plot and --no-plot: give one of them")
    matplotlib = importlib.util.find_spec("matplotlib") is not None
    if options.plot:
        if not options.plot.lower().endswith(PICTURES):
            raise UsageError(f"--plot: expected a name that ends in {', '.join(PICTURES)}, got {options.plot!r}")
        if not matplotlib:
            raise UsageError("--plot PATH: a picture file needs matplotlib: pip install 'tapeless[plot]'")
    save = options.save if options.save is not None else f"tapeless-{options.dataset}.npz"
    curve = options.plot or f"tapeless-{options.dataset}-loss.png"
    stem, suffix = os.path.splitext(curve)
    boundary = f"{stem}-boundary{suffix}" if options.plot else f"tapeless-{options.dataset}-boundary.png"
    options.save = None if options.no_save else save
    options.draws = not options.no_plot
    files = options.draws and matplotlib
    options.curve = curve if files else None
    options.boundary = boundary if files and options.dataset != "digits" else None


def _no_command(command: str) -> str:
    if command.startswith("-"):
        return f"there is no option {command!r} here; see tapeless --help"
    if command in RECIPES:
        return f"there is no command {command!r}; did you mean 'tapeless train {command}'?"
    return f"there is no command {command!r}; {_nearest(command, ['train', 'run']) or 'there are train and run'}"


def _unknown(argument: str, parser: argparse.ArgumentParser) -> str:
    if not argument.startswith("-"):
        return f"unexpected argument {argument!r}; see tapeless train --help"
    known = [option for option in parser._option_string_actions if option.startswith("--")]
    return f"there is no option {argument!r}; {_nearest(argument, known) or 'see tapeless train --help'}"


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word.lower(), list(known), 1, 0.5)
    return f"did you mean {near[0]!r}?" if near else ""


def _joined(argv: Sequence[str]) -> list[str]:
    """Write ``--lr -1e-3`` as ``--lr=-1e-3``: argparse would take such a number for an option."""
    joined: list[str] = []
    for argument in argv:
        if joined and joined[-1].startswith("--") and "=" not in joined[-1] and _is_negative(argument):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _is_negative(text: str) -> bool:
    return text.startswith("-") and len(text) > 1 and (text[1].isdigit() or text[1] == ".")


# --- checks of single values; argparse puts the option's name in front of the message ---------------------------


def _one_of(kind: str, known: Iterable[str]) -> Callable[[str], str]:
    names = list(known)

    def check(text: str) -> str:
        if text.lower() not in names:
            hint = _nearest(text, names)
            hint = f"{hint[:-1]}? " if hint else ""
            raise argparse.ArgumentTypeError(f"there is no {kind} {text!r}; {hint}there are {', '.join(names)}")
        return text.lower()

    return check


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return number


def _rate(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not (number > 0 and math.isfinite(number)):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return number


def _seed(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number < 2**63:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to 2**63 - 1, got {text!r}")
    return number


def _layers(text: str) -> tuple[int, ...]:
    if text.strip().lower() == "none":
        return ()
    sizes = [part.strip() for part in text.split(",")]
    if not all(size.isascii() and size.isdigit() and 1 <= int(size[:12]) <= LARGEST_LAYER for size in sizes):
        raise argparse.ArgumentTypeError(
            f"expected sizes from 1 to {LARGEST_LAYER:,} with commas between, such as 64,64 (or none), got {text!r}"
        )
    return tuple(map(int, sizes))
