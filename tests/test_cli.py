"""The command line, really run: what it prints, which files it leaves, and how it refuses."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import tapeless as tl
from tapeless import _cli
from tapeless.__main__ import build, main

SOURCE = Path(__file__).parents[1] / "src"
WITHOUT_MATPLOTLIB = """
import importlib.util as u, sys
find = u.find_spec
u.find_spec = lambda name, *rest: None if name == "matplotlib" else find(name, *rest)
from tapeless.__main__ import main
sys.exit(main())
"""


def tapeless(*args, cwd, encoding="utf-8", matplotlib=True, **env):
    """Run the command in a process of its own, without a terminal."""
    start = ["-m", "tapeless"] if matplotlib else ["-c", WITHOUT_MATPLOTLIB]
    variables = os.environ | {"PYTHONPATH": str(SOURCE), "PYTHONIOENCODING": encoding} | env
    command = [sys.executable, *start, *args]
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, encoding="utf-8", timeout=120)


def test_digits(tmp_path) -> None:
    pytest.importorskip("matplotlib")
    done = tapeless("train", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    accuracy = re.search(r"^Test accuracy ([\d.]+)% \(\d+ of 359 right\), trained in [\d.]+ s\.$", done.stdout, re.M)
    assert float(accuracy[1]) >= 97, done.stdout
    assert "Saved the weights as tapeless-digits.npz in the current folder." in done.stdout
    assert sorted(os.listdir(tmp_path)) == ["tapeless-digits-loss.png", "tapeless-digits.npz"]
    assert (tmp_path / "tapeless-digits-loss.png").read_bytes().startswith(b"\x89PNG")
    model = build(64, (128, 64), 10, "relu")
    tl.training.load_weights(model, tmp_path / "tapeless-digits.npz")
    _, X, _, y = tl.datasets.train_test_split(*tl.datasets.digits())
    assert tl.training.evaluate(model, (X, y))["accuracy"] == pytest.approx(float(accuracy[1]) / 100, abs=6e-4)
    lines = done.stderr.splitlines()
    assert 5 < len(lines) < 15 and re.match(r"epoch 30/30: 100%\|.*loss [\d.]+, accuracy [\d.]+%", lines[-1])


def test_spirals_with_pictures(tmp_path) -> None:
    pytest.importorskip("matplotlib")
    done = tapeless("train", "spirals", "--save", "w.npz", "--plot", "out.svg", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert float(re.search(r"Test accuracy ([\d.]+)%", done.stdout)[1]) >= 99
    assert sorted(os.listdir(tmp_path)) == ["out-boundary.svg", "out.svg", "w.npz"]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_pictures_in_the_terminal(encoding, tmp_path) -> None:
    done = tapeless("train", "blobs", "--epochs", "4", "--plot", cwd=tmp_path, matplotlib=False, encoding=encoding)
    assert done.returncode == 0, done.stderr
    assert "blobs: loss" in done.stdout and "blobs: decision regions" in done.stdout
    assert "pip install 'tapeless[plot]'" in done.stdout
    assert done.stdout.isascii() == done.stderr.isascii() == (encoding == "ascii")
    assert os.listdir(tmp_path) == ["tapeless-blobs.npz"] and "\x1b" not in done.stdout
    assert all(len(line) <= 110 for line in (done.stdout + done.stderr).splitlines())


def test_a_name_that_the_terminal_cannot_show(tmp_path) -> None:
    (tmp_path / "ü").mkdir()
    args = ("train", "xor", "--epochs", "1", "--no-plot", "--quiet", "--save", "ü/w.npz")
    done = tapeless(*args, cwd=tmp_path, encoding="ascii", PYTHONUTF8="1")
    assert done.returncode == 0 and done.stderr == "" and (tmp_path / "ü" / "w.npz").exists()


@pytest.mark.parametrize("dataset", list(_cli.RECIPES))
def test_every_data_set(dataset, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", dataset, "--epochs", "1", "--no-save", "--no-plot", "--seed", "3"]) == 0
    assert "Test accuracy" in capsys.readouterr().out and not os.listdir(tmp_path)


@pytest.mark.parametrize("optimizer", list(_cli.OPTIMIZERS))
def test_every_optimizer_learns(optimizer, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "blobs", "--epochs", "3", "--optimizer", optimizer, "--no-plot", "--quiet"]) == 0
    assert float(re.search(r"Test accuracy ([\d.]+)%", capsys.readouterr().out)[1]) > 95


def test_every_activation_exists() -> None:
    for name in _cli.ACTIVATIONS:
        build(2, (4, 4), 2, name)(tl.zeros(1, 2))
    assert len(build(2, (), 3, "relu")) == 1


def test_the_seed_decides(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = {}
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        args = ["train", "moons", "--epochs", "2", "--hidden", "8", "--no-plot", "--quiet", "--save", name]
        assert main([*args, "--seed", seed]) == 0
        files[name] = (tmp_path / name).read_bytes()
    assert files["a"] == files["b"] != files["c"]
    assert np.load("a").files == ["0.weight", "0.bias", "2.weight", "2.bias"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("trian", "no command 'trian'; did you mean 'train'[?]"),
        ("digits", "did you mean 'tapeless train digits'[?]"),
        ("fly", "no command 'fly'; there are train and run"),
        ("--frob", "no option '--frob' here; see tapeless --help"),
        ("train spiral", "no data set 'spiral'; did you mean 'spirals'[?] there are digits, spirals, moons"),
        ("train cats", "no data set 'cats'; there are digits, spirals"),
        ("train moons xor", "unexpected argument 'xor'"),
        ("train --hidden 64,x", r"--hidden: expected sizes from 1 to 100,000 .*, got '64,x'"),
        ("train --hidden 64,,3", "--hidden: expected sizes"),
        ("train --hidden 0", "--hidden: expected sizes"),
        ("train --hidden -5", "--hidden: expected sizes"),
        ("train --hidden 99999999999999999999", "--hidden: expected sizes"),
        ("train --lr -0.1", "--lr: expected a number above 0, got '-0.1'"),
        ("train --lr -1e-3", "--lr: expected a number above 0, got '-1e-3'"),
        ("train --lr=nan", "--lr: expected a number above 0, got 'nan'"),
        ("train --lr fast", "--lr: expected a number above 0, got 'fast'"),
        ("train --lr", "--lr: expected one argument"),
        ("train --epochs 0", "--epochs: expected a whole number of at least 1, got '0'"),
        ("train --epochs 2.5", "--epochs: expected a whole number"),
        ("train --batch-size -3", "--batch-size: expected a whole number of at least 1, got '-3'"),
        ("train --seed x", "--seed: expected a whole number from 0"),
        ("train --epoch 3", "no option '--epoch'; did you mean '--epochs'[?]"),
        ("train --optimizer adm", "no optimizer 'adm'; did you mean 'adam'[?] there are adam, adamw, sgd"),
        ("train --activation rellu", "no activation 'rellu'; did you mean 'relu'[?]"),
        ("train --save no/w.npz", "cannot write 'no/w.npz': the folder .* does not exist; make it first"),
        ("train --save .", "cannot write '.': expected a file name, got the folder"),
        ("train --plot curve.txt", "--plot: expected a name that ends in .png, .svg"),
        ("train --save w.npz --no-save", "--save and --no-save: give one of them"),
    ],
)
def test_wrong_arguments(line, message, capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and re.match(f"tapeless: .*{message}", err), err
    assert not os.listdir(tmp_path), "nothing was trained or left behind"


def test_a_picture_without_matplotlib(tmp_path) -> None:
    done = tapeless("train", "--plot", "x.png", cwd=tmp_path, matplotlib=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "tapeless: --plot PATH: a picture file needs matplotlib: pip install 'tapeless[plot]'\n"


def test_help_and_version(capsys) -> None:
    for line in ("", "--help", "-h"):
        assert main(line.split()) == 0
        assert "tapeless train [DATASET]" in capsys.readouterr().out
    assert main(["train", "--help"]) == 0
    text = capsys.readouterr().out
    for word in (*_cli.RECIPES, *_cli.ACTIVATIONS, "--hidden", "--batch-size", "current folder"):
        assert word in text
    assert max(map(len, text.splitlines())) <= 115
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tapeless {tl.__version__}\n"


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_a_loss_that_explodes(capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    args = ["train", "moons", "--optimizer", "sgd", "--lr", "1e30", "--no-plot", "--quiet"]
    assert main(args) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and re.match(r"tapeless: the loss is \S+ in epoch 1, step \d+: ", err)
    assert not os.listdir(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT between processes")
def test_ctrl_c_saves_what_was_learned(tmp_path) -> None:
    command = [sys.executable, "-m", "tapeless", "train", "moons", "--epochs", "100000", "--no-plot"]
    env = os.environ | {"PYTHONPATH": str(SOURCE)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    heeded = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs begin without it
    with subprocess.Popen(command, cwd=tmp_path, env=env, preexec_fn=heeded, **pipes) as process:
        assert process.stderr is not None and process.stderr.readline().startswith("epoch 1/")
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "Stopped by Ctrl-C in epoch" in err and "Traceback" not in err
    assert "Test accuracy" in out and os.listdir(tmp_path) == ["tapeless-moons.npz"]


def test_nothing_heavy_is_imported_for_help(tmp_path) -> None:
    code = "import sys\nfrom tapeless.__main__ import main\nmain(['train', '--help'])\nprint(*sys.modules)"
    env = os.environ | {"PYTHONPATH": str(SOURCE)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "tapeless" in loaded and not loaded & {"tqdm", "matplotlib", "tapeless.nn", "tapeless.optim"}
