# SPDX-License-Identifier: MIT
"""Writes patterns.json: how the tokenizers library splits by the constructs of its patterns, and by published patterns over all of
Unicode. Wants tokenizers 0.23.3: python tests/tokenizer/patterns.py"""
import json, pathlib
from tokenizers import Regex, pre_tokenizers

# Each construct with the texts that tell its readings apart.
CONSTRUCTS = [
    (r"\s+", ["a\u0085\u00a0b\u180ec\u3000"]), (r"[^\s\d]+", ["a1 ٣b"]), (r"\w+", ["á_‿²-①", "a̅b⁴½Ⅷ"]), (r"[\w]+", ["x²y½①"]), (r"[^\w\s]+", ["½!²"]),
    (r"[\w-]+|\W", ["a-b!"]), (r"\h+|\H", ["xBEEFg"]), (r"[\H]+", ["xBEEF"]), (r"\d+", ["1१Ⅷ²"]), (r"\N+|\O", ["a\nb"]), (r".+", ["a\r\nb\u2028c"]),
    (r"\bx|x\b|\Bx", ["éx Ⓐx ⁴x ½x Ⅷx x́ xy"]), (r"\v+|\f|\a|\e", ["a\nb\u000bc\f\a\x1b"]), (r"\xC3\xA9|\x{4e16}|\x41+|\101", ["aéAA世"]), (r"[\xC3\xA9]", ["aéÃ"]),
    (r"[\u4e00-\u9fff]+|\u65e5", ["a日本ー"]), (r"\tx|\n|\r", ["\tx\r\n"]), (r"\p{N}{,3}", ["1234567"]), (r"x\p{N}{3}?", ["x12 x123"]), (r"\p{L}{2}?", ["abcde"]),
    (r"\p{N}{1,3}+", ["1234567"]), (r"\p{Nd}{3}+", ["1234567"]), (r"a{2,3}+b", ["aaaaab"]), (r"a++b|a?+b|a*+b", ["aaab b"]), (r"a{,}b|a{x}|{", ["a{,}b a{x} ab"]), (r"a{2}{3}", ["a" * 13]),
    (r"a+?b|a??|a{1,2}?", ["aaab"]), (r"(?i)mass|strasse", ["maß MASS maẞ straße STRAẞE"]), (r"(?i)σ+", ["aςΣσb"]), (r"(?i:'s|'t)k", ["'ſK 'Sk 'TK"]), (r"(?i)ﬁ|ﬀ|ŉ", ["FI fi ﬁ ff ʼn"]),
    (r"(?i)[a-z]+", ["ſKaZ1"]), (r"(?i)[^k]+", ["aKKk"]), (r"(?i)ß+", ["ssSSß ẞ"]), (r"(?i:[[:upper:]])+", ["aBé1"]), (r"(?i)\p{Lu}+", ["aBé1"]), (r"(?i)i", ["Iİıi"]),
    (r"[[:alpha:]]+", ["aⅧͣb²"]), (r"[[:alnum:]]+", ["a²½Ⅷ१b"]), (r"[[:punct:]]+", ["a£b×c$+i°!"]), (r"[[:^punct:]]+", ["a£b×c$+!"]), (r"\p{Punct}+|\p{P}", ["a£b$!"]), (r"[[:space:][:digit:]]+", ["a \u00a0१b"]),
    (r"[[:xdigit:]]+", ["aFＦg"]), (r"[[:word:]]+|[[:ascii:]]", ["é²!"]), (r"[[:graph:]]+", ["a b\u00a0c\u200b"]), (r"[[:print:]]+", ["a b\tc"]), (r"[[:blank:]]+|[[:cntrl:]]", [" \t\u3000\n"]), (r"[[:lower:]]+|[[:upper:]]", ["aªⅷAⅧ"]),
    (r"[a[bc]d]+", ["abcde"]), (r" ?[^(\s|[.,!?…。，、।۔،])]+", ["ab (cd), e|f 你好。"]), (r"[a-z&&[^aeiou]]+", ["abcde"]), (r"[^a-z&&[aeiou]]+", ["abc1"]), (r"[\w&&\p{Latin}]+", ["aбb"]), (r"[]a]+|[^]a]", ["a]b"]), (r"[a-\d]+|[-a]", ["a-1"]), (r"[a\]b^&-]+", ["a]^&-"]),
    (r"\p{Han}+", ["你好、世界〇"]), (r"\p{Katakana}+", ["データー"]), (r"\p{^Han}+|\P{^Han}", ["a你、"]), (r"\p{Alpha}+|\p{Alnum}", ["aͣ1"]), (r"\p{Letter}+\p{Digit}", ["ab1"]), (r"\p{Blank}+|\p{XDigit}|\p{Graph}", [" aFg"]),
    (r"\p{White_Space}+|\p{uppercase letter}", ["\u0085A a"]), (r"\p{In_Basic_Latin}+", ["aé"]), (r"\p{Other}|\p{Sc}|\p{Any}", ["a$\u200b"]), (r"\p{Foo}", ["a"]), (r"[\p{L}--a]+", ["ab-"]),
    (r"\K", ["ab"]), (r"a\Kb", ["abab"]), (r"(?<=ab|c)d|(?<=a+)b", ["abd cd aab"]), (r"(?<!a{1,2})b", ["ab b aab"]), (r"(?=(a))\1", ["aa"]), (r"(?>a+)b|(?>ab|a)c", ["aab abc"]),
    (r"(?<x>a)(?<y>b)\k<y>|\g<x>", ["abb a"]), (r"(?<n>\((?:[^()]|\g<n>)*\))", ["a(b(c)d)e"]), (r"(a)|(b)\2", ["abb"]), (r"\Ga", ["aab a"]), (r"\Ga|(?=b)", ["aab"]), (r"^a|a$|\Aa|a\z|a\Z", ["a\na\na\n"]),
    (r"(?m:a.b)", ["a\nb axb"]), (r"(?m).+", ["a\nb"]), (r"(?x: a b # c" "\n)", ["ab a b"]), (r"(?#x)a(?#y\))b", ["ab"]), (r"(?i-m:A.)a", ["abA a\na"]), (r"a(?i)b|c", ["aB aC C"]),
    (r"(?~ab)", ["xxabyy"]), (r"/\*(?~\*/)\*/", ["a/*b*c*/d*/"]), (r"(?W:\w+)|(?P:\s)", ["aé\u00a0"]), (r"(?D:\d)+|(?S:\s)", ["1१ \u00a0"]), (r"(*FAIL)|a", ["ab"]), (r"x*", ["日x"]), ("", ["ab", ""]), (r"|a", ["ba"]),
    (r"\R+|\R*b", ["a\r\n\nb\n"]), (r"(a)?(?(1)b|c)+", ["ab cc"]), (r"\p{Word}+", ["x²y"]), (r"\X", ["e\u0301👩\u200d👧🇩🇪\r\n"]), (r"(?L)a|ab", ["ab"]),
    (r"a(", ["a"]), (r"[b-a]", ["a"]), (r"*a|a**", ["*a"]), (r"(?<=a*b", ["b"]), (r"[a", ["a"]), (r"\x{110000}", ["a"]), (r"[[:foo:]]", ["a"]), (r"(?z)", ["a"]), (r"\8|\0|\012", ["\n"]),
]

O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
PUBLISHED = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "llama3": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "cl100k": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
    "o200k": O200K,
    "tekken": O200K.replace(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "").replace("{1,3}", ""),
    "digits": r"\p{N}",
    "deepseek-llm-words": r"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕ]+",
    "deepseek-llm-signs": r"\s?[!-/:-~！-／：-～‘-‟　-。]+",
    "deepseek-end": r"\s+$",
    "deepseek-han": r"[一-龥ࠀ-一가-퟿]+",
    "deepseek-coder-letters": r"\s?\p{L}+",
    "deepseek-coder-signs": r"\s?\p{P}+",
    "deepseek-v3-kana": r"[一-龥぀-ゟ゠-ヿ]+",
    "deepseek-v3": r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "bloom": r" ?[^(\s|[.,!?…。，、।۔،])]+",
    "chameleon-signs": r"[\p{P}\$\+<=>\^~\|`]",
    "han": r"\p{Han}+",
    "kimi": r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "superbpe": r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]{2,}[\r\n/]*| +(?!\S)",
    "word": r"\w+|[^\w\s]+",
    "alpha": r"[[:alpha:]]+|[[:punct:]]+|[[:lower:]]",
}


def words(pattern, text, behavior="isolated", invert=False):
    split = pre_tokenizers.Split(Regex(pattern), behavior, invert)
    return [word for word, _ in split.pre_tokenize_str(text)]


def constructs():
    for pattern, texts in CONSTRUCTS:
        try:
            Regex(pattern)
        except Exception:
            yield {"pattern": pattern}
            continue
        for text in texts:
            yield {"pattern": pattern, "text": text, "words": words(pattern, text), "matches": words(pattern, text, "removed", True)}


def probe(character):
    return "a" + character + "b1 " + character


def published():
    """Runs of characters that all patterns split alike, as [first, last, kind], and the lengths in characters of the words of each
    kind by each pattern."""
    splits = [pre_tokenizers.Split(Regex(p), "isolated", False) for p in PUBLISHED.values()]
    kinds, runs = {}, []
    for c in range(0x110000):
        if 0xD800 <= c < 0xE000:
            continue
        text = probe(chr(c))
        key = tuple(tuple(len(word) for word, _ in split.pre_tokenize_str(text)) for split in splits)
        kind = kinds.setdefault(key, len(kinds))
        if runs and runs[-1][1] == c - 1 and runs[-1][2] == kind:
            runs[-1][1] = c
        else:
            runs.append([c, c, kind])
    return {"patterns": list(PUBLISHED.items()), "kinds": list(kinds), "runs": runs}


def main():
    write = lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    out = pathlib.Path(__file__).parent / "patterns.json"
    rows = ",\n".join(write(row) for row in constructs())
    out.write_text('{"constructs":[\n' + rows + '\n],\n"published":' + write(published()) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
