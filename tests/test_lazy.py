"""Packages that import their names when they are first used."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path

import pytest

import tapeless as tl
from tapeless._lazy import lazily

SOURCE = Path(tl.__file__).parents[1]
PACKAGES = [tl.nn, tl.nn.modules, tl.optim]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_name_can_be_had(package: types.ModuleType) -> None:
    names = [name for name in dir(package) if not name.startswith("_")]
    assert len(names) > 15
    for name in names:
        assert getattr(package, name) is getattr(package, name)
    with pytest.raises(AttributeError, match=rf"module '{package.__name__}' has no attribute 'Lineer'"):
        package.Lineer
    with pytest.raises(ImportError, match="cannot import name 'Lineer'"):
        exec(f"from {package.__name__} import Lineer")


def test_star_imports_have_them() -> None:
    names: dict[str, object] = {}
    exec("from tapeless.nn import *\nfrom tapeless.optim import *", names)
    assert names["Linear"] is tl.nn.Linear and names["Adam"] is tl.optim.Adam
    assert names["lr_scheduler"] is tl.optim.lr_scheduler


def test_an_mlp_does_not_import_the_other_layers() -> None:
    code = (
        f"import sys\nsys.path.insert(0, {str(SOURCE)!r})\nfrom tapeless import nn, optim\n"
        "model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())\noptim.Adam(model.parameters())\nprint(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "tapeless.nn._linear" in loaded and "tapeless.optim._adam" in loaded
    unwanted = "nn._transformer nn._rnn nn._convolution nn._summary nn.modules nn.utils optim._lbfgs optim.lr_scheduler"
    assert not {f"tapeless.{name}" for name in unwanted.split()} & set(loaded)


def test_a_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    package = types.ModuleType("tapeless_test_package")
    file = types.ModuleType("tapeless_test_package._file")
    file.thing = object()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, package.__name__, package)
    monkeypatch.setitem(sys.modules, file.__name__, file)
    get, names = lazily(package.__name__, {"_file": "thing other"}, "part")
    assert {"thing", "other", "part"} <= set(names())
    assert get("thing") is file.thing is vars(package)["thing"]
