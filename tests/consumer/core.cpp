// SPDX-License-Identifier: MIT
// A user's program: the core alone.
#include <chg/model/weights.hpp>

#include <filesystem>
#include <iostream>

int main() {
  auto const config = chg::Config{.layers = 2, .heads = 4, .kv_heads = 2, .head_dim = 8, .d_model = 32, .d_ff = 64, .vocab = 100, .context = 16};
  auto const weights = chg::random_weights<float>(chg::llama_like, config);
  std::cout << "|W_Q| = " << weights.layers[0].W_Q.norm() << ", models in " << CHG_MODEL_DIR << '\n';
  return std::filesystem::is_directory(CHG_MODEL_DIR) ? 0 : 1;
}
