#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write teaching_golden.json: what the teaching model gives in float64, by code that shares nothing with chg.

Run again after the teaching model was trained again:    python3 tests/formats/teaching_golden.py
Needs torch (for the gradient); the weights and the vocabulary are read here.
"""

import hashlib
import json
import math
import pathlib

import torch

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE.parents[1] / "examples" / "models" / "teaching"
DIGITS = 12  # decimals kept

WORDS = ["suns", "chat", "Stein", "moon", "LEAF", "casa", "books", "hsif", "king", "Maus"]
PROMPTS = {  # the last word is the target
    "aba": [w for i in range(4) for w in (WORDS[2 * i], "^", WORDS[2 * i + 1], "^", WORDS[2 * i], "\n")] + ["king", "^", "Maus", "^", "king"],
    "abb": [w for i in range(4) for w in (WORDS[2 * i], "^", WORDS[2 * i + 1], "^", WORDS[2 * i + 1], "\n")] + ["king", "^", "Maus", "^", "Maus"],
    "icl": [w for pair in ("dog chien", "cat chat", "sun soleil", "book livre", "tree arbre", "hand main", "moon lune", "horse cheval",
                           "fish poisson", "king roi") for w in ("Q:", pair.split()[0], "A:", pair.split()[1], "\n")] + ["Q:", "apple", "A:", "pomme"],
    "instruction": ["give", "the", "german", "word", "\n", "Q:", "stone", "A:", "Stein"],
    "one token": ["cat"],  # <bos> alone is the prompt
}


def tensors(path):
    blob = path.read_bytes()
    size = int.from_bytes(blob[:8], "little")
    header, data = json.loads(blob[8 : 8 + size]), blob[8 + size :]
    out = {}
    for name, t in header.items():
        if name == "__metadata__":
            continue
        if t["dtype"] != "BF16":
            raise ValueError(f"{name}: expected BF16, got {t['dtype']}")
        raw = torch.frombuffer(bytearray(data[slice(*t["data_offsets"])]), dtype=torch.bfloat16)
        out[name] = raw.to(torch.float64).reshape(t["shape"])
    return out


def rms_norm(x, scale, epsilon):
    return scale * x / torch.sqrt((x * x).mean(-1, keepdim=True) + epsilon)


def rotated(x, theta):  # [T, heads, D], channels i and i + D/2 turn together
    T, _, D = x.shape
    angle = torch.arange(T, dtype=x.dtype)[:, None] * theta ** (-torch.arange(0, D, 2, dtype=x.dtype) / D)
    cos, sin = torch.cos(angle)[:, None], torch.sin(angle)[:, None]
    a, b = x[..., : D // 2], x[..., D // 2 :]
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


def log_probabilities(w, c, ids, gates):
    """[T, V]; gates [L, H] scale the heads before o_proj."""
    H, H_kv, D, T = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"], len(ids)
    hidden = torch.full((T, T), -math.inf, dtype=torch.float64).triu(1)
    x = w["model.embed_tokens.weight"][ids]
    for l in range(c["num_hidden_layers"]):
        p = f"model.layers.{l}."
        a = rms_norm(x, w[p + "input_layernorm.weight"], c["rms_norm_eps"])
        q = rotated((a @ w[p + "self_attn.q_proj.weight"].T).view(T, H, D), c["rope_theta"])
        k = rotated((a @ w[p + "self_attn.k_proj.weight"].T).view(T, H_kv, D), c["rope_theta"])
        v = (a @ w[p + "self_attn.v_proj.weight"].T).view(T, H_kv, D)
        heads = []
        for h in range(H):
            g = h * H_kv // H
            heads.append(gates[l, h] * (torch.softmax(q[:, h] @ k[:, g].T / math.sqrt(D) + hidden, -1) @ v[:, g]))
        x = x + torch.cat(heads, -1) @ w[p + "self_attn.o_proj.weight"].T
        a = rms_norm(x, w[p + "post_attention_layernorm.weight"], c["rms_norm_eps"])
        gate, up = a @ w[p + "mlp.gate_proj.weight"].T, a @ w[p + "mlp.up_proj.weight"].T
        x = x + (gate * torch.sigmoid(gate) * up) @ w[p + "mlp.down_proj.weight"].T
    return torch.log_softmax(rms_norm(x, w["model.norm.weight"], c["rms_norm_eps"]) @ w["model.embed_tokens.weight"].T, -1)


def rounded(x):
    return [rounded(y) for y in x] if isinstance(x, list) else round(x, DIGITS)


def main():
    c = json.loads((MODEL / "config.json").read_text())
    w = tensors(MODEL / "model.safetensors")
    vocabulary = json.loads((MODEL / "tokenizer.json").read_text())["model"]["vocab"]
    L, H = c["num_hidden_layers"], c["num_attention_heads"]
    gates = torch.tensor([[((7 * (l * H + h) + 3) % (L * H)) / (L * H) for h in range(H)] for l in range(L)], dtype=torch.float64, requires_grad=True)
    ones = torch.ones(L, H, dtype=torch.float64)

    prompts, nll = [], 0
    for name, words in PROMPTS.items():
        ids = [0] + [vocabulary[word] for word in words]
        *prompt, target = ids
        gated = log_probabilities(w, c, prompt, gates)[-1][target]
        nll = nll - gated / len(PROMPTS)
        with torch.no_grad():
            ungated = log_probabilities(w, c, prompt, ones)[-1]
        prompts.append({"name": name, "words": ["<bos>"] + words, "ids": ids, "gated_target_log_probability": rounded(gated.item()),
                        "log_probabilities_after_prompt": rounded(ungated.tolist())})
        print(f"{name}: target probability {math.exp(ungated[target]):.4f}")
    (d_gates,) = torch.autograd.grad(nll, gates)
    golden = {"model_sha256": hashlib.sha256((MODEL / "model.safetensors").read_bytes()).hexdigest(), "gates": gates.tolist(),
              "mean_nll": rounded(nll.item()), "d_mean_nll_d_gates": rounded(d_gates.tolist()), "prompts": prompts}
    lines = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in golden.items() if k != "prompts"]
    lines.append('"prompts": [\n' + ",\n".join(json.dumps(p, ensure_ascii=False) for p in prompts) + "\n]")
    (HERE / "teaching_golden.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
