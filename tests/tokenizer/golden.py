#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains tiny tokenizers of every kind and records what the reference libraries make of some texts.

    python3 golden.py            # writes tests/tokenizer/golden/
    python3 golden.py --more N DIRECTORY   # the same tokenizers with N random texts each, for a comparison that is not kept

Wants: tokenizers 0.23, sentencepiece 0.2, tiktoken 0.14. golden/NAME.json holds the ids of the texts of golden/texts.json under
golden/NAME/tokenizer.json, NAME/tokenizer.model or NAME/vocab.json: "ids" with the rule on special tokens, "plain" without it,
"decoded" the text of "ids". The training of some kinds is not reproducible: a new run gives other files, which agree with each other.
"""
import base64
import io
import json
import os
import pathlib
import random
import sys
import unicodedata

import sentencepiece
import tiktoken
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
CL100K = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
SUFFIX = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K = "|".join([rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{SUFFIX}", rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{SUFFIX}",
                  r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])

CORPUS = [
    "The quick brown fox jumps over the lazy dog, and the dog doesn't mind: it's asleep.",
    "We've seen 1234 heads in 16 layers; I'll say that they'd keep 3.14 of 2024, won't they?",
    "Der schnelle braune Fuchs springt über den faulen Hund. Größe, Straße, Übung, schön.",
    "Le renard brun saute par-dessus le chien paresseux, déjà vu, français, naïve, cœur.",
    "Быстрая лиса прыгает через собаку. Привет, мир! Это проверка.",
    "速い狐が怠け者の犬を飛び越える。日本語の文章です。中文的句子，也有一些。",
    "def main():\n    for i in range(10):\n        print(i)\n\treturn None\n\n\n",
    "hello hello hello world world the the the that there then these   spaces    here",
    "emoji 😀😀 👍🏽 👨‍👩‍👧 and combining e\u0301 e\u0301 marks, \u0939\u093f\u0928\u094d\u0926\u0940 हिन्दी",
] * 4

WORDS = ["don't", "I'LL", "we'Ve", "it'ſ", "hello", " world", "The", "n\n\n", "   x", "\r\n", "a" * 70, " " * 17, "1234567", "\n \n",
         "3.14", "C++", " 's", "_x_", "\t\t", "e\u0301", "▁", "▁▁x", "<0x41>", "Ġthe", "über", "the", "doesn't", "日本語", "Привет", "[X]", "<s>"]
POOLS = ["abcdefghij ABC", "  \t\n\r\u00a0\u2028\u3000\u0085\u180e\u200b\u200d", "0123456789٣²¼Ⅷ①", "!?.,;:'\"()[]{}<>|~$+=^`@#%&*-_/\\",
         "日本語中文한국어ไทย", "éñüßÆ\u0301\u0308ǅﬁ½Å", "😀👨‍👩‍👧🏳️‍🌈🇫🇷👍🏽", "\x00\x01\x1f\x7f\u0080\ufeff\ufffd\U0010ffff\ue000", "Іџاردוע", "ΣσςſKİıẞŉ"]


def random_texts(count, seed=1):
    r = random.Random(seed)
    for _ in range(count):
        text = ""
        for _ in range(r.randint(1, 9)):
            kind = r.random()
            if kind < 0.5:
                text += r.choice(WORDS)
            elif kind < 0.9:
                pool = r.choice(POOLS)
                text += "".join(r.choice(pool) for _ in range(r.randint(1, 5)))
            else:
                c = chr(r.choice([r.randrange(0xD800), r.randrange(0xE000, 0x110000)]))
                # Unicode 13 and older: what newer versions added is not known to all libraries alike.
                text += c if unicodedata.category(c) != "Cn" and not 0x1DF00 <= ord(c) <= 0x1E2FF else "z"
            if r.random() < 0.3:
                text += " "
        yield text


TEXTS = ["", " ", "  ", "a", "The dog doesn't mind.", " The dog", "hello world", "  hello   world  ", "<s>", "a<s>b</s> c", "x [X] y[X]z", "x[X]",
         "a  [X]  b", "hello [L]  b", "THE [N] Dog", "e\u0301\u0308", "ﬁ½①Å", "ΑΣ ΑΣ. İ", "\u00a0x\u00a0", "▁a ▁▁b", "1234567 ٣٤٥ ²³ Ⅷ", "foo_bar-baz's",
         "\n\n\n", " \n \n ", "\r\n\r\n x", "a\u200db", "👨‍👩‍👧🏳️‍🌈🇫🇷", "日本語テキスト", "हिन्दी", "한국어", "\x00\x01\x7f", "\ufeffx", "\ufffd", "\U0010ffff",
         "a" * 200, "ab" * 60, " " * 40 + "x", "the" * 30, "don'T I'lL we'RE", "$100+5=105^2`~|<>", "x\u0085y\u2028z", "ſt 'ſ"] + list(random_texts(25))


def byte_level(pre, normalizer=None, post=None, vocab=330, **options):
    t = Tokenizer(models.BPE(**options))
    t.pre_tokenizer, t.decoder = pre, decoders.ByteLevel()
    if normalizer is not None:
        t.normalizer = normalizer
    t.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=vocab, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
                                                      special_tokens=["<s>", "</s>"], show_progress=False))
    if post:
        t.post_processor = post
    return t


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def plain_bytes():
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)


def bytes_alone(pre=None, normalizer=None):
    """No merges at all: the ids show the bytes, and a space that words begin with shows where they do."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    t = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    t.pre_tokenizer = pre_tokenizers.Sequence(([pre] if pre else []) + [pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    if normalizer is not None:
        t.normalizer = normalizer
    return t


def sentencepiece_style(normalizer, pre, decoder, template=True, **options):
    t = Tokenizer(models.BPE(unk_token="<unk>", **options))
    if normalizer is not None:
        t.normalizer = normalizer
    if pre is not None:
        t.pre_tokenizer = pre
    t.decoder = decoder
    specials = ["<unk>", "<s>", "</s>"] + ([f"<0x{b:02X}>" for b in range(256)] if options.get("byte_fallback") else [])
    t.train_from_iterator([w for line in CORPUS for w in line.split(" ")],
                          trainers.BpeTrainer(vocab_size=len(specials) + 160, special_tokens=specials, limit_alphabet=90, show_progress=False))
    state = json.loads(t.to_str())
    state["added_tokens"] = [a for a in state["added_tokens"] if not a["content"].startswith("<0x")]
    t = Tokenizer.from_str(json.dumps(state))
    if template:
        t.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", t.token_to_id("<s>"))])
    return t


def unigram(byte_fallback):
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    t.decoder = decoders.Metaspace()
    specials = ["<unk>", "<s>", "</s>"] + ([f"<0x{b:02X}>" for b in range(256)] if byte_fallback else [])
    t.train_from_iterator(CORPUS, trainers.UnigramTrainer(vocab_size=len(specials) + 200, special_tokens=specials, unk_token="<unk>", show_progress=False))
    state = json.loads(t.to_str())
    state["model"]["byte_fallback"] = byte_fallback
    state["added_tokens"] = [a for a in state["added_tokens"] if not a["content"].startswith("<0x")]
    return Tokenizer.from_str(json.dumps(state))


def with_added(t, *tokens):
    t.add_tokens(list(tokens))
    return t


def hugging_face():
    template = lambda: processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 0)])])
    sp_decoder = lambda: decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    N = normalizers
    yield "gpt2", byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
    yield "gpt2_prefix", byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True))
    yield "llama3", byte_level(pre_tokenizers.Sequence([split(LLAMA3), plain_bytes()]), post=template(), ignore_merges=True)
    yield "qwen2", byte_level(pre_tokenizers.Sequence([split(QWEN2), plain_bytes()]), N.NFC())
    yield "smollm", byte_level(pre_tokenizers.Sequence([pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)]))
    yield "o200k", byte_level(pre_tokenizers.Sequence([split(O200K), plain_bytes()]))
    yield "falcon", byte_level(pre_tokenizers.Sequence([pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.ByteLevel(add_prefix_space=False),
                                                        pre_tokenizers.Digits(False), split("[0-9][0-9][0-9]")]))
    yield "ruby_syntax", byte_level(pre_tokenizers.Sequence([split(r"\p{N}{1,2}+|^the|\w+$|[\h-]+|\u65e5|[]a[:punct:]]"), plain_bytes()]))
    for name, behavior, invert in [("removed", "removed", False), ("previous", "merged_with_previous", False), ("next", "merged_with_next", False),
                                   ("contiguous", "contiguous", False), ("inverted", "removed", True)]:
        yield "split_" + name, bytes_alone(split(r"[\sa-f]", behavior, invert))
    yield "split_literal", bytes_alone(pre_tokenizers.Split("  ", "merged_with_next"))
    yield "whitespace", bytes_alone(pre_tokenizers.Whitespace())
    yield "whitespace_split", bytes_alone(pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.CharDelimiterSplit("-")]))
    for name, n in [("nfd", N.NFD()), ("nfkc", N.NFKC()), ("nfkd", N.NFKD()), ("lowercase", N.Lowercase()), ("strip", N.Strip(True, False)),
                    ("steps", N.Sequence([N.Strip(False, True), N.Replace(Regex(r"\s{2,}|'"), "<>"), N.Replace("a", ""), N.Prepend(" :")]))]:
        yield "normalizer_" + name, bytes_alone(normalizer=n)
    yield "llama2", sentencepiece_style(N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]), None, sp_decoder(), byte_fallback=True, fuse_unk=True)
    yield "llama_metaspace", sentencepiece_style(None, pre_tokenizers.Metaspace("▁", "first", False), sp_decoder(), byte_fallback=True, fuse_unk=True)
    yield "gemma", sentencepiece_style(N.Replace(" ", "▁"), pre_tokenizers.Split(" ", "merged_with_previous"),
                                       decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]), byte_fallback=True, fuse_unk=True)
    yield "bpe_unknown", sentencepiece_style(None, pre_tokenizers.Metaspace("▁", "always", True), decoders.Metaspace(), template=False)
    yield "bpe_fused_unknown", sentencepiece_style(None, pre_tokenizers.Metaspace("▁", "never", True), decoders.Metaspace("▁", "never"), template=False, fuse_unk=True)
    yield "unigram", unigram(False)
    yield "unigram_bytes", unigram(True)
    words = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.train_from_iterator(CORPUS, trainers.WordLevelTrainer(vocab_size=80, special_tokens=["[UNK]", "<s>"], show_progress=False))
    yield "words", words
    yield "added", with_added(byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False), N.Lowercase()),
                              AddedToken("[X]", single_word=True, normalized=False), AddedToken("[L]", lstrip=True, rstrip=True, normalized=False),
                              AddedToken("[N]", normalized=True), AddedToken("DOG", normalized=True), AddedToken("he", normalized=False, rstrip=True),
                              AddedToken("hello", normalized=False), AddedToken("日本", normalized=False, lstrip=True), AddedToken("жж", normalized=True))
    yield "added_llama2", with_added(sentencepiece_style(N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]), None, sp_decoder(), byte_fallback=True, fuse_unk=True),
                                     AddedToken("[X]", normalized=False), AddedToken("dog", normalized=True))


def sentence_pieces(directory):
    rules = pathlib.Path(os.path.relpath(directory / "rules.tsv"))  # a model keeps this path
    rules.write_text("FB01\t66 69\nBD\t31 2044 32\nA0\t20\n9\t20\nD\t\n212B\tC5\n65 301\tE9\n3000\t20\n", encoding="utf-8")
    common = dict(hard_vocab_limit=False, num_threads=1, minloglevel=2, character_coverage=0.98, normalization_rule_name="identity")
    kinds = {
        "sp_bpe": dict(model_type="bpe", vocab_size=430, byte_fallback=True, add_dummy_prefix=True, remove_extra_whitespaces=False),
        "sp_bpe_symbols": dict(model_type="bpe", vocab_size=180, user_defined_symbols=["[X]", "▁▁", "the", "日"], normalization_rule_tsv=str(rules)),
        "sp_bpe_no_prefix": dict(model_type="bpe", vocab_size=440, byte_fallback=True, add_dummy_prefix=False, remove_extra_whitespaces=False,
                                 user_defined_symbols=["\n", "\n\n", "<b>"]),
        "sp_unigram": dict(model_type="unigram", vocab_size=200, normalization_rule_tsv=str(rules)),
        "sp_unigram_bytes": dict(model_type="unigram", vocab_size=460, byte_fallback=True, user_defined_symbols=["[X]", "he"], remove_extra_whitespaces=False),
        "sp_suffix": dict(model_type="unigram", vocab_size=180, treat_whitespace_as_suffix=True),
    }
    for name, options in kinds.items():
        if "normalization_rule_tsv" in options:
            options.setdefault("normalization_rule_name", "")
        out = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(CORPUS), model_writer=out, **{**common, **options})
        yield name, out.getvalue()
    rules.unlink()


def write(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def main(directory, texts):
    directory.mkdir(parents=True, exist_ok=True)
    write(directory / "texts.json", texts)
    for name, tokenizer in hugging_face():
        (directory / name).mkdir(exist_ok=True)
        write(directory / name / "tokenizer.json", json.loads(tokenizer.to_str()))
        ids = [tokenizer.encode(t).ids for t in texts]
        write(directory / f"{name}.json", {"ids": ids, "plain": [tokenizer.encode(t, add_special_tokens=False).ids for t in texts],
                                           "decoded": [tokenizer.decode(i, skip_special_tokens=False) for i in ids]})
    for name, model in sentence_pieces(directory):
        (directory / name).mkdir(exist_ok=True)
        (directory / name / "tokenizer.model").write_bytes(model)
        sp = sentencepiece.SentencePieceProcessor(model_proto=model)
        ids = [sp.encode(t) for t in texts]
        write(directory / f"{name}.json", {"ids": ids, "plain": ids, "decoded": [sp.decode(i) for i in ids]})
    # The same vocabulary as ranks and as merges: its first 256 tokens after the special ones are the bytes.
    state = json.loads(byte_level(pre_tokenizers.Sequence([split(CL100K), plain_bytes()])).to_str())
    byte_of = {c: b for b, c in enumerate_bytes()}
    strings = [s for s in state["model"]["vocab"] if s not in ("<s>", "</s>")]
    ranks = {bytes(byte_of[c] for c in s): i for i, s in enumerate(strings)}
    (directory / "ranks").mkdir(exist_ok=True)
    (directory / "ranks" / "tokenizer.model").write_text("".join(f"{base64.b64encode(s).decode()} {i}\n" for s, i in ranks.items()))
    encoding = tiktoken.Encoding("golden", pat_str=CL100K, mergeable_ranks=ranks, special_tokens={})
    ids = [encoding.encode_ordinary(t) for t in texts]
    write(directory / "ranks.json", {"ids": ids, "plain": ids, "decoded": [encoding.decode(i) for i in ids]})
    (directory / "merges").mkdir(exist_ok=True)
    gpt2 = json.loads(byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False)).to_str())["model"]
    write(directory / "merges" / "vocab.json", gpt2["vocab"])
    (directory / "merges" / "merges.txt").write_text("#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in gpt2["merges"]), encoding="utf-8")
    t = Tokenizer(models.BPE.from_file(str(directory / "merges" / "vocab.json"), str(directory / "merges" / "merges.txt")))
    t.pre_tokenizer, t.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    ids = [t.encode(x).ids for x in texts]
    write(directory / "merges.json", {"ids": ids, "plain": ids, "decoded": [t.decode(i) for i in ids]})


def enumerate_bytes():
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    yield from ((b, chr(b)) for b in printable)
    yield from ((b, chr(256 + i)) for i, b in enumerate(others))


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "--more":
        main(pathlib.Path(sys.argv[3]), list(random_texts(int(sys.argv[2]), seed=2)))
    else:
        main(pathlib.Path(__file__).parent / "golden", TEXTS)
