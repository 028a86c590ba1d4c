#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write include/chg/formats/gguf_grids.hpp's strings: the grids of the IQ types, from the tables of the reference package.

    python3 tests/formats/gguf_grids.py
Needs gguf. A point (i_0, i_1, ...) has the number sum_k i_k base^k; in every grid these numbers rise, so their gaps say it all.
"""

import gguf.quants


def gaps_of(quant):
    quant.init_grid()
    levels = list(quant.grid_map)
    numbers = [sum(levels.index(int(v)) * len(levels) ** k for k, v in enumerate(point))
               for point in quant.grid.reshape(quant.grid_shape)]
    if numbers != sorted(set(numbers)):
        raise ValueError("expected numbers that rise")
    return "".join("~" * (gap // 50) + chr(ord("#") + gap % 50) for gap in (b - a for a, b in zip([0, *numbers], numbers)))


def main():
    for name in ("IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ1_S"):
        gaps = gaps_of(getattr(gguf.quants, name))
        print(f"inline constexpr std::string_view {name.lower()}_gaps =")
        lines = [gaps[i : i + 88] for i in range(0, len(gaps), 88)]
        print("\n".join(f'    R"({line})"' for line in lines) + ";")


if __name__ == "__main__":
    main()
