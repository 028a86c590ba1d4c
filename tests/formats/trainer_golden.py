#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write trainer_golden.json: gates that a plain trainer in PyTorch reaches on the teaching model, in float64.

The trainer is that of Nam et al. 2025 with one gate matrix: Adam on the logits u, a learning rate that falls linearly and never
reaches its end, the gradient's norm clipped to 1, R the mean over heads of clip(u, -4, 4), batches in file order, three phases.

Run:    python3 tests/formats/trainer_golden.py
Needs:  torch 2.13.0
"""

import json
import math
import random

import torch

from teaching_golden import HERE, MODEL, rms_norm, rounded, tensors

UPDATES, BATCH, PROMPTS, LAMBDA = 40, 6, 20, 0.1


def rotated(x, theta):  # [B, heads, T, D], channels i and i + D/2 turn together
    T, D = x.shape[-2:]
    angle = torch.arange(T, dtype=x.dtype)[:, None] * theta ** (-torch.arange(0, D, 2, dtype=x.dtype) / D)
    a, b = x[..., : D // 2], x[..., D // 2 :]
    return torch.cat((a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()), -1)


def last_log_probabilities(w, c, ids, gates):
    """[B, V] after the last token of ids [B, T]; gates [L, H] scale the heads before o_proj."""
    H, H_kv, D, (B, T) = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"], ids.shape
    hidden = torch.full((T, T), -math.inf, dtype=torch.float64).triu(1)
    x = w["model.embed_tokens.weight"][ids]
    for l in range(c["num_hidden_layers"]):
        p = f"model.layers.{l}."
        a = rms_norm(x, w[p + "input_layernorm.weight"], c["rms_norm_eps"])
        heads = lambda name, n: (a @ w[p + f"self_attn.{name}_proj.weight"].T).view(B, T, n, D).transpose(1, 2)
        q, k = rotated(heads("q", H), c["rope_theta"]), rotated(heads("k", H_kv), c["rope_theta"])
        k, v = (t.repeat_interleave(H // H_kv, 1) for t in (k, heads("v", H_kv)))
        z = gates[l, :, None, None] * (torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(D) + hidden, -1) @ v)
        x = x + z.transpose(1, 2).reshape(B, T, H * D) @ w[p + "self_attn.o_proj.weight"].T
        a = rms_norm(x, w[p + "post_attention_layernorm.weight"], c["rms_norm_eps"])
        gate, up = a @ w[p + "mlp.gate_proj.weight"].T, a @ w[p + "mlp.up_proj.weight"].T
        x = x + (gate * torch.sigmoid(gate) * up) @ w[p + "mlp.down_proj.weight"].T
    x = rms_norm(x[:, -1], w["model.norm.weight"], c["rms_norm_eps"])
    return torch.log_softmax(x @ w["model.embed_tokens.weight"].T, -1)


def aba_prompts(vocabulary):
    """Ids of <bos>, two ABA examples, and a third with its target."""
    words = [i for word, i in vocabulary.items() if i >= 16]
    draw = random.Random(0)
    prompts = []
    for _ in range(PROMPTS):
        ids = [0]
        for pair in range(3):
            x, y = draw.sample(words, 2)
            ids += [x, vocabulary["^"], y, vocabulary["^"], x] + ([vocabulary["\n"]] if pair < 2 else [])
        prompts.append(ids)
    return prompts


def fit(nll, start, normalise, prompts=PROMPTS, batch=BATCH):
    """Gates after each phase, and the loss of every batch before its update. nll(gates, batch): of the prompts of these indices."""
    drawn = 0
    losses = {}

    def phase(name, u, sign, first, last):
        nonlocal drawn
        u = u.clone().requires_grad_()
        adam = torch.optim.Adam([u], lr=first)
        losses[name] = []
        for update in range(UPDATES):
            adam.param_groups[0]["lr"] = first + (last - first) * update / UPDATES
            indices = [(drawn + i) % prompts for i in range(batch)]
            drawn += batch
            clipped = u.clamp(-4, 4)
            loss = nll(torch.sigmoid(u), indices)
            losses[name].append(loss.item())
            adam.zero_grad()
            (loss - sign * LAMBDA * (clipped.sum() if normalise == "sum" else clipped.mean())).backward()
            torch.nn.utils.clip_grad_norm_([u], 1)
            adam.step()
        return u.detach()

    none = phase("none", start, 0, 0.1, 0.01)
    found = {"none": none, "retain": phase("retain", none, 1, 0.5, 0.1), "remove": phase("remove", none, -1, 0.5, 0.1)}
    return {"gates": {name: torch.sigmoid(u).tolist() for name, u in found.items()}, "nll": losses}


def main():
    c = json.loads((MODEL / "config.json").read_text())
    w = tensors(MODEL / "model.safetensors")
    vocabulary = json.loads((MODEL / "tokenizer.json").read_text())["model"]["vocab"]
    prompts = aba_prompts(vocabulary)
    L, H = c["num_hidden_layers"], c["num_attention_heads"]
    start = torch.tensor([[((7 * (l * H + h) + 3) % (L * H)) / (L * H) for h in range(H)] for l in range(L)], dtype=torch.float64)
    start = 0.001 + 0.998 * start  # some logits lie beyond the regulariser's clip

    def nll(gates, batch):
        ids = torch.tensor([prompts[i] for i in batch])
        return -last_log_probabilities(w, c, ids[:, :-1], gates).gather(1, ids[:, -1:]).mean()

    golden = {"prompts": prompts, "start": start.tolist(), "updates": UPDATES, "batch": BATCH, "lambda": LAMBDA}
    for normalise in ("mean", "sum"):
        golden[normalise] = rounded_tree(fit(nll, torch.logit(start), normalise))
        print(normalise, {name: math.fsum(row[-5:]) / 5 for name, row in golden[normalise]["nll"].items()})
    lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in golden.items()]
    (HERE / "trainer_golden.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def rounded_tree(x):
    return {k: rounded_tree(v) for k, v in x.items()} if isinstance(x, dict) else rounded(x)


if __name__ == "__main__":
    main()
