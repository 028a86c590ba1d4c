#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare whole updates with PyTorch: one table of seconds, ratios and targets; see bench/README.md.

Run:    python3 bench/rival/compare.py [--rows aba instruction] [--data DIR] [--out results.json]
Needs:  pip install torch==2.13.0 transformers numpy; the target chg_bench_update, built as Release.

Three processes answer the same requests: PyTorch the usual way, PyTorch tuned (this file again, with --serve) and
chg_bench_update (update.cpp). Their gate gradients must agree before anything is timed; then they take turns.
"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path.insert(0, str(TOP / "examples" / "models"))
import random_llama

SMOLLM2_135M = random_llama.CONFIG | {
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "max_position_embeddings": 8192,
    "num_attention_heads": 9,
    "num_hidden_layers": 30,
    "num_key_value_heads": 3,
    "rope_scaling": None,
    "rope_theta": 100000.0,
    "vocab_size": 49152,
}
MODELS = {"smollm2": SMOLLM2_135M, "llama-1b": random_llama.CONFIG}

# ---- Workloads ---------------------------------------------------------------------------------------

FIRST_WORD = 100  # ids below stand for punctuation and the like


class Draw:
    """Random ids in the shape of a task's prompts."""

    def __init__(self, seed, vocab):
        self.rng = np.random.default_rng(seed)
        self.vocab = vocab

    def words(self, count):
        return self.rng.integers(FIRST_WORD, self.vocab, count).tolist()

    def target(self):
        return self.words(1 + self.rng.choice(3, p=[0.45, 0.4, 0.15]))


def aba(draw):
    """BOS, four times `x ^ y ^ x newline`, then `x ^ y ^` and x."""

    def prompt():
        tokens = [1]
        for _ in range(4):
            x, y = draw.words(2)
            tokens += [x, 2, y, 2, x, 3]
        x, y = draw.words(2)
        return tokens + [x, 2, y, 2], [x]

    return prompt


def capitalize_icl(draw):
    """Ten pairs and a query: 97 to 118 tokens, of which all share the first two."""
    start = draw.words(2)
    return lambda: (start + draw.words(int(np.clip(draw.rng.normal(106, 4.5), 97, 118)) - 2), draw.target())


def capitalize_instruction(draw):
    """An instruction (19 tokens), one of ten leading examples (9 tokens), and a query: 32 to 35 tokens."""
    instruction, leading = draw.words(19), [draw.words(9) for _ in range(10)]
    query = lambda: draw.words(1 + draw.rng.choice(4, p=[0.77, 0.17, 0.05, 0.01])) + [2, 3, 4]
    return lambda: (instruction + leading[draw.rng.integers(10)] + query(), draw.target())


def commonsense(draw):
    """One of ten leading questions with their answers (33 to 37 tokens), and a question: 64 to 110 tokens."""
    leading = [draw.words(33 + n % 5) for n in range(10)]
    query = lambda: draw.words(int(np.clip(draw.rng.gamma(6, 3), 4, 48)) + 27)
    return lambda: (leading[draw.rng.integers(10)] + query(), draw.words(1))


ROWS = {  # what the usual and the tuned way must take, over what we take
    "aba": ("ABA, 29 tokens, nothing shared", "smollm2", 64, aba, "aba", 2.0, 1.25),
    "icl": ("capitalize, 10 pairs", "smollm2", 64, capitalize_icl, "capitalize_icl", 2.6, 1.45),
    "instruction": ("capitalize, instruction format", "smollm2", 64, capitalize_instruction, "capitalize_instruction", 8, 5),
    "commonsense": ("CommonsenseQA", "smollm2", 64, commonsense, "commonsense", 4.5, 2.6),
    "llama-1b": ("Llama 3.2 1B, ABA, 29 tokens", "llama-1b", 16, aba, "aba", 1.75, 1.25),
}


def with_ids(lines, options):
    """Examples as ids; prompts and targets as text go through the tokenizer of `chg tokenize`."""
    if "tokens" in lines[0]:
        return lines
    if not options.tokenizer:
        raise SystemExit("compare: prompts as text need --tokenizer MODEL (and --chg PROGRAM)")
    texts = [e["prompt"] for e in lines] + [e["prompt"] + e["target"] for e in lines]
    answer = subprocess.run(
        [options.chg, "tokenize", options.tokenizer, "--jsonl"],
        input="".join(json.dumps({"text": t}) + "\n" for t in texts), text=True, capture_output=True, check=True,
    )
    ids = [json.loads(line)["ids"] for line in answer.stdout.splitlines()]
    prompts, wholes = ids[: len(lines)], ids[len(lines) :]
    return [{"tokens": w, "target_mask": [0] * len(p) + [1] * (len(w) - len(p))} for p, w in zip(prompts, wholes)]


def examples_of(row, batches, options):
    _, model, batch, make, file, *_ = ROWS[row]
    if options.data:
        lines = [json.loads(line) for line in (options.data / f"{file}.jsonl").read_text().splitlines()]
        if len(lines) < batch * batches:
            raise SystemExit(f"compare: {file}.jsonl: expected {batch * batches} lines or more, got {len(lines)}")
        return with_ids(lines[: batch * batches], options)
    prompt = make(Draw(options.seed, MODELS[model]["vocab_size"]))
    drawn = [prompt() for _ in range(batch * batches)]
    return [{"tokens": p + t, "target_mask": [0] * len(p) + [1] * len(t)} for p, t in drawn]


# ---- PyTorch ------------------------------------------------------------------------------------------


def load(path, dtype):
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    where = {"gguf_file": path.name} if path.suffix == ".gguf" else {}
    model = AutoModelForCausalLM.from_pretrained(path.parent if where else path, dtype=dtype, **where)
    return model.eval().requires_grad_(False)


class TorchWorker:
    """Answers the requests of update.cpp.

    usual   LlamaForCausalLM as transformers loads it (SDPA attention with a mask), a pre-hook on each o_proj that scales
            heads, examples padded on the right to the longest, logits at every position.
    tuned   the same model, logits at target positions only, and no mask: causal attention never looks at the padding on
            the right.

    A batch of more than most_tokens, padding included, is taken in equal parts whose gradients add up, for memory.
    Neither is fed an example's last token, and no weight asks for a gradient.
    """

    def __init__(self, options):
        self.options = options
        self.model = load(options.model, torch.float32)
        if options.compile:
            self.model.model = torch.compile(self.model.model, dynamic=True)
        config = self.model.config
        self.layers, self.heads = config.num_hidden_layers, config.num_attention_heads
        for n, layer in enumerate(self.model.get_submodule("model").layers):
            layer.self_attn.o_proj.register_forward_pre_hook(self.gate(n))
        self.gates = None

    def gate(self, n):
        def scale(_, inputs):
            z = inputs[0]
            heads = z.view(*z.shape[:-1], self.heads, -1)
            return ((heads * self.gates[n, :, None].to(z.dtype)).view(z.shape),)

        return scale

    def begin(self, request):
        with open(request["data"]) as file:
            self.data = [json.loads(line) for line in file]
        self.batch = request["batch"]
        logits = torch.tensor(request["logits"], dtype=torch.float32).view(self.layers, self.heads)
        self.logits = logits.requires_grad_()
        self.adam = torch.optim.Adam([self.logits], lr=0.1)
        return {}

    def collate(self, examples):
        """Ids without each example's last token, padded; the row, position, token and weight of every target."""
        width = max(len(e["tokens"]) for e in examples) - 1
        ids = torch.zeros(len(examples), width, dtype=torch.long)
        mask = torch.zeros_like(ids)
        rows, positions, tokens, weights = [], [], [], []
        for i, e in enumerate(examples):
            n = len(e["tokens"]) - 1
            ids[i, :n] = torch.tensor(e["tokens"][:n])
            mask[i, :n] = 1
            targets = [t for t, counts in enumerate(e["target_mask"]) if counts]
            for t in targets:
                rows.append(i), positions.append(t - 1), tokens.append(e["tokens"][t]), weights.append(1 / len(targets))
        return ids, mask, torch.tensor(rows), torch.tensor(positions), torch.tensor(tokens), torch.tensor(weights)

    def usual(self, part, batch):
        ids, mask, rows, positions, tokens, weights = self.collate(part)
        logits = self.model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        labels = torch.full_like(ids, -100)
        labels[rows, positions] = tokens
        nll = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(ids.shape)
        return (nll[rows, positions] * weights).sum() / batch

    def tuned(self, part, batch):
        ids, _, rows, positions, tokens, weights = self.collate(part)
        states = self.model.model(input_ids=ids, use_cache=False).last_hidden_state
        logits = self.model.lm_head(states[rows, positions])
        return (F.cross_entropy(logits, tokens, reduction="none") * weights).sum() / batch

    def loss_and_gradient(self, examples):
        gates = torch.sigmoid(self.logits)
        self.gates = gates.detach().requires_grad_()
        width = max(len(e["tokens"]) for e in examples) - 1
        parts = -(-len(examples) * width // self.options.most_tokens)
        total, size = 0.0, -(-len(examples) // parts)
        for begin in range(0, len(examples), size):
            loss = getattr(self, self.options.serve)(examples[begin : begin + size], len(examples))
            loss.backward()
            total += loss.item()
        gates.backward(self.gates.grad)
        return total, self.gates.grad

    def run(self, request):
        examples = self.data[request["batch"] * self.batch :][: self.batch]
        self.adam.zero_grad()
        return self.loss_and_gradient(examples)

    def gradient(self, request):
        loss, d_gates = self.run(request)
        return {"loss": loss, "d_gates": d_gates.double().flatten().tolist()}

    def update(self, request):
        start, processor = time.perf_counter(), time.process_time()
        loss, _ = self.run(request)
        torch.nn.utils.clip_grad_norm_([self.logits], 1.0)
        self.adam.step()
        seconds, processor = time.perf_counter() - start, time.process_time() - processor
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {"seconds": seconds, "processor": processor, "loss": loss, "peak_rss_kB": memory}


def serve(options):
    global torch, F
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(options.threads)
    start = time.perf_counter()
    worker = TorchWorker(options)
    print(json.dumps({"load_seconds": time.perf_counter() - start}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(getattr(worker, request["do"])(request)), flush=True)


# ---- The comparison -----------------------------------------------------------------------------------


class Side:
    """A process that holds one model and answers requests."""

    def __init__(self, name, command):
        self.name = name
        environment = os.environ | {"OMP_WAIT_POLICY": "passive"} if name.startswith("ours") else None
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.load_seconds = self.read()["load_seconds"]

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"compare: the process for {self.name} ended with code {self.process.wait()}")
        return json.loads(line)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def start(name, model, options):
    common = ["--model", str(model), "--threads", str(options.threads)]
    if name in ("usual", "tuned"):
        return Side(name, [sys.executable, __file__, "--serve", name, *common, "--most-tokens", str(options.most_tokens)]
                    + ["--compile"] * (options.compile and name == "tuned"))
    return Side(name, [str(options.program), *common, "--precision", PRECISIONS[name], "--max-rows", str(options.max_rows)])


PRECISIONS = {"ours": "f32", "ours bf16": "bf16", "ours f64": "f64"}

# Largest difference between two float gradients over the largest entry. Both round every product sum of some thousand
# terms to 2^-24 relative, over 2 x 30 layers of random weights, which lets differences grow; a wrong gradient differs by
# 1e-1 and more. bf16 keeps 8 bits where float keeps 24.
BOUNDS = {"usual": 1e-4, "tuned": 1e-4, "ours": 1e-4, "ours bf16": 0.1}


def relative_difference(a, b):
    a, b = np.array(a), np.array(b)
    return float(np.abs(a - b).max() / np.abs(b).max())


def compare(row, model, options):
    """Gradients checked, then medians of updates: the sides take turns, or come one after another where the model or the
    batch is so large that memory should hold one at a time."""
    _, size, batch, *_ = ROWS[row]
    large = size == "llama-1b"
    examples = examples_of(row, options.repeats, options)
    padded = batch * max(len(e["tokens"]) for e in examples)
    apart = large or padded > 4096  # the usual way takes some 2 MB a token
    data = options.work / f"{row}.jsonl"
    data.write_text("".join(json.dumps(e) + "\n" for e in examples))
    shape = MODELS[size]["num_hidden_layers"], MODELS[size]["num_attention_heads"]
    logits = np.random.default_rng(options.seed).uniform(-2, 2, shape).flatten().tolist()
    reference = options.sides[0] if large or options.no_reference else "ours f64"
    gradients, sides = {}, {}

    def begin(side):
        """Also the warm-up: the gradient is a whole pass."""
        account = side.ask(do="begin", data=str(data), batch=batch, logits=logits)
        gradients[side.name] = side.ask(do="gradient", batch=0)["d_gates"]
        difference = relative_difference(gradients[side.name], gradients[reference])
        bound = BOUNDS.get(side.name, 0)
        if side.name != reference:
            say(f"{row}: gate gradients of {side.name} differ from {reference} by {difference:.1e} of the largest entry")
        if not difference <= bound:
            raise SystemExit(f"compare: expected at most {bound:.0e}. {side.name} is not timed.")
        sides[side.name] = account | {"difference": difference, "load_seconds": side.load_seconds}
        sides[side.name] |= {"seconds": [], "processor": [], "loss": []}

    def update(side, number):
        reply, kept = side.ask(do="update", batch=number), sides[side.name]
        for key in ("seconds", "processor", "loss"):
            kept[key].append(reply[key])
        kept["peak_rss_MB"] = reply["peak_rss_kB"] / 1e3
        say(f"{row}: update {number} of {side.name}: {reply['seconds']:.3f} s, loss {reply['loss']:.4f}")

    def end(side):
        if side.name not in PRECISIONS:
            return
        sides[side.name]["peak"] = side.ask(do="peak")["peak"]
        if options.account:
            sides[side.name]["account"] = side.ask(do="account", batch=0, updates=options.repeats)

    if reference not in options.sides:
        with start(reference, model, options) as side:
            begin(side)
        del sides[reference]
    if apart:
        for name in options.sides:
            with start(name, model, options) as side:
                begin(side)
                for number in range(options.repeats):
                    update(side, number)
                end(side)
    else:
        with contextlib.ExitStack() as stack:
            running = [stack.enter_context(start(name, model, options)) for name in options.sides]
            for side in running:
                begin(side)
            for number in range(options.repeats):
                for side in running:
                    update(side, number)
            for side in running:
                end(side)
    for name, kept in sides.items():
        kept["median_seconds"] = statistics.median(kept["seconds"])
        kept["threads_busy"] = sum(kept["processor"]) / sum(kept["seconds"])
        if name in PRECISIONS:
            kept["share_of_peak"] = statistics.median(
                b["flops"] / s / kept["peak"] for b, s in zip(kept["batches"], kept["seconds"])
            )
    return {"row": row, "batch": batch, "reference": reference, "sides": sides}


# ---- Results ------------------------------------------------------------------------------------------


def say(line):
    print(line, file=sys.stderr, flush=True)


def processor():
    with contextlib.suppress(OSError):
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def ratio(sides, slow, fast, target):
    if slow not in sides or fast not in sides:
        return "-"
    reached = sides[slow]["median_seconds"] / sides[fast]["median_seconds"]
    return f"{'**' if reached < target else ''}{reached:.2f}{'**' if reached < target else ''} ({target:g})"


def table(results, options):
    batch = lambda r: f"{ROWS[r['row']][0]}, batch {r['batch']}"
    seconds = lambda r, name: f"{r['sides'][name]['median_seconds']:.3f}" if name in r["sides"] else "-"
    lines = [
        f"{processor()}, {options.threads} threads; medians of {options.repeats} whole updates; in brackets the target, bold "
        "where missed",
        "",
        "| workload | usual, s | tuned, s | ours, s | usual / ours | tuned / ours | bf16, s | ours / bf16 | share of peak |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        sides, (_, _, _, _, _, than_usual, than_tuned) = r["sides"], ROWS[r["row"]]
        share = f"{sides['ours']['share_of_peak']:.1%}" if "ours" in sides else "-"
        cells = [
            batch(r), seconds(r, "usual"), seconds(r, "tuned"), seconds(r, "ours"), ratio(sides, "usual", "ours", than_usual),
            ratio(sides, "tuned", "ours", than_tuned), seconds(r, "ours bf16"), ratio(sides, "ours", "ours bf16", 1.7), share,
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines += [
        "",
        "| workload | side | gradient differs | from | threads busy | peak RSS, MB | load, s | rows: one tree | chunks "
        "| minimal GFLOP | in chunks | peak GFLOP/s |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        for name, kept in r["sides"].items():
            cells = [batch(r), name, f"{kept['difference']:.1e}", r["reference"], f"{kept['threads_busy']:.2f}",
                     f"{kept['peak_rss_MB']:.0f}", f"{kept['load_seconds']:.1f}"]
            if "batches" in kept:
                mean = lambda key: statistics.mean(b[key] for b in kept["batches"])
                cells += [f"{mean('rows'):.0f}", f"{mean('chunk_rows'):.0f}", f"{mean('flops') / 1e9:.0f}",
                          f"{mean('chunk_flops') / 1e9:.0f}", f"{kept['peak'] / 1e9:.0f}"]
            else:
                cells += ["-"] * 5
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def account_table(results):
    """Where the time of ours goes: a column a workload and side, in percent of threads x wall time."""
    columns = [
        (ROWS[r["row"]][0], name, kept["account"]) for r in results for name, kept in r["sides"].items() if "account" in kept
    ]
    if not columns:
        return "no side of ours gave an account"
    parts = {}  # by name: its share in each column, the largest part of the first column first
    for n, (_, _, a) in enumerate(columns):
        for part in a["parts"]:
            share, error = (part[key] / a["threads"] / a["seconds"] for key in ("seconds", "uncertainty"))
            parts.setdefault(part["name"], ["-"] * len(columns))[n] = f"{share:.2%}" + (f" ± {error:.2%}" if error else "")
    parts["idle"] = parts.pop("idle")  # last, whatever later columns brought
    line = lambda name, values: "| " + " | ".join([name, *values]) + " |"
    each = lambda show: [show(a) for _, _, a in columns]
    lines = [
        "share of threads x wall time, ± what the number of samples leaves open",
        "",
        line("part", [f"{workload}: {name}" for workload, name, _ in columns]),
        "|---" * (len(columns) + 1) + "|",
        *[line(name, shares) for name, shares in parts.items()],
        line("threads x seconds of an update", each(lambda a: f"{a['threads']} x {a['seconds'] / a['updates']:.3f}")),
        line("samples", each(lambda a: str(sum(p["samples"] for p in a["parts"])))),
        line("products: GFLOP/s a thread", each(lambda a: f"{a['product_flops'] / a['product_seconds'] / 1e9:.1f}")),
        line("products: share of the FMA peak", each(lambda a: f"{a['product_share_of_peak']:.1%}")),
        line("products: GB/s of weights a thread",
             each(lambda a: f"{a['product_weight_bytes'] / a['product_seconds'] / 1e9:.1f}")),
        line("in the kernel, of the above", each(lambda a: f"{a['system'] / a['threads'] / a['seconds']:.2%}")),
        line("page faults of an update", each(lambda a: f"{a['page_faults'] / a['updates']:.0f}")),
    ]
    return "\n".join(lines)


def model_of(row, options):
    """The model given, or one of random weights, written once into the work directory."""
    size = ROWS[row][1]
    given = options.model if size == "smollm2" else options.llama
    if given:
        return given
    path = options.work / size
    if not (path / "config.json").exists():
        random_llama.write_model(path, MODELS[size], 1 if size == "smollm2" else 2, options.seed, log=say)
    return path


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=[*ROWS])
    parser.add_argument("--sides", nargs="+", choices=("usual", "tuned", "ours", "ours bf16"), default=["usual", "tuned", "ours"])
    parser.add_argument("--repeats", type=int, default=5, help="updates of each side, each on a batch of its own")
    parser.add_argument("--quick", action="store_true", help="two updates of each")
    parser.add_argument("--data", type=pathlib.Path, help="directory of data files; without it, random ids of the same lengths")
    parser.add_argument("--tokenizer", help="for data that is text: what `chg tokenize` takes")
    parser.add_argument("--chg", default=str(TOP / "build/release/examples/chg"), help="the program, for --tokenizer")
    parser.add_argument("--model", type=pathlib.Path, help="SmolLM2-135M, directory or GGUF; without it, random weights")
    parser.add_argument("--llama", type=pathlib.Path, help="Llama 3.2 1B, likewise")
    parser.add_argument("--program", type=pathlib.Path, default=TOP / "build/release/bench/chg_bench_update")
    parser.add_argument("--work", type=pathlib.Path, default=TOP / "build/rival", help="where weights and data are written")
    parser.add_argument("--no-reference", action="store_true", help="compare gradients with the first side, not with double")
    parser.add_argument("--account", action="store_true", help="ours: also where the time of as many more updates goes")
    parser.add_argument("--prepare", action="store_true", help="write the weights and stop")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--max-rows", type=int, default=1024, help="ours: rows of a chunk")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=pathlib.Path, help="results as JSON")
    parser.add_argument("--most-tokens", type=int, default=8192, help="PyTorch: padded tokens taken at once")
    parser.add_argument("--compile", action="store_true", help="tuned: torch.compile the decoder")
    parser.add_argument("--serve", choices=("usual", "tuned"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.repeats = 2
    return options


def main():
    options = arguments()
    if options.serve:
        return serve(options)
    options.work.mkdir(parents=True, exist_ok=True)
    models = {row: model_of(row, options) for row in options.rows}
    if options.prepare:
        return None
    results = [compare(row, models[row], options) for row in options.rows]
    print(table(results, options))
    if options.account:
        print("\n" + account_table(results))
    if options.out:
        about = {"processor": processor(), "threads": options.threads, "repeats": options.repeats, "max_rows": options.max_rows,
                 "data": str(options.data or "random ids"), "rows": results}
        options.out.write_text(json.dumps(about, indent=1) + "\n")
    return None


if __name__ == "__main__":
    main()
