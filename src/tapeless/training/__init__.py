"""Training: `fit` with its `History`, `evaluate`, `find_learning_rate`, and checkpoints in single files without pickle.

>>> import tapeless as tl
>>> _ = tl.manual_seed(0)
>>> X, y = tl.datasets.moons()
>>> model = tl.nn.Sequential(tl.nn.Linear(2, 16), tl.nn.Tanh(), tl.nn.Linear(16, 2))
>>> optimizer = tl.optim.Adam(model.parameters(), lr=0.05)
>>> history = tl.training.fit(model, (X, y), loss=tl.nn.CrossEntropyLoss(), optimizer=optimizer, epochs=20,
...                           metrics="accuracy", progress=False)
>>> history["accuracy"][-1] > 0.95
True
"""

from __future__ import annotations

from ._checkpoint import (
    load_checkpoint as load_checkpoint,
    load_weights as load_weights,
    save_checkpoint as save_checkpoint,
    save_weights as save_weights,
)
from ._fit import evaluate as evaluate, fit as fit
from ._history import History as History
from ._lr_finder import RateSweep as RateSweep, find_learning_rate as find_learning_rate

__all__ = [
    "History",
    "RateSweep",
    "evaluate",
    "find_learning_rate",
    "fit",
    "load_checkpoint",
    "load_weights",
    "save_checkpoint",
    "save_weights",
]
