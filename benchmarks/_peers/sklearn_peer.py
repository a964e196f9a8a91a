"""scikit-learn's MLPClassifier: a step is `partial_fit` on the whole batch."""

from __future__ import annotations

from typing import Any

from _workloads import LEARNING_RATE, Workload, make_batch
from sklearn.neural_network import MLPClassifier


class Classifier:
    """Trains the classifier from given weights."""

    def __init__(self, work: Workload) -> None:
        self.sizes = work.sizes
        self.x, self.y = make_batch(work)
        self.classes = list(range(self.sizes["layers"][-1]))

    def restart(self, start: dict[str, Any]) -> None:
        """Begin the training anew: the first `partial_fit` makes all arrays, then the weights are put in place."""
        self.model = MLPClassifier(
            self.sizes["layers"][1:-1],
            alpha=0.0,
            batch_size=self.sizes["batch"],
            learning_rate_init=LEARNING_RATE,
            shuffle=False,
        )
        self.model.partial_fit(self.x, self.y, classes=self.classes)
        values = list(start.values())
        for mine, value in zip(self.model.coefs_, values[::2]):
            mine[...] = value.T
        for mine, value in zip(self.model.intercepts_, values[1::2]):
            mine[...] = value
        del self.model._optimizer  # `partial_fit` makes it anew, with moments of 0

    def step(self) -> float:
        """Train for one step; return the loss before it."""
        return self.model.partial_fit(self.x, self.y).loss_
