#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Gemma 3 takes no notice of a rope scaling that is spelled the old way.
#
# A good guess:   "rope_scaling": {"type": "linear", "factor": 8} and {"rope_type": "linear", "factor": 8} mean the same, as they do
#                 for Llama.
# What happens:   with transformers 5.24.0 a Gemma 3 (text) config with "type" runs without any scaling, without an error; with
#                 "rope_type" it scales.
# Seen:           logits of the old spelling equal those of no scaling at all to the bit, and differ from those of the new spelling.
# Source:         Gemma3TextConfig merges rope_scaling into an object that says rope_type "default" already; the later step that takes
#                 "type" for a missing rope_type therefore never finds it missing.
# Whom it hurts:  whoever runs a fine-tuned or converted Gemma 3 whose config.json was written by a tool that knows the old spelling:
#                 long contexts are read with the wrong frequencies, and short ones are slightly off.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 transformers==5.24.0 numpy
cat >"$work/rope.py" <<'PY'
import json
import pathlib
import sys

import torch
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, logging

logging.set_verbosity_error()
torch.manual_seed(0)
folder = pathlib.Path(sys.argv[1])
shape = dict(num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, head_dim=8, hidden_size=16, intermediate_size=24,
             vocab_size=31, max_position_embeddings=64, sliding_window=8, layer_types=["sliding_attention", "full_attention"])
Gemma3ForCausalLM(Gemma3TextConfig(**shape)).eval().save_pretrained(folder)
path = folder / "config.json"
config = json.loads(path.read_text())
for key in ("rope_parameters", "rope_scaling"):
    config.pop(key, None)
config |= {"rope_theta": 1_000_000, "rope_local_base_freq": 10_000}
ids = torch.arange(1, 25).unsqueeze(0)


def logits(scaling):
    path.write_text(json.dumps(config | ({"rope_scaling": scaling} if scaling else {})))
    return Gemma3ForCausalLM.from_pretrained(folder).eval()(ids).logits


none, old, new = logits(None), logits({"type": "linear", "factor": 8.0}), logits({"rope_type": "linear", "factor": 8.0})
print("type equals no scaling:", torch.equal(old, none))
print("type equals rope_type:", torch.equal(old, new))
PY
"$work/venv/bin/python" "$work/rope.py" "$work/model" | tee "$work/seen"
grep -q '^type equals no scaling: True$' "$work/seen" && grep -q '^type equals rope_type: False$' "$work/seen" ||
  { echo "changed: not what is described"; exit 1; }
echo "as described"
