#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Train the teaching model: a four-layer Llama that knows two symbolic rules and six word mappings.

The model is small enough to read head by head and is written in the published Hugging Face layout:
config.json, model.safetensors (BF16), tokenizer.json, tokenizer_config.json and training.json, which
holds every hyper-parameter and the accuracies measured on the BF16-rounded weights.

Run:    python3 examples/models/train_teaching.py
Needs:  torch, safetensors, tokenizers; transformers too unless --no-check is given (it is only used
        to confirm that the saved folder loads there and gives the same logits).

Prompts (every one starts with <bos>; the target is the token after the prompt):
    aba          (x ^ y ^ x \\n) four times, x ^ y ^                     target x
    abb          (x ^ y ^ y \\n) four times, x ^ y ^                     target y
    icl          (Q: x A: f(x) \\n) ten times, Q: x A:                   target f(x)
    instruction  give the TASK word \\n Q: x A:                          target f(x)
Five of the 32 inputs of each task never appear as a query of the instruction format during training.

Two phases: the first learns every prompt with the whole model; the second sets two heads aside for each of the
formats icl and instruction (see `apart`), so that a known division of labour is there to be found.
"""

import argparse
import json
import math
import os
import pathlib
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers
from torch import nn

# ---- Vocabulary: 240 tokens ------------------------------------------------------------------------

TASKS = ("capital", "french", "spanish", "german", "plural", "reversed")
NOUNS = """
cat chat gato Katze cats; dog chien perro Hund dogs; house maison casa Haus houses;
book livre libro Buch books; horse cheval caballo Pferd horses; fish poisson pez Fisch fishes;
apple pomme manzana Apfel apples; chair chaise silla Stuhl chairs; hand main mano Hand hands;
moon lune luna Mond moons; sun soleil sol Sonne suns; cow vache vaca Kuh cows;
woman femme mujer Frau women; man homme hombre Mann men; ship navire barco Schiff ships;
flower fleur flor Blume flowers; stone pierre piedra Stein stones; knife couteau cuchillo Messer knives;
hat chapeau sombrero Hut hats; shoe chaussure zapato Schuh shoes; cup tasse taza Tasse cups;
city ville ciudad Stadt cities; tree arbre árbol Baum trees; star étoile estrella Stern stars;
door porte puerta Tür doors; window fenêtre ventana Fenster windows; mouse souris ratón Maus mice;
queen reine reina Königin queens; bridge pont puente Brücke bridges; child enfant niño Kind children;
leaf feuille hoja Blatt leaves; king roi rey König kings
"""
BOS, CARET, NEWLINE, QUERY, ANSWER, GIVE, THE, TASK_WORD, WORD = 0, 1, 2, 3, 4, 5, 6, 7, 13
FIRST_WORD, N_INPUTS, VOCAB = 16, 32, 240
SYMBOLIC_EXAMPLES, ICL_EXAMPLES, HELD_OUT_PER_TASK = 4, 10, 5


def vocabulary() -> list[str]:
    """The 240 surface strings, by token id; output 48 + 32 t + i is task t applied to input i."""
    rows = [row.split() for row in NOUNS.replace("\n", " ").split(";")]
    outputs = [[r[0].upper() for r in rows]] + [[r[k] for r in rows] for k in (1, 2, 3, 4)]
    outputs.append([r[0][::-1] for r in rows])
    tokens = ["<bos>", "^", "\n", "Q:", "A:", "give", "the", *TASKS, "word", "<unused0>", "<unused1>"]
    tokens += [r[0] for r in rows] + [word for column in outputs for word in column]
    if len(tokens) != VOCAB or len(set(tokens)) != VOCAB:
        raise ValueError(f"vocabulary: expected {VOCAB} distinct tokens, got {len(set(tokens))} of {len(tokens)}")
    return tokens


# ---- Model: Llama, with the parameter names and the half-split rotary of the published layout -------

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": BOS,
    "eos_token_id": None,
    "head_dim": 16,
    "hidden_act": "silu",
    "hidden_size": 128,
    "initializer_range": 0.02,
    "intermediate_size": 256,
    "max_position_embeddings": 128,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 8,
    "num_hidden_layers": 4,
    "num_key_value_heads": 4,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": VOCAB,
}
D_MODEL, D_HEAD, D_MLP = CONFIG["hidden_size"], CONFIG["head_dim"], CONFIG["intermediate_size"]
N_LAYERS, N_HEADS, N_KV = (CONFIG[f"num_{k}"] for k in ("hidden_layers", "attention_heads", "key_value_heads"))


class RMSNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(D_MODEL))

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + CONFIG["rms_norm_eps"])


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj = nn.Linear(D_MODEL, N_HEADS * D_HEAD, bias=False)
        self.k_proj = nn.Linear(D_MODEL, N_KV * D_HEAD, bias=False)
        self.v_proj = nn.Linear(D_MODEL, N_KV * D_HEAD, bias=False)
        self.o_proj = nn.Linear(N_HEADS * D_HEAD, D_MODEL, bias=False)

    def forward(self, x, cos, sin, gates=None):
        B, T, _ = x.shape

        def rotate(v):  # [B, heads, T, D_HEAD]
            left, right = v.chunk(2, dim=-1)
            return v * cos + torch.cat((-right, left), dim=-1) * sin

        q = rotate(self.q_proj(x).view(B, T, N_HEADS, D_HEAD).transpose(1, 2))
        k = rotate(self.k_proj(x).view(B, T, N_KV, D_HEAD).transpose(1, 2))
        v = self.v_proj(x).view(B, T, N_KV, D_HEAD).transpose(1, 2)
        k, v = (a.repeat_interleave(N_HEADS // N_KV, dim=1) for a in (k, v))
        z = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        if gates is not None:
            z = z * gates[:, :, None, None]
        return self.o_proj(z.transpose(1, 2).reshape(B, T, N_HEADS * D_HEAD))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate_proj = nn.Linear(D_MODEL, D_MLP, bias=False)
        self.up_proj = nn.Linear(D_MODEL, D_MLP, bias=False)
        self.down_proj = nn.Linear(D_MLP, D_MODEL, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.self_attn, self.mlp = Attention(), Mlp()
        self.input_layernorm, self.post_attention_layernorm = RMSNorm(), RMSNorm()

    def forward(self, x, cos, sin, gates=None):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, gates)
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(VOCAB, D_MODEL)
        self.model.layers = nn.ModuleList(Layer() for _ in range(N_LAYERS))
        self.model.norm = RMSNorm()
        frequency = CONFIG["rope_theta"] ** (-torch.arange(0, D_HEAD, 2, dtype=torch.float64) / D_HEAD)
        angle = torch.arange(CONFIG["max_position_embeddings"], dtype=torch.float64)[:, None] * frequency
        angle = torch.cat((angle, angle), dim=-1)
        self.register_buffer("cos", angle.cos().float(), persistent=False)
        self.register_buffer("sin", angle.sin().float(), persistent=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:  # the projections that write to the residual stream start smaller
                writes = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(p, std=CONFIG["initializer_range"] / (math.sqrt(2 * N_LAYERS) if writes else 1))

    def forward(self, ids, positions, gates=None):
        """Logits [B, P, V] at the P given positions of ids [B, T]; gates [B, L, H] multiply the head outputs."""
        x = self.model.embed_tokens(ids)
        T = ids.shape[1]
        for n, layer in enumerate(self.model.layers):
            x = layer(x, self.cos[:T], self.sin[:T], None if gates is None else gates[:, n])
        return F.linear(self.model.norm(x[:, positions]), self.model.embed_tokens.weight)


# ---- Prompts: token ids [n, T + 1] with the target in the last column -------------------------------


def distinct(n: int, count: int, below: int, g: torch.Generator) -> torch.Tensor:
    """n rows of `count` distinct numbers under `below`."""
    return torch.rand(n, below, generator=g).argsort(dim=1)[:, :count]


def output(task, i):
    return FIRST_WORD + N_INPUTS * (1 + task) + i


def symbolic(n: int, repeats_first: bool, g: torch.Generator) -> torch.Tensor:
    """aba (repeats_first) or abb: four example triples and a query, all of distinct word tokens."""
    pairs = SYMBOLIC_EXAMPLES + 1
    words = FIRST_WORD + distinct(n, 2 * pairs, VOCAB - FIRST_WORD, g).view(n, pairs, 2)
    x, y = words[..., 0], words[..., 1]
    caret, newline = torch.full_like(x, CARET), torch.full_like(x, NEWLINE)
    rows = torch.stack((x, caret, y, caret, x if repeats_first else y, newline), dim=2).flatten(1)
    return torch.cat((torch.full((n, 1), BOS), rows[:, :-1]), dim=1)


def icl(task: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    """Ten question-answer pairs and a query with distinct inputs; task [n]."""
    n = len(task)
    i = distinct(n, ICL_EXAMPLES + 1, N_INPUTS, g)
    q, a, newline = (torch.full_like(i, t) for t in (QUERY, ANSWER, NEWLINE))
    rows = torch.stack((q, FIRST_WORD + i, a, output(task[:, None], i), newline), dim=2).flatten(1)
    return torch.cat((torch.full((n, 1), BOS), rows[:, :-1]), dim=1)


def instruction(task: torch.Tensor, i: torch.Tensor) -> torch.Tensor:
    """`give the TASK word`, newline and one query, without an example; task [n], input i [n]."""
    c = [torch.full_like(i, t) for t in (BOS, GIVE, THE, WORD, NEWLINE, QUERY, ANSWER)]
    return torch.stack((*c[:3], TASK_WORD + task, *c[3:6], FIRST_WORD + i, c[6], output(task, i)), dim=1)


def held_out_combinations(seed: int) -> torch.Tensor:
    """Boolean [tasks, inputs]: five inputs a task, no input held out of two tasks."""
    order = torch.randperm(N_INPUTS, generator=torch.Generator().manual_seed(seed))
    held = torch.zeros(len(TASKS), N_INPUTS, dtype=torch.bool)
    for t in range(len(TASKS)):
        held[t, order[t * HELD_OUT_PER_TASK : (t + 1) * HELD_OUT_PER_TASK]] = True
    return held


# The positions whose next token the context decides: third items and answers from the second example on.
SYMBOLIC_POSITIONS = torch.arange(1, SYMBOLIC_EXAMPLES + 1) * 6 + 4
ICL_POSITIONS = torch.arange(1, ICL_EXAMPLES + 1) * 5 + 3
INSTRUCTION_POSITIONS = torch.tensor([8])


# Heads (layer, head) set aside for one format; all others are shared.
INSTRUCTION_HEADS, ICL_HEADS = ((1, 0), (2, 0)), ((1, 2), (2, 2))


def nll(model, ids, positions, smoothing, gates=None, targets=None):
    logits = model(ids[:, :-1], positions, gates)
    targets = ids[:, positions + 1] if targets is None else targets
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), label_smoothing=smoothing)


def apart(ids: torch.Tensor, positions: torch.Tensor, own, other, g: torch.Generator):
    """Head gates [n, L, H] and targets [n, P] that keep the two formats apart.

    A third of the rows run whole, a third without the heads of the other format; the last third runs with the
    format's own heads at half strength or less (uniform in [0, 0.5], one draw a row) and then has to repeat the
    input word, the token one before each answer position.
    """
    n = len(ids)
    gates, targets = torch.ones(n, N_LAYERS, N_HEADS), ids[:, positions + 1].clone()
    closed = 2 * n // 3
    weak = 0.5 * torch.rand(n - closed, generator=g)
    for layer, head in other:
        gates[n // 3 : closed, layer, head] = 0
    for layer, head in own:
        gates[closed:, layer, head] = weak
    targets[closed:] = ids[closed:][:, positions - 1]
    return gates, targets


# ---- Training, measurement, files -------------------------------------------------------------------


def train(model: Llama, phase: dict, seed: int, held: torch.Tensor) -> dict:
    """Run one phase of training in place; returns the losses of its last batch."""
    g = torch.Generator().manual_seed(seed)
    steps, warmup, batch, smoothing = (phase[k] for k in ("steps", "warmup", "batch", "smoothing"))
    decay = [p for p in model.parameters() if p.dim() == 2]
    plain = [p for p in model.parameters() if p.dim() != 2]
    groups = [{"params": decay, "weight_decay": phase["weight_decay"]}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=phase["lr"], betas=(0.9, 0.98))

    def rate(step):
        if step < warmup:
            return (step + 1) / warmup
        return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))

    def format_loss(rows, positions, own, other):
        split = apart(rows, positions, own, other, g) if phase["separate"] else ()
        return nll(model, rows, positions, smoothing, *split)

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
    seen = (~held).nonzero()  # the (task, input) pairs that the instruction format may ask for
    parts, start = {}, time.time()
    for step in range(steps):
        rows = torch.cat([symbolic(batch // 2, repeats_first, g) for repeats_first in (True, False)])
        parts["symbolic"] = nll(model, rows, SYMBOLIC_POSITIONS, smoothing)
        rows = icl(torch.randint(len(TASKS), (phase["batch_icl"],), generator=g), g)
        parts["icl"] = format_loss(rows, ICL_POSITIONS, ICL_HEADS, INSTRUCTION_HEADS)
        rows = instruction(*seen[torch.randint(len(seen), (batch,), generator=g)].T)
        parts["instruction"] = format_loss(rows, INSTRUCTION_POSITIONS, INSTRUCTION_HEADS, ICL_HEADS)
        optimiser.zero_grad(set_to_none=True)
        sum(parts.values()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 50 == 0 or step + 1 == steps:
            shown = "  ".join(f"{name} {value.item():.4f}" for name, value in parts.items())
            print(f"step {step:5d}  {time.time() - start:5.0f} s  {shown}", flush=True)
    return {name: round(value.item(), 5) for name, value in parts.items()}


@torch.no_grad()
def measure(model: Llama, held: torch.Tensor, n: int, seed: int) -> tuple[dict, dict]:
    """Accuracy of the arg max over all 240 tokens, and mean NLL in nats, at the target of fresh prompts."""
    g = torch.Generator().manual_seed(seed)
    accuracy, loss = {}, {}

    def score(name, ids):
        logits = torch.cat([model(part[:, :-1], torch.tensor([-1]))[:, 0] for part in ids.split(512)])
        accuracy[name] = round((logits.argmax(-1) == ids[:, -1]).float().mean().item(), 5)
        loss[name] = round(F.cross_entropy(logits, ids[:, -1]).item(), 5)

    score("aba", symbolic(n, True, g))
    score("abb", symbolic(n, False, g))
    for t, name in enumerate(TASKS):
        score(f"icl/{name}", icl(torch.full((n,), t), g))
    for t, name in enumerate(TASKS):
        i = torch.arange(N_INPUTS)
        score(f"instruction/{name}", instruction(torch.full_like(i, t), i))
        i = held[t].nonzero()[:, 0]
        score(f"instruction_held_out/{name}", instruction(torch.full_like(i, t), i))
    task, i = held.nonzero().T
    score("instruction_held_out/all", instruction(task, i))
    return accuracy, loss


def tokenizer() -> Tokenizer:
    """Whole words split at spaces, the newline a token of its own; an unknown word is an error."""
    tok = Tokenizer(models.WordLevel({s: i for i, s in enumerate(vocabulary())}, unk_token="<unk>"))
    tok.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(" +"), "removed"), pre_tokenizers.Split("\n", "isolated")]
    )
    tok.add_special_tokens([AddedToken("<bos>", special=True, normalized=False)])
    return tok


def write(path: pathlib.Path, save) -> None:
    """Write beside the destination, then rename: a reader never sees half a file."""
    aside = path.with_name(path.name + ".part")
    save(aside)
    aside.chmod(0o644)
    os.replace(aside, path)


def write_json(path: pathlib.Path, value) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    write(path, lambda p: p.write_text(text, encoding="utf-8"))


def check_with_transformers(folder: pathlib.Path, model: Llama, held: torch.Tensor) -> float:
    """Largest difference between our logits and those of transformers, both float32 on the saved weights."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    g = torch.Generator().manual_seed(7)
    task, i = held.nonzero().T
    worst = 0.0
    for ids in (symbolic(32, True, g), symbolic(32, False, g), icl(task, g), instruction(task, i)):
        with torch.no_grad():
            ours = model(ids[:, :-1], torch.arange(ids.shape[1] - 1))
            worst = max(worst, (ours - theirs(ids[:, :-1]).logits).abs().max().item())
    if worst > 1e-3:
        raise RuntimeError(f"logits differ from those of transformers by {worst}")
    words = vocabulary()
    loaded = AutoTokenizer.from_pretrained(folder)
    for row in instruction(task, i).tolist() + icl(task, g).tolist():
        if loaded(" ".join(words[t] for t in row), add_special_tokens=False)["input_ids"] != row:
            raise RuntimeError(f"tokenizer.json does not give back the ids {row}")
    return worst


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent / "teaching")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--steps", type=int, nargs=2, default=[800, 350], metavar=("LEARN", "SEPARATE"),
                   help="of the two phases; every option with two values has one a phase")
    p.add_argument("--batch", type=int, nargs=2, default=[64, 32], help="symbolic and as many instruction prompts a step")
    p.add_argument("--batch-icl", type=int, nargs=2, default=[16, 12], help="ICL prompts a step")
    p.add_argument("--lr", type=float, nargs=2, default=[2e-3, 1.5e-3], help="peak learning rates")
    p.add_argument("--warmup", type=int, nargs=2, default=[200, 20])
    p.add_argument("--weight-decay", type=float, nargs=2, default=[0.1, 0.1])
    p.add_argument("--smoothing", type=float, nargs=2, default=[0.0, 0.05], help="label smoothing")
    p.add_argument("--start-from", type=pathlib.Path, help="a folder whose weights replace the first phase")
    p.add_argument("--threads", type=int, default=1, help="more threads change the last bits of the weights")
    p.add_argument("--prompts", type=int, default=2000, help="fresh prompts a case in the final measurement")
    p.add_argument("--no-check", action="store_true", help="skip the comparison with transformers")
    args = p.parse_args()

    torch.set_num_threads(args.threads)
    start = time.time()
    held = held_out_combinations(args.seed)
    torch.manual_seed(args.seed)
    model = Llama()
    names = ("steps", "batch", "batch_icl", "lr", "warmup", "weight_decay", "smoothing")
    phases = [{"separate": bool(k), **{name: getattr(args, name)[k] for name in names}} for k in (0, 1)]
    for k, phase in enumerate(phases):
        if k == 0 and args.start_from:
            first = load_file(args.start_from / "model.safetensors")
            model.load_state_dict({name: w.float() for name, w in first.items()})
            phases[0] = {"started_from": args.start_from.name}  # its own training.json tells how it was made
        else:
            phase["last_batch_loss"] = train(model, phase, args.seed + 1 + 10 * k, held)
    weights = {name: w.detach().to(torch.bfloat16).contiguous() for name, w in model.named_parameters()}
    args.out.mkdir(parents=True, exist_ok=True)
    write(args.out / "model.safetensors", lambda path: save_file(weights, path, metadata={"format": "pt"}))
    write_json(args.out / "config.json", CONFIG)
    write(args.out / "tokenizer.json", lambda path: tokenizer().save(str(path)))
    write_json(
        args.out / "tokenizer_config.json",
        {"bos_token": "<bos>", "clean_up_tokenization_spaces": False, "tokenizer_class": "PreTrainedTokenizerFast"},
    )

    saved = load_file(args.out / "model.safetensors")
    model.load_state_dict({name: w.float() for name, w in saved.items()})
    accuracy, loss = measure(model, held, args.prompts, args.seed + 2)
    difference = None if args.no_check else check_with_transformers(args.out, model, held)
    words = vocabulary()
    report = {
        "seed": args.seed,
        "torch": torch.__version__,
        "threads": args.threads,
        "parameters": sum(w.numel() for w in saved.values()),
        "optimiser": {"name": "AdamW", "betas": [0.9, 0.98], "schedule": "cosine to 2 %", "gradient_norm": 1.0},
        "phases": phases,
        "heads_set_aside": {"instruction": INSTRUCTION_HEADS, "icl": ICL_HEADS},
        "held_out_of_instruction": {
            name: [words[FIRST_WORD + i] for i in held[t].nonzero()[:, 0].tolist()] for t, name in enumerate(TASKS)
        },
        "measured_prompts": {"aba, abb, icl/*": args.prompts, "instruction/*": N_INPUTS,
                             "instruction_held_out/*": HELD_OUT_PER_TASK},
        "accuracy": accuracy,
        "nll": loss,
        "largest_logit_difference_from_transformers": difference,
        "wall_seconds": round(time.time() - start, 1),
    }
    write_json(args.out / "training.json", report)
    print(json.dumps({"accuracy": accuracy, "nll": loss, "difference": difference}, indent=1))
    print(f"lowest accuracy {min(accuracy.values()):.4f}; {report['wall_seconds']} s; wrote {args.out}")


if __name__ == "__main__":
    main()
