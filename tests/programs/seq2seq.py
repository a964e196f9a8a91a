"""Translation of reversed numbers: packed GRU encoder, decoder with additive attention, teacher forcing."""
# final loss agrees within 1e-3

import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

PAD, SOS, EOS = 0, 1, 2
device = torch.device("cpu")


class Reversed(Dataset):
    def __init__(self, count):
        rng = random.Random(7)
        self.pairs = []
        for _ in range(count):
            source = [rng.randint(3, 12) for _ in range(rng.randint(3, 7))]
            self.pairs.append((torch.tensor(source), torch.tensor([*reversed(source), EOS])))

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, idx):
        return self.pairs[idx]


def collate_fn(batch):
    batch.sort(key=lambda pair: len(pair[0]), reverse=True)
    sources, targets = zip(*batch)
    lengths = torch.tensor([len(s) for s in sources])
    return pad_sequence(sources, batch_first=True), lengths, pad_sequence(targets, batch_first=True, padding_value=PAD)


class EncoderRNN(nn.Module):
    def __init__(self, vocab, hidden_size):
        super().__init__()
        self.embedding = nn.Embedding(vocab, hidden_size, padding_idx=PAD)
        self.gru = nn.GRU(hidden_size, hidden_size, batch_first=True, bidirectional=True)
        self.join = nn.Linear(2 * hidden_size, hidden_size)

    def forward(self, input, lengths):
        packed = pack_padded_sequence(self.embedding(input), lengths, batch_first=True)
        output, hidden = self.gru(packed)
        output, _ = pad_packed_sequence(output, batch_first=True)
        hidden = torch.tanh(self.join(torch.cat((hidden[0], hidden[1]), dim=1))).unsqueeze(0)
        return self.join(output), hidden


class BahdanauAttention(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.Wa = nn.Linear(hidden_size, hidden_size)
        self.Ua = nn.Linear(hidden_size, hidden_size)
        self.Va = nn.Linear(hidden_size, 1)

    def forward(self, query, keys, mask):
        scores = self.Va(torch.tanh(self.Wa(query) + self.Ua(keys))).squeeze(2).unsqueeze(1)
        scores.data.masked_fill_(mask.unsqueeze(1), -float("inf"))
        weights = F.softmax(scores, dim=-1)
        return torch.bmm(weights, keys), weights


class AttnDecoderRNN(nn.Module):
    def __init__(self, hidden_size, vocab):
        super().__init__()
        self.embedding = nn.Embedding(vocab, hidden_size)
        self.attention = BahdanauAttention(hidden_size)
        self.gru = nn.GRU(2 * hidden_size, hidden_size, batch_first=True)
        self.out = nn.Linear(hidden_size, vocab)

    def forward(self, keys, hidden, mask, target, teacher_forcing):
        decoder_input = torch.empty(keys.size(0), 1, dtype=torch.long, device=device).fill_(SOS)
        outputs = []
        for i in range(target.size(1)):
            context, _ = self.attention(hidden.permute(1, 0, 2), keys, mask)
            step, hidden = self.gru(torch.cat((self.embedding(decoder_input), context), dim=2), hidden)
            outputs.append(self.out(step))
            if teacher_forcing:
                decoder_input = target[:, i].unsqueeze(1)
            else:
                _, topi = outputs[-1].topk(1)
                decoder_input = topi.squeeze(-1).detach()
        return F.log_softmax(torch.cat(outputs, dim=1), dim=-1)


random.seed(0)
torch.manual_seed(0)
dataloader = DataLoader(Reversed(128), batch_size=32, shuffle=True, collate_fn=collate_fn)
encoder, decoder = EncoderRNN(13, 32).to(device), AttnDecoderRNN(32, 13).to(device)
optimizers = [optim.Adam(m.parameters(), lr=0.01) for m in (encoder, decoder)]
criterion = nn.NLLLoss(ignore_index=PAD)
for epoch in range(1, 9):
    total = 0
    for source, lengths, target in dataloader:
        for optimizer in optimizers:
            optimizer.zero_grad()
        keys, hidden = encoder(source, lengths)
        out = decoder(keys, hidden, source == PAD, target, random.random() < 0.7)
        loss = criterion(out.view(-1, out.size(-1)), target.view(-1))
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        total += loss.item()
    if epoch % 4 == 0:
        print(f"epoch {epoch}: {total / len(dataloader):.3f}")
print("final loss:", total / len(dataloader))
