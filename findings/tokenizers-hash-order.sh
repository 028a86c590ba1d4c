#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One tokenizer, one text, other ids from process to process.
#
# A good guess:   tokenization is deterministic; of two added tokens with one normal form the first (or the last) one wins.
# What happens:   with tokenizers 0.23.3, several added tokens with normalized=True that a normalizer makes equal ("DOG", "dog",
#                 "Dog", ... under Lowercase) are found by an order that changes with every process: the same script gives other ids
#                 each time it runs.
# Seen:           ids [1, k] for "a dog" with k from 2 to 6; at least two different k in 30 processes.
# Source:         the added vocabulary of the library collects these tokens from a hash map, whose order is random by process.
# Whom it hurts:  whoever compares runs, caches token ids, or tokenizes on several workers, with a tokenizer that lowercases and has
#                 added tokens in several spellings: rows differ between workers without an error.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet tokenizers==0.23.3
cat >"$work/ids.py" <<'PY'
from tokenizers import AddedToken, Tokenizer, models, normalizers
t = Tokenizer(models.WordLevel({"a": 0, "[U]": 1}, unk_token="[U]"))
t.normalizer = normalizers.Lowercase()
t.add_tokens([AddedToken(x, normalized=True) for x in ("DOG", "dog", "Dog", "dOg", "doG")])
print(t.encode("a dog").ids)
PY
for _ in $(seq 30); do "$work/venv/bin/python" "$work/ids.py"; done | sort | uniq -c | tee "$work/seen"
[ "$(wc -l <"$work/seen")" -ge 2 ] || { echo "changed: 30 processes agree"; exit 1; }
echo "as described: $(wc -l <"$work/seen") different answers in 30 processes"
