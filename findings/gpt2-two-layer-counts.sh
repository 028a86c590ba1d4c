#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A GPT-2 with three layers on disk, two in memory.
#
# A good guess:   n_layer of a GPT-2 config.json is the number of layers, and num_hidden_layers, another name for it, is ignored or
#                 must agree.
# What happens:   with transformers 5.24.0, where both keys stand in config.json, num_hidden_layers wins whatever the order of the
#                 keys. The model is built with that many layers; tensors of the others are reported as unexpected in a log line and
#                 left out, and no error is raised.
# Seen:           a checkpoint of 3 layers whose config.json says n_layer 3 and num_hidden_layers 2 loads with 2 layers, and its
#                 logits differ from those of the saved model.
# Source:         the attribute map of GPT2Config sends num_hidden_layers to n_layer, and keyword arguments that the constructor does
#                 not name are set after those that it names.
# Whom it hurts:  whoever writes or converts config.json with keys of both kinds, for tools that read one or the other: readers by
#                 n_layer (llama.cpp's converter, most loaders of other languages) and transformers then run different models.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 transformers==5.24.0 numpy
cat >"$work/layers.py" <<'PY'
import json
import pathlib
import sys

import torch
from transformers import GPT2Config, GPT2LMHeadModel, logging

logging.set_verbosity_error()
torch.manual_seed(0)
folder = pathlib.Path(sys.argv[1])
saved = GPT2LMHeadModel(GPT2Config(n_layer=3, n_head=2, n_embd=8, n_positions=16, vocab_size=11)).eval()
saved.save_pretrained(folder)
path = folder / "config.json"
config = json.loads(path.read_text())
ids = torch.tensor([[1, 2, 3, 4]])
wanted = saved(ids).logits
for keys in ({**config, "num_hidden_layers": 2}, {"num_hidden_layers": 2, **config}):
    path.write_text(json.dumps(keys))
    loaded = GPT2LMHeadModel.from_pretrained(folder).eval()
    same = torch.equal(loaded(ids).logits, wanted)
    print(f"n_layer 3, num_hidden_layers 2: {len(loaded.transformer.h)} layers, logits {'equal' if same else 'differ'}")
PY
"$work/venv/bin/python" "$work/layers.py" "$work/model" | tee "$work/seen"
[ "$(grep -c ': 2 layers, logits differ' "$work/seen")" = 2 ] || { echo "changed: not what is described"; exit 1; }
echo "as described"
