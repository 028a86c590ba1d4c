// SPDX-License-Identifier: MIT
// The tensor types of GGUF files by number: their names, and how many elements are stored together in how many bytes.
//
// Numbers that are not here belonged to types that no longer exist (Q4_2, Q4_3, layouts for one processor), never stood in a
// file (Q8_1), or are newer.
#pragma once

#include <chg/tensor/matrix.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace chg::formats {

/// `block` elements, neighbours in a row, are stored together in `bytes` bytes.
struct GgmlType {
  std::uint32_t number = 0;
  std::string_view name;
  Index block = 1;
  std::size_t bytes = 0;
};

inline constexpr std::array ggml_types{
    GgmlType{0, "F32", 1, 4},         GgmlType{1, "F16", 1, 2},         GgmlType{2, "Q4_0", 32, 18},
    GgmlType{3, "Q4_1", 32, 20},      GgmlType{6, "Q5_0", 32, 22},      GgmlType{7, "Q5_1", 32, 24},
    GgmlType{8, "Q8_0", 32, 34},      GgmlType{10, "Q2_K", 256, 84},    GgmlType{11, "Q3_K", 256, 110},
    GgmlType{12, "Q4_K", 256, 144},   GgmlType{13, "Q5_K", 256, 176},   GgmlType{14, "Q6_K", 256, 210},
    GgmlType{15, "Q8_K", 256, 292},   GgmlType{16, "IQ2_XXS", 256, 66}, GgmlType{17, "IQ2_XS", 256, 74},
    GgmlType{18, "IQ3_XXS", 256, 98}, GgmlType{19, "IQ1_S", 256, 50},   GgmlType{20, "IQ4_NL", 32, 18},
    GgmlType{21, "IQ3_S", 256, 110},  GgmlType{22, "IQ2_S", 256, 82},   GgmlType{23, "IQ4_XS", 256, 136},
    GgmlType{24, "I8", 1, 1},         GgmlType{25, "I16", 1, 2},        GgmlType{26, "I32", 1, 4},
    GgmlType{27, "I64", 1, 8},        GgmlType{28, "F64", 1, 8},        GgmlType{29, "IQ1_M", 256, 56},
    GgmlType{30, "BF16", 1, 2},       GgmlType{34, "TQ1_0", 256, 54},   GgmlType{35, "TQ2_0", 256, 66},
    GgmlType{39, "MXFP4", 32, 17},    GgmlType{40, "NVFP4", 64, 36},    GgmlType{41, "Q1_0", 128, 18},
};

/// Null for a number that is no type.
inline GgmlType const* find_ggml_type(std::uint32_t number) {
  auto const found = std::ranges::find(ggml_types, number, &GgmlType::number);
  return found == ggml_types.end() ? nullptr : &*found;
}
/// Null for a name that is no type.
inline GgmlType const* find_ggml_type(std::string_view name) {
  auto const found = std::ranges::find(ggml_types, name, &GgmlType::name);
  return found == ggml_types.end() ? nullptr : &*found;
}

}  // namespace chg::formats
