"""A character model: an LSTM learns a text, then writes one by sampling with a temperature."""
# final loss agrees within 1e-4

import math
import random

import torch
import torch.nn as nn
from torch.autograd import Variable

TEXT = (
    "the sun rises over the hill and the river runs down to the sea. "
    "the wind moves over the water and the birds fly low. "
    "when the night comes the stars shine and the sea is still. "
) * 6

chars = sorted(set(TEXT))
char_to_ix = {c: i for i, c in enumerate(chars)}


class CharRNN(nn.Module):
    def __init__(self, n_chars, hidden_size, n_layers=2):
        super().__init__()
        self.hidden_size, self.n_layers = hidden_size, n_layers
        self.encoder = nn.Embedding(n_chars, hidden_size)
        self.rnn = nn.LSTM(hidden_size, hidden_size, n_layers, batch_first=True, dropout=0.1)
        self.decoder = nn.Linear(hidden_size, n_chars)

    def forward(self, inputs, hidden):
        encoded = self.encoder(inputs)
        output, hidden = self.rnn(encoded, hidden)
        return self.decoder(output.contiguous().view(-1, self.hidden_size)), hidden

    def init_hidden(self, batch_size):
        return (
            Variable(torch.zeros(self.n_layers, batch_size, self.hidden_size)),
            Variable(torch.zeros(self.n_layers, batch_size, self.hidden_size)),
        )


def char_tensor(string):
    tensor = torch.zeros(len(string)).long()
    for c in range(len(string)):
        tensor[c] = char_to_ix[string[c]]
    return Variable(tensor)


def random_batch(length, batch_size):
    inp = torch.LongTensor(batch_size, length)
    target = torch.LongTensor(batch_size, length)
    for row in range(batch_size):
        start = random.randint(0, len(TEXT) - length - 2)
        chunk = TEXT[start : start + length + 1]
        inp[row] = char_tensor(chunk[:-1])
        target[row] = char_tensor(chunk[1:])
    return Variable(inp), Variable(target)


def generate(model, prime="the ", length=40, temperature=0.8):
    model.eval()
    hidden = model.init_hidden(1)
    inputs = char_tensor(prime).unsqueeze(0)
    predicted = prime
    for _ in range(length):
        output, hidden = model(inputs, hidden)
        dist = output[-1].data.view(-1).div(temperature).exp()
        top_i = torch.multinomial(dist, 1)[0]
        predicted += chars[top_i]
        inputs = top_i.view(1, 1)
    model.train()
    return predicted


random.seed(0)
torch.manual_seed(0)
model = CharRNN(len(chars), 48)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()

for step in range(1, 61):
    inputs, target = random_batch(24, 16)
    hidden = model.init_hidden(16)
    model.zero_grad()
    output, hidden = model(inputs, hidden)
    loss = criterion(output, target.view(-1))
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5)
    optimizer.step()
    if step % 20 == 0:
        print(f"step {step} loss {loss.item():.4f} perplexity {math.exp(loss.item()):.2f}")
print(repr(generate(model)))
print("final loss:", loss.item())
