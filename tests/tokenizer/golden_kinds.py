#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws tokenizers of every kind that the tokenizers library can save and records what it makes of mixed texts.

    python3 golden_kinds.py                    # writes tests/tokenizer/golden_kinds.json
    python3 golden_kinds.py --more N SEED DIR  # N tokenizers as DIR/I.json with DIR/texts.json and DIR/I.want.json, for a comparison
                                               # that is not kept

Wants: tokenizers 0.23. Each entry holds a tokenizer.json, and for each of the texts the ids, the text of the ids, and that without
special tokens; null where the library fails. Vocabularies are drawn, not trained, so that they stay small.
"""
import base64
import json
import pathlib
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders as D, models as M, normalizers as N, pre_tokenizers as P, processors as PP

TEXTS = ["", " ", "a", "Hello world", "  Hello   world ", "\n\nbe\n", "<s>Hello</s>", "x <X>  y", "In 1984, 12345 of 7.", "don't I'm",
         "for (i=0;i<10;++i){a+=b;}", "e\u0301 a\u0308\u0301 na\u00efve", "a\u00a0b\u3000c\u200bd", "x\x00y\x07z\x7f", "a_b ##ing!?...",
         "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8 \u4e16\u754c", "\u041f\u0440\u0438\u0432\u0435\u0442 \u0401\u0436", "\u0627\u064e \u0661\u0662",
         "\U0001f600 \U0001f468\u200d\U0001f469 \u00bd \u00b2 \u2167", "\ufb01\u0301 \u1e9b\u0323 \u212b \u0130", "THE DOG the dog", "\u2581a\u2581 \u0120b",
         "\r\n\ttab\r\n", "[L]  he  [L]hehe", "\U0001d49c\ud55c\uad6d \u0e19\u0e49\u0e33"]
PIECES = ["th", "he", "the", "dog", "Th", "\u2581", "\u2581a", "\u2581the", "\u0120", "\u0120the", "in", "##g", "##e", "o</w>", "e</w>", "og", "do", "an", "na",
          "\u00ef", "\u65e5\u672c", "\u0438\u0432", "12", "45", "..", "He", "ll", "wo", "rl", "ab", "e\u0301"]
CHARACTERS = sorted(set("".join(TEXTS[:16])) | set("\u2581\u0120\u010a\u00c3\u00a9"))
PATTERNS = [r"\s+", r"[0-9]", r"[A-Za-z]+", r"[aeiou]", r"'s|'t| ?[A-Za-z]+|\s+(?!\S)|\s+", r"\S+", r"(?<=a)"]
BEHAVIOURS = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]


def small_charsmap():
    """fi, Angstrom, e with an acute accent and CR LF, as a double-array trie (Darts-clone) written by hand."""
    entries = {b"\xef\xac\x81": b"fi", b"\xe2\x84\xab": b"A", b"e\xcc\x81": b"\xc3\xa9", b"\r\n": b" ", b"\xe3\x80\x80": b" "}
    values, blob = {}, b""
    for key, replacement in entries.items():
        values[key] = len(blob)
        blob += replacement + b"\0"
    units, free = [0] * 512, [True] * 512

    def place(node, prefix):
        children = sorted({key[len(prefix)] for key in entries if key.startswith(prefix) and len(key) > len(prefix)})
        leaf = prefix in values
        for base in range(1, 512):
            if all(free[base ^ c] for c in children) and (not leaf or free[base]):
                break
        units[node] |= (base ^ node) << 10 if node else base << 10
        units[node] |= 1 << 8 if leaf else 0
        if leaf:
            free[base], units[base] = False, values[prefix] | 1 << 31
        for c in children:
            free[base ^ c], units[base ^ c] = False, c
        for c in children:
            place(base ^ c, prefix + bytes([c]))

    free[0] = False
    place(0, b"")
    return (4 * len(units)).to_bytes(4, "little") + b"".join(u.to_bytes(4, "little") for u in units) + blob


CHARSMAP = small_charsmap()


class Draw:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def maybe(self, share):
        return self.r.random() < share

    def pattern(self):
        return self.r.choice(["", "a", " ", "he", "\u2581"]) if self.maybe(0.5) else Regex(self.r.choice(PATTERNS))

    def normalizer(self, kind):
        r = self.r
        return [N.NFC, N.NFD, N.NFKC, N.NFKD, N.Lowercase, N.StripAccents, N.Nmt, N.ByteLevel, lambda: N.Strip(self.maybe(0.5), self.maybe(0.5)),
                lambda: N.Replace(self.pattern(), r.choice(["", "\u2581", " ", "xy"])), lambda: N.Prepend(r.choice(["\u2581", " "])),
                lambda: N.BertNormalizer(self.maybe(0.7), self.maybe(0.7), r.choice([None, True, False]), self.maybe(0.5)),
                lambda: N.Precompiled(CHARSMAP), lambda: N.Sequence([N.NFD(), N.StripAccents()])][kind % 14]()

    def pre_tokenizer(self, kind):
        r = self.r
        return [P.Whitespace, P.WhitespaceSplit, P.UnicodeScripts, P.BertPreTokenizer, lambda: P.ByteLevel(self.maybe(0.5), use_regex=self.maybe(0.6)),
                lambda: P.Metaspace("\u2581", r.choice(["always", "first", "never"]), self.maybe(0.6)), lambda: P.CharDelimiterSplit(r.choice(" ae")),
                lambda: P.Digits(self.maybe(0.5)), lambda: P.Punctuation(r.choice(BEHAVIOURS)), lambda: P.FixedLength(r.randint(1, 7)),
                lambda: P.Split(self.pattern(), r.choice(BEHAVIOURS), self.maybe(0.3)),
                lambda: P.Sequence([P.Split(self.pattern(), r.choice(BEHAVIOURS)), P.ByteLevel(self.maybe(0.5), use_regex=False)])][kind % 12]()

    def decoder(self, kind):
        r = self.r
        return [D.ByteLevel, D.ByteFallback, D.Fuse, lambda: D.Metaspace("\u2581", r.choice(["always", "first", "never"])),
                lambda: D.WordPiece("##", self.maybe(0.5)), lambda: D.BPEDecoder("</w>"), lambda: D.Strip(r.choice(" a"), r.randint(0, 2), 0),
                lambda: D.Replace(self.pattern(), r.choice([" ", ""])), lambda: D.CTC(r.choice(["<pad>", "a"]), "|", self.maybe(0.5))][kind % 9]()

    def several(self, one, many, kind):
        steps = [one(kind)] + [one(self.r.randrange(99)) for _ in range(self.r.choice([0, 0, 1, 2]))]
        return None if self.maybe(0.15) else steps[0] if len(steps) == 1 else many(steps)

    def model(self, kind):
        r = self.r
        pieces = ["<unk>", "<s>", "</s>"] + r.sample(CHARACTERS, r.randint(20, 45)) + r.sample(PIECES, r.randint(10, len(PIECES)))
        some_bytes = self.maybe(0.2)
        if some_bytes:
            pieces += [f"<0x{b:02X}>" for b in range(256) if b not in (0xA9, 0xCC)]
        if kind == 0:
            prefix, suffix = r.choice([None, None, "##"]), r.choice([None, None, "</w>"])
            pieces += [(prefix or "") + c + (suffix or "") for c in "aeghindo" for _ in range(1 if prefix or suffix else 0)]
            pieces = list(dict.fromkeys(pieces))
            ids, merges = {p: i for i, p in enumerate(pieces)}, []
            for whole in pieces[3:]:
                for cut in range(1, len(whole)):
                    right = (prefix or "") + whole[cut:]
                    if whole[:cut] in ids and right in ids:
                        merges.append((whole[:cut], right))
            r.shuffle(merges)
            options = {"unk_token": "<unk>" if self.maybe(0.7) else None, "continuing_subword_prefix": prefix, "end_of_word_suffix": suffix}
            return M.BPE(ids, merges, fuse_unk=self.maybe(0.5), byte_fallback=some_bytes, ignore_merges=self.maybe(0.3),
                         **{key: value for key, value in options.items() if value is not None})
        pieces = list(dict.fromkeys(pieces))
        ids = {p: i for i, p in enumerate(pieces)}
        if kind == 1:
            pieces += ["##" + c for c in "abdeghinotrl" if "##" + c not in ids]
            return M.WordPiece({p: i for i, p in enumerate(pieces)}, unk_token="<unk>", max_input_chars_per_word=r.choice([5, 100]))
        if kind == 2:
            return M.WordLevel(ids, unk_token="<unk>")
        score = (lambda: -float(r.randint(2, 5))) if self.maybe(0.5) else (lambda: -(2 + 9 * r.random()))
        return M.Unigram([(p, 0.0 if i < 3 else score()) for i, p in enumerate(pieces)], 0, some_bytes)

    def post_processor(self):
        start, end = ("<s>", 1), ("</s>", 2)
        return [None, PP.BertProcessing(end, start), PP.RobertaProcessing(end, start), PP.ByteLevel(),
                PP.TemplateProcessing(single="<s> $A", special_tokens=[start]), PP.TemplateProcessing(single="<s> $A </s>", special_tokens=[start, end]),
                PP.Sequence([PP.ByteLevel(), PP.TemplateProcessing(single="$A </s>", special_tokens=[end])])][self.r.randrange(7)]

    def tokenizer(self, number):
        t = Tokenizer(self.model(self.r.choice([0, 0, 1, 2, 3])))
        if step := self.several(self.normalizer, N.Sequence, number):
            t.normalizer = step
        if step := self.several(self.pre_tokenizer, P.Sequence, number):
            t.pre_tokenizer = step
        if step := self.several(self.decoder, D.Sequence, number):
            t.decoder = step
        if step := self.post_processor():
            t.post_processor = step
        t.add_special_tokens(["<s>", "</s>"])
        for content in self.r.sample(["<X>", "[L]", "he", "\u65e5\u672c", "DOG", "na\u00efve", "\u00e9", " x"], self.r.randint(0, 4)):
            t.add_tokens([AddedToken(content, single_word=self.maybe(0.3), lstrip=self.maybe(0.3), rstrip=self.maybe(0.3), normalized=self.maybe(0.4),
                                     special=self.maybe(0.2))])
        # Of tokens with one normal form the library finds either, by chance.
        forms = [t.normalizer.normalize_str(a.content) if t.normalizer else a.content for a in t.get_added_tokens_decoder().values() if a.normalized]
        return t if len(set(forms)) == len(forms) and "" not in forms else None


def result(f):
    try:
        return f()
    except BaseException as e:  # the library panics where it should refuse
        if isinstance(e, KeyboardInterrupt):
            raise
        return None


def record(t, texts):
    ids = [result(lambda: t.encode(text).ids) for text in texts]
    decoded = [[None if i is None else result(lambda: t.decode(i, skip_special_tokens=skip)) for i in ids] for skip in (False, True)]
    return {"ids": ids, "decoded": decoded[0], "without_special": decoded[1]}


def random_texts(count, seed):
    r = random.Random(seed)
    words = " ".join(TEXTS).split(" ") + ["\u2028", "\u0301", "</w>", "##", "0x"]
    for _ in range(count):
        yield "".join(r.choice(words) + r.choice(["", " ", "  ", "\n", "\t", "\u00a0"]) for _ in range(r.randint(1, 12)))


def draw(count, seed, texts):
    number = 0
    while count > 0:
        t = result(lambda: Draw(1000 * seed + number).tokenizer(number))
        number += 1
        if t is None:
            continue
        text = t.to_str()
        yield json.loads(text), record(Tokenizer.from_str(text), texts)
        count -= 1


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[1] == "--more":
        directory, texts = pathlib.Path(sys.argv[4]), TEXTS + list(random_texts(175, 3))
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "texts.json").write_text(json.dumps(texts))
        for i, (tokenizer, want) in enumerate(draw(int(sys.argv[2]), int(sys.argv[3]), texts)):
            (directory / f"{i}.json").write_text(json.dumps(tokenizer))
            (directory / f"{i}.want.json").write_text(json.dumps(want))
    else:
        entries = [{"tokenizer": tokenizer, **want} for tokenizer, want in draw(56, 1, TEXTS[:20] + TEXTS[22:24])]
        lines = ",\n".join(json.dumps(e, ensure_ascii=True, separators=(",", ":")) for e in entries)
        path = pathlib.Path(__file__).parent / "golden_kinds.json"
        path.write_text('{"texts":' + json.dumps(TEXTS[:20] + TEXTS[22:24]) + ',"kinds":[\n' + lines + "\n]}\n", encoding="utf-8")
