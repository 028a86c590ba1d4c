#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A byte-level decoder spoils added tokens that hold letters such as ï, é or ü.
#
# A good guess:   decode(encode(text)) gives the text back for a byte-level BPE, added tokens included: an added token is kept as it
#                 is written, in plain characters.
# What happens:   with tokenizers 0.23.3, decoders.ByteLevel maps the characters of added tokens back to bytes too. Those of U+00A1 to
#                 U+00FF (most of them) are letters of the byte alphabet, so "ï" becomes the single byte EF, which is no UTF-8, and is
#                 shown as U+FFFD. "naïve" comes back as "na\ufffdve"; the ids are right.
# Source:         decoders.ByteLevel works on the strings of all tokens and does not know which ones were added.
# Whom it hurts:  whoever adds names or words of French, German or Spanish to a GPT-2-like tokenizer: generated text and every check by
#                 decoding is damaged, although the model saw the right id.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet tokenizers==0.23.3
cat >"$work/decode.py" <<'PY'
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
letters = sorted(pre_tokenizers.ByteLevel.alphabet())
t = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(letters)}, merges=[]))
t.pre_tokenizer, t.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
t.add_tokens([AddedToken("naïve", normalized=False)])
ids = t.encode("naïve").ids
print(ids, ascii(t.decode(ids)))
PY
seen=$("$work/venv/bin/python" "$work/decode.py")
echo "$seen"
[ "$seen" = "[256] 'na\\ufffdve'" ] || { echo "changed: expected [256] 'na\\ufffdve'"; exit 1; }
echo "as described"
