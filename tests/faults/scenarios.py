# SPDX-License-Identifier: MIT
"""The commands that faults.py tries: what stands before them, and what may stand after them."""

import dataclasses
import json
import pathlib
import random
import struct

FIT = "chg fit builtin:induction aba.jsonl --out RUN --seeds 2 --batch 4 --updates 8 --updates-pressed 4 --threads 1"
CONTRAST = ("chg contrast builtin:two_formats --retain icl.jsonl --forget told.jsonl --out RUN --seeds 2 --batch 4 --updates 12 "
            "--threads 1")
VOLATILE = {"command", "started", "ended", "seconds", "resumed"}  # keys of run.json that another try may have otherwise

Snapshot = dict[str, bytes | None]  # files and folders (None) by their names


def snapshot(directory: pathlib.Path) -> Snapshot:
    found: Snapshot = {}
    for path in sorted(directory.rglob("*")):
        found[str(path.relative_to(directory))] = None if path.is_dir() else path.read_bytes()
    return found


def below(files: Snapshot, folder: str) -> Snapshot:
    return {name.removeprefix(folder + "/"): data for name, data in files.items() if name.startswith(folder + "/")}


def status_of(run: Snapshot) -> str:
    """As run.json says; "none" where there is nothing, "broken" where run.json cannot be read."""
    if not run:
        return "none"
    try:
        return str(json.loads(run["run.json"])["status"])
    except (KeyError, TypeError, ValueError):
        return "broken"


def results_differ(run: Snapshot, expected: Snapshot) -> str:
    """What a finished RUN has otherwise than an untouched one; state/ may be left in it."""
    of_state = lambda name: name == "state" or name.startswith("state/")
    for name in sorted(run.keys() | expected.keys()):
        if of_state(name):
            continue
        if name not in run or name not in expected:
            return f"{name} is {'missing' if name not in run else 'left over'}"
        if name == "run.json":
            is_now, was = ({k: v for k, v in json.loads(m[name]).items() if k not in VOLATILE} for m in (run, expected))
            if is_now != was:
                return f"run.json has other {sorted(k for k in is_now.keys() | was.keys() if is_now.get(k) != was.get(k))}"
        elif run[name] != expected[name]:
            return f"{name} has other bytes"
    return ""


def tiny_model(folder: pathlib.Path) -> None:
    """A Llama of one layer with random weights, in the files of Hugging Face, to be mapped into memory."""
    vocab, width, heads, hidden = 16, 8, 2, 12
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": vocab, "hidden_size": width,
              "num_attention_heads": heads, "num_key_value_heads": heads, "num_hidden_layers": 1, "intermediate_size": hidden,
              "max_position_embeddings": 32, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "hidden_act": "silu",
              "tie_word_embeddings": False, "torch_dtype": "float32"}
    block = "model.layers.0."
    shapes = {"model.embed_tokens.weight": [vocab, width], "lm_head.weight": [vocab, width], "model.norm.weight": [width],
              f"{block}input_layernorm.weight": [width], f"{block}post_attention_layernorm.weight": [width],
              f"{block}mlp.gate_proj.weight": [hidden, width], f"{block}mlp.up_proj.weight": [hidden, width],
              f"{block}mlp.down_proj.weight": [width, hidden]}
    shapes |= {f"{block}self_attn.{name}_proj.weight": [width, width] for name in "qkvo"}
    draw = random.Random(1)
    header, data = {}, b""
    for name, shape in shapes.items():
        n = shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + 4 * n]}
        data += struct.pack(f"<{n}f", *(draw.gauss(0, 0.3) for _ in range(n)))
    text = json.dumps(header).encode()
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    rows = [{"tokens": [draw.randrange(vocab) for _ in range(6)], "target_mask": [0, 0, 0, 0, 1, 1]} for _ in range(4)]
    (folder.parent / "tokens.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A command that writes `out`: a file, or a RUN where is_run."""

    name: str
    command: str
    out: str
    makes: tuple[str, ...] = ()  # commands that make what stands before; "interrupted: COMMAND" is ended on its way
    model: bool = False  # tiny_model stands before
    older: str = ""  # the bytes of an older file `out`
    is_run: bool = False
    status: int = 0  # without a fault
    speaks: bool = False  # says something on stderr without a fault
    calls: tuple[str, ...] = ()  # faults of these alone

    def prepare(self, folder: pathlib.Path) -> None:
        if self.model:
            tiny_model(folder / "TINY")
        if self.older:
            (folder / self.out).write_text(self.older)


MAKE_ABA = "chg tasks make aba --model builtin:induction --examples 12 --out aba.jsonl"
SCENARIOS = [
    Scenario("fit", FIT, "RUN", (MAKE_ABA,), is_run=True),
    Scenario("fit --resume", f"{FIT} --resume", "RUN", (MAKE_ABA, f"interrupted: {FIT}"), is_run=True),
    Scenario("fit --force", f"{FIT} --force", "RUN", (MAKE_ABA, f"{FIT} --seed 7"), is_run=True),
    Scenario("contrast", CONTRAST, "RUN",
             ("chg tasks make plural --model builtin:two_formats --examples 8 --pairs 2 --out icl.jsonl",
              "chg tasks make plural --model builtin:two_formats --examples 8 --format instruction --out told.jsonl"), is_run=True),
    Scenario("ablate", "chg ablate builtin:induction aba.jsonl --run DONE --out ablation.csv --threads 1", "ablation.csv",
             (MAKE_ABA, FIT.replace("RUN", "DONE")), older="older"),
    Scenario("score --out", "chg score TINY tokens.jsonl --out score.json --threads 1", "score.json", model=True, older="older"),
    Scenario("gradient", "chg gradient TINY tokens.jsonl --out dG.npy --threads 1", "dG.npy", model=True, older="older"),
    Scenario("tasks make", MAKE_ABA.replace("--examples", "--seed 3 --examples"), "aba.jsonl", older="older"),
    Scenario("fit --progress", f"{FIT} --progress", "RUN", (MAKE_ABA,), is_run=True, speaks=True, calls=("stderr",)),
    Scenario("an error", "chg score TINY missing.jsonl --out score.json --threads 1", "score.json", model=True, older="older",
             status=1, speaks=True, calls=("malloc", "open", "stderr", "stat", "close")),
]
