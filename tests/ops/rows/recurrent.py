"""Recurrent networks: layers and single steps."""

from __future__ import annotations

import numpy as np

from tests.ops.table import call, f, row


def sigmoid(x):
    """Return the logistic function."""
    return 1 / (1 + np.exp(-x))


def sums(x, h, w_ih, w_hh, b_ih=0, b_hh=0):
    """Return what goes into the gates, from the input and from the state."""
    return x @ w_ih.T + b_ih, h @ w_hh.T + b_hh


def lstm_step(x, hx, *weights):
    """Return the next (h, c)."""
    i, forget, g, o = np.split(sum(sums(x, hx[0], *weights)), 4, -1)
    c = sigmoid(forget) * hx[1] + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(x, h, *weights):
    """Return the next state."""
    from_input, from_state = sums(x, h, *weights)
    (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(from_input, 3, -1), np.split(from_state, 3, -1)
    z = sigmoid(x_z + h_z)
    return (1 - z) * np.tanh(x_n + sigmoid(x_r + h_r) * h_n) + z * h


def tanh_step(x, h, *weights):
    """Return the next state."""
    return np.tanh(sum(sums(x, h, *weights)))


def relu_step(x, h, *weights):
    """Return the next state."""
    return np.maximum(0, sum(sums(x, h, *weights)))


def weights(gates, inputs=3, size=2, biases=True):
    """Draw the parameters of a layer."""
    shapes = [(gates * size, inputs), (gates * size, size), *[(gates * size,)] * (2 * biases)]
    return [f(*shape, lo=-1, hi=1) for shape in shapes]


def steps(cell):
    """Make the reference of one layer, from that of its step; both directions with four or eight weights."""

    def layer(x, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first):
        several = isinstance(hx, (list, tuple))
        x = x.swapaxes(0, 1) if batch_first else x
        count = len(params) // (2 if bidirectional else 1)
        outs, ends = [], []
        for k in range(len(params) // count):
            state, found = (tuple(part[k] for part in hx) if several else hx[k]), []
            for element in x[:: -1 if k else 1]:
                state = cell(element, state, *params[k * count : (k + 1) * count])
                found.append(state[0] if several else state)
            outs.append(np.stack(found[:: -1 if k else 1]))
            ends.append(state if several else (state,))
        out = np.concatenate(outs, -1)
        return (out.swapaxes(0, 1) if batch_first else out, *[np.stack(end) for end in zip(*ends, strict=True)])

    return layer


def layers(gates, make_states):
    """One layer; without biases, its batch first; in both directions."""
    return [
        call(f(4, 2, 3), make_states(1), weights(gates), True, 1, 0.0, False, False, False),
        call(f(2, 4, 3), make_states(1), weights(gates, biases=False), False, 1, 0.0, True, False, True),
        call(f(3, 2, 3), make_states(2), [*weights(gates), *weights(gates)], True, 1, 0.0, False, True, False),
    ]


def cells(gates, make_states):
    """One step with biases and without."""
    return [call(f(2, 3), make_states(), *weights(gates)), call(f(2, 3), make_states(), *weights(gates, biases=False))]


row("lstm", layers(4, lambda n: (f(n, 2, 2), f(n, 2, 2))), steps(lstm_step), kinds="f")
row("gru", layers(3, lambda n: f(n, 2, 2)), steps(gru_step), kinds="f")
row("rnn_tanh", layers(1, lambda n: f(n, 2, 2)), steps(tanh_step), kinds="f")
row("rnn_relu", layers(1, lambda n: f(n, 2, 2)), steps(relu_step), kinds="f")
row("lstm_cell", cells(4, lambda: (f(2, 2), f(2, 2))), lstm_step, kinds="f")
row("gru_cell", cells(3, lambda: f(2, 2)), gru_step, kinds="f")
row("rnn_tanh_cell", cells(1, lambda: f(2, 2)), tanh_step, kinds="f")
row("rnn_relu_cell", cells(1, lambda: f(2, 2)), relu_step, kinds="f")
