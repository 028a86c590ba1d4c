// SPDX-License-Identifier: MIT
// Any bytes as what a command line reads beside models: examples, gates, items of a task, and a fit to go on with.
//
// The first byte chooses the format, the rest is the file; of a fit it is the record alone, framed here with its checksum.
#include <chg/cli/data.hpp>
#include <chg/cli/gates_file.hpp>
#include <chg/gate/checkpoint.hpp>
#include <chg/text_task/prompts.hpp>

#include <cstdint>
#include <string_view>

namespace {

constexpr chg::cli::DataLimits limits{.vocab = 100, .context = 50};

void read(std::uint8_t format, std::string_view bytes) {
  using namespace chg;
  auto const characters = [](std::string const& prompt, std::string const& target, std::string const&) {
    return prompt_and_target(std::vector<Token>(prompt.begin(), prompt.end()), std::vector<Token>(target.begin(), target.end()));
  };
  switch (format % 5) {
    case 0:
      for (auto const& e : cli::parse_data(bytes, "FILE", limits, characters))
        if (e.targets() < 1 || static_cast<Index>(e.tokens.size()) > limits.context) __builtin_trap();
      return;
    case 1: {
      auto const npy = cli::parse_npy(bytes, "FILE");
      Gates const gates(cli::gate_shaped(npy, "FILE", 2, 4));
      return;
    }
    case 2: {
      auto const items = text_task::parse_items(bytes, "FILE");
      for (auto const asked : {text_task::TextFormat::icl, text_task::TextFormat::question})
        text_task::prompts(items, {.format = asked, .examples = 3, .pairs = 2, .leading = 1});
      return;
    }
    case 3: detail::parse_record<Fit>(detail::framed<Fit>(bytes), "FILE"); return;
    default: detail::parse_record<ContrastiveFit>(detail::framed<ContrastiveFit>(bytes), "FILE");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < 1) return 0;
  try {
    read(data[0], {reinterpret_cast<char const*>(data) + 1, size - 1});
  } catch (chg::Error const&) {
  }
  return 0;
}
