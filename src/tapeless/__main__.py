"""The command line: ``tapeless train``, ``tapeless run`` (or ``python -m tapeless ...``)."""

from __future__ import annotations

import argparse
import math
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import tapeless as tl

from . import _cli, _run as _scripts

POINTS = 1000  # how many samples of a generated data set


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status: 0, 1 for failure, 2 for wrong arguments, 130 for Ctrl-C.

    >>> from tapeless.__main__ import main
    >>> main(["train", "--epochs", "0"])  # and one line on the standard error
    2
    """
    for stream in (sys.stdout, sys.stderr):
        # A path or a name that the terminal cannot show must not end the program.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(sys.argv[1:] if argv is None else argv)
    except BrokenPipeError:  # tapeless --help | head -1
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _run(argv: Sequence[str]) -> int:
    try:
        options = _cli.parse(argv)
        if options is None:
            return _scripts.run(argv[1:])
        if isinstance(options, str):
            print(f"tapeless {tl.__version__}" if options == "version" else options.rstrip(), flush=True)
            return 0
        for path in (options.save, options.curve, options.boundary):
            if path is not None:
                _check_writable(path)
    except (_cli.UsageError, _scripts.CannotRun) as error:
        print(f"tapeless: {error}", file=sys.stderr)
        return 2
    try:
        return train(options)
    except (FloatingPointError, OSError) as error:
        print(f"tapeless: {error}", file=sys.stderr)
    except MemoryError as error:
        print(f"tapeless: not enough memory ({error}); smaller --hidden layers need less", file=sys.stderr)
    return 1


def _check_writable(path: str) -> None:
    try:
        tl.training._checkpoint.check_writable(path)
    except OSError as error:
        raise _cli.UsageError(f"cannot write {path!r}: {error}") from None


def train(options: argparse.Namespace) -> int:
    """Train as `options` say, and report; returns the exit status."""
    load = getattr(tl.datasets, options.dataset)
    X, y = load() if options.dataset == "digits" else load(n=POINTS)
    X_train, X_test, y_train, y_test = tl.datasets.train_test_split(X, y)
    tl.manual_seed(options.seed)
    model = build(X.shape[1], options.hidden, int(y.max()) + 1, options.activation)
    optimizer = make_optimizer(model, options.optimizer, options.lr)
    print(_introduction(options, model, len(X_train), len(X_test)), flush=True)
    start = perf_counter()
    history = tl.training.fit(
        model,
        (X_train, y_train),
        loss=tl.nn.CrossEntropyLoss(label_smoothing=options.label_smoothing),
        optimizer=optimizer,
        epochs=options.epochs,
        # For the curves alone: nothing is chosen by it, the weights at the end are those of the last epoch.
        validation=(X_test, y_test),
        metrics="accuracy",
        batch_size=options.batch_size,
        callbacks=cosine_decay(optimizer, options.lr, options.epochs),
        progress=not options.quiet,
    )
    seconds = perf_counter() - start
    accuracy = tl.training.evaluate(model, (X_test, y_test))["accuracy"]
    right = round(accuracy * len(X_test))
    print(f"Test accuracy {accuracy:.1%} ({right} of {len(X_test)} right), trained in {seconds:.1f} s.")
    _save(options, model)
    if options.draws and history.epochs:
        _draw(options, model, history, X_test, y_test)
    return 130 if history.stopped == "interrupted" else 0


def build(inputs: int, hidden: Sequence[int], outputs: int, activation: str) -> Any:
    """Return a multi-layer perceptron with an activation after each hidden layer.

    >>> from tapeless.__main__ import build
    >>> build(2, (8,), 3, "tanh")
    Sequential(
      (0): Linear(in_features=2, out_features=8, bias=True)
      (1): Tanh()
      (2): Linear(in_features=8, out_features=3, bias=True)
    )
    """
    layers: list[Any] = []
    for size in hidden:
        layers += [tl.nn.Linear(inputs, size), getattr(tl.nn, _cli.ACTIVATIONS[activation])()]
        inputs = size
    return tl.nn.Sequential(*layers, tl.nn.Linear(inputs, outputs))


def make_optimizer(model: Any, name: str, lr: float) -> Any:
    """Return the optimizer of this name for all parameters of `model`."""
    more = {"momentum": 0.9} if name == "sgd" else {}
    return getattr(tl.optim, _cli.OPTIMIZERS[name])(model.parameters(), lr=lr, **more)


def cosine_decay(optimizer: Any, lr: float, epochs: int) -> Callable[[int, Any], None]:
    """Return a callback that lowers the learning rate from `lr` to 0 along half a cosine (Loshchilov 2017)."""

    def lower(epoch: int, row: Any) -> None:
        for group in optimizer.param_groups:
            group["lr"] = lr * 0.5 * (1 + math.cos(math.pi * epoch / epochs))

    return lower


# --- the report --------------------------------------------------------------------------------------------------


def _introduction(options: argparse.Namespace, model: Any, n_train: int, n_test: int) -> str:
    sizes = [layer.in_features for layer in model if hasattr(layer, "in_features")] + [model[-1].out_features]
    count = sum(p.numel() for p in model.parameters())
    kind = "-".join(map(str, sizes))
    kind = f"MLP {kind} with {options.activation}" if options.hidden else f"linear model {kind}"
    thing = "images" if options.dataset == "digits" else "points"
    return (
        f"{options.dataset}: {n_train:,} {thing} to learn from, {n_test:,} to test.\n"
        f"{kind}, {count:,} parameters; {options.optimizer}, learning rate {options.lr:g}."
    )


def _save(options: argparse.Namespace, model: Any) -> None:
    if options.save is not None:
        tl.training.save_weights(model, options.save)
        _say_saved("weights", options.save)


def _say_saved(what: str, path: str) -> None:
    place = "in the current folder" if not os.path.dirname(path) else f"in {os.path.dirname(os.path.abspath(path))}"
    print(f"Saved the {what} as {os.path.basename(path)} {place}.", flush=True)


def _draw(options: argparse.Namespace, model: Any, history: Any, X: Any, y: Any) -> None:
    """Draw the loss, and for data in the plane the decision regions: as files, or here in the terminal."""
    plot = tl.training._plot
    unicode, color = plot.terminal_abilities(sys.stdout)
    look = {"ascii": not unicode, "color": color, "width": min(80, max(40, shutil.get_terminal_size().columns - 1))}
    # What `fit` calls validation is the test part here.
    columns = {name.replace("val_", "test_"): values for name, values in history.items()}

    def predict(points: Any) -> Any:
        with tl.no_grad():
            return model(tl.from_numpy(points)).argmax(dim=1).numpy()

    if options.curve is None:
        losses = {"training": columns["loss"], "test": columns["test_loss"]}
        print("\n" + plot.line_chart(losses, height=12, title=f"{options.dataset}: loss", **look))
    else:
        plot.save_loss_curve(columns, options.curve, title=f"{options.dataset}: training")
        _say_saved("loss curve", options.curve)
    if X.shape[1] == 2 and options.boundary is None:
        grid, xlim, ylim = plot.class_grid(predict, X)
        title = f"{options.dataset}: decision regions and test points"
        print("\n" + plot.decision_map(grid, X.numpy(), y.numpy(), xlim, ylim, title=title, **look))
    elif X.shape[1] == 2:
        title = f"{options.dataset}: test points"
        plot.save_decision_boundary(predict, X.numpy(), y.numpy(), options.boundary, title=title)
        _say_saved("decision regions", options.boundary)
    if options.curve is None:
        print("\nDrawn here because matplotlib is not installed; for picture files: pip install 'tapeless[plot]'")


if __name__ == "__main__":
    sys.exit(main())
