#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write gguf_golden.json: random blocks of every tensor type that is decoded, and what the reference package makes of them.

Run again after a type was added:    python3 tests/formats/gguf_golden.py
Needs gguf and numpy. Every byte of a block is random but its F16 scales, which take the values below in turn.
"""

import json
import pathlib

import gguf
import numpy as np

SCALES = [0.0123, -1.5, 6e-8, 0.0, -333.0, 1.0]  # the third is subnormal in F16
TYPES = {  # the byte at which each F16 scale of a block starts, and the number of blocks
    "F32": ([], 0), "F16": ([], 0), "BF16": ([], 0),
    "Q8_0": ([0], 3), "Q4_0": ([0], 3), "Q4_1": ([0, 2], 3), "Q5_0": ([0], 3), "Q5_1": ([0, 2], 3), "IQ4_NL": ([0], 3),
    "Q2_K": ([80, 82], 2), "Q3_K": ([108], 2), "Q4_K": ([0, 2], 2), "Q5_K": ([0, 2], 2), "Q6_K": ([208], 2),
}


def blocks_of(name, random, scales):
    starts, count = TYPES[name]
    qtype = gguf.GGMLQuantizationType[name]
    if count == 0:  # plain numbers
        largest = 65504 if name == "F16" else 3e38
        numbers = np.array([0, -0.0, 1.5, -largest, 6e-8, 1e-40, *random.standard_normal(6)], np.float32)
        return gguf.quants.quantize(numbers.reshape(1, -1), qtype).view(np.uint8)
    size = gguf.GGML_QUANT_SIZES[qtype][1]
    blocks = random.integers(0, 256, (count, size), dtype=np.uint8)
    for block in blocks:
        for start in starts:
            block[start : start + 2] = np.frombuffer(np.float16(next(scales)).tobytes(), np.uint8)
    return blocks.reshape(1, -1)


def main():
    random = np.random.default_rng(20250513)
    scales = iter(SCALES * 20)
    lines = []
    for name in TYPES:
        stored = blocks_of(name, random, scales)
        values = gguf.quants.dequantize(stored, gguf.GGMLQuantizationType[name]).astype("<f4")
        if not np.isfinite(values).all():
            raise ValueError(f"{name}: expected finite numbers")
        lines.append(f'{json.dumps(name)}: {{"blocks": "{stored.tobytes().hex()}",\n"floats": "{values.tobytes().hex()}"}}')
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
