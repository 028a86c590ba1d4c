#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write gguf_golden.json: random blocks of every tensor type that is decoded, and what the reference package makes of them.

Run again after a type was added:    python3 tests/formats/gguf_golden.py
Needs gguf and numpy. Every byte of a block is random but its F16 scales, which take the values below in turn.
"""

import json
import pathlib
import zlib

import gguf
import numpy as np

SCALES = [0.0123, -1.5, 6e-8, 0.0, -333.0, 1.0]  # the third is subnormal in F16
TYPES = {  # the byte at which each F16 scale of a block starts, and the number of blocks
    "F32": ([], 0), "F16": ([], 0), "BF16": ([], 0),
    "Q8_0": ([0], 3), "Q4_0": ([0], 3), "Q4_1": ([0, 2], 3), "Q5_0": ([0], 3), "Q5_1": ([0, 2], 3), "IQ4_NL": ([0], 3),
    "Q2_K": ([80, 82], 2), "Q3_K": ([108], 2), "Q4_K": ([0, 2], 2), "Q5_K": ([0, 2], 2), "Q6_K": ([208], 2),
    "IQ4_XS": ([0], 2), "IQ3_S": ([0], 3), "IQ3_XXS": ([0], 3), "IQ2_XXS": ([0], 3), "IQ2_XS": ([0], 3), "IQ2_S": ([0], 3),
    "IQ1_S": ([0], 3), "IQ1_M": ([], 3), "TQ1_0": ([52], 2), "TQ2_0": ([64], 2), "MXFP4": ([], 6), "NVFP4": ([], 4),
}

GRIDS = ["IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ1_S"]  # blocks of random points meet a part of them


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
    if name == "MXFP4":  # a scale of one byte, whose lowest two mean subnormal numbers
        blocks[:, 0] = [0, 1, 2, 127, 120, 250]
    if name == "NVFP4":  # four scales: subnormal ones, 0, and the code of NaN, which stands for 0
        blocks[:2, :4] = [[0, 1, 7, 127], [8, 126, 255, 60]]
    if name == "IQ1_M":  # four bits of the scale in each of the last four numbers
        for block in blocks:
            d = int(np.float16(next(scales)).view(np.uint16))
            for k in range(4):
                block[49 + 2 * k] = block[49 + 2 * k] & 15 | (d >> 4 * k & 15) << 4
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
    sums = {}
    for name in GRIDS:
        quant = getattr(gguf.quants, name)
        quant.init_grid()
        sums[name] = zlib.crc32(quant.grid.astype(np.int8).tobytes())
    lines.append(f'"CRC-32 of the grids": {json.dumps(sums)}')
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
