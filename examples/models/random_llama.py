#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write a checkpoint of random weights in the published layout of Llama 3.2 1B: config.json and sharded BF16 safetensors.

For trying memory, speed and file handling at full size without the licensed weights. Entries are normal, scaled so that
activations keep their size; norm scales lie around 1.

Run:    python3 examples/models/random_llama.py --out DIRECTORY [--layers 16] [--shards 2] [--seed 0] [--tokenizer FILE]
Needs:  numpy, and 2.5 GB of disk for 16 layers. --tokenizer: a tokenizer.model or tokenizer.json to copy beside the weights.
"""

import argparse
import json
import pathlib
import shutil

import numpy as np

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 128000,
    "eos_token_id": 128001,
    "head_dim": 64,
    "hidden_act": "silu",
    "hidden_size": 2048,
    "initializer_range": 0.02,
    "intermediate_size": 8192,
    "max_position_embeddings": 131072,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 32,
    "num_hidden_layers": 16,
    "num_key_value_heads": 8,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "factor": 32.0,
        "high_freq_factor": 4.0,
        "low_freq_factor": 1.0,
        "original_max_position_embeddings": 8192,
        "rope_type": "llama3",
    },
    "rope_theta": 500000.0,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": 128256,
}


def tensors(c):
    """Name, shape and standard deviation of every tensor; None: a norm scale."""
    C, F, D = c["hidden_size"], c["intermediate_size"], c["head_dim"]
    H, H_kv = c["num_attention_heads"] * D, c["num_key_value_heads"] * D
    yield "model.embed_tokens.weight", (c["vocab_size"], C), C**-0.5
    for n in range(c["num_hidden_layers"]):
        layer = f"model.layers.{n}."
        yield layer + "input_layernorm.weight", (C,), None
        for name, out, width in (("q_proj", H, C), ("k_proj", H_kv, C), ("v_proj", H_kv, C), ("o_proj", C, H)):
            yield f"{layer}self_attn.{name}.weight", (out, width), width**-0.5
        yield layer + "post_attention_layernorm.weight", (C,), None
        for name, out, width in (("gate_proj", F, C), ("up_proj", F, C), ("down_proj", C, F)):
            yield f"{layer}mlp.{name}.weight", (out, width), width**-0.5
    yield "model.norm.weight", (C,), None


def bf16(x):
    """The upper halves of float32 numbers, rounded to nearest, ties to even."""
    bits = x.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def write_shard(path, items, draw):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape, _ in items:
        size = 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    blob = json.dumps(header).encode()
    blob += b" " * (-len(blob) % 8)
    with open(path, "wb") as file:
        file.write(len(blob).to_bytes(8, "little") + blob)
        for _, shape, deviation in items:
            draw(shape, deviation).tofile(file)
    return offset


def write_model(out, config, shards, seed, log=print):
    """Write config.json and the weights of any Llama config into `out`, which must not exist."""
    out.mkdir(parents=True)
    rng = np.random.default_rng(seed)

    def draw(shape, deviation):
        x = rng.standard_normal(shape, dtype=np.float32)
        return bf16(1 + np.float32(0.1) * x if deviation is None else np.float32(deviation) * x)

    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    items = list(tensors(config))
    count = min(shards, len(items))
    borders = [len(items) * s // count for s in range(count + 1)]
    weight_map, total = {}, 0
    for s in range(count):
        part = items[borders[s] : borders[s + 1]]
        file = f"model-{s + 1:05}-of-{count:05}.safetensors" if count > 1 else "model.safetensors"
        total += write_shard(out / file, part, draw)
        weight_map |= {name: file for name, _, _ in part}
        log(f"wrote {file}, {len(part)} tensors")
    if count > 1:
        index = {"metadata": {"total_size": total}, "weight_map": weight_map}
        (out / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--layers", type=int, default=16)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tokenizer", type=pathlib.Path)
    options = parser.parse_args()
    if options.layers < 1 or options.shards < 1:
        raise SystemExit("expected --layers and --shards of 1 or more")
    write_model(options.out, CONFIG | {"num_hidden_layers": options.layers}, options.shards, options.seed)
    if options.tokenizer:
        shutil.copy(options.tokenizer, options.out / options.tokenizer.name)


if __name__ == "__main__":
    main()
