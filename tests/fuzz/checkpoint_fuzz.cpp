// SPDX-License-Identifier: MIT
// Any bytes as a saved fit or contrastive fit: as a whole file and, since none gets past the checksum, as the payload of one.
#include <chg/gate/checkpoint.hpp>

#include "fuzz/mutate.hpp"

namespace {

template <class Record>
void parse(std::string_view payload) {
  auto const record = chg::detail::parse_record<Record>(chg::detail::framed<Record>(payload), "FILE");
  chg::detail::FitWriter again;
  auto copy = record;
  chg::detail::exchange(again, copy);
  chg::fuzz::require(again.bytes == payload);
}

template <class Record>
std::string payload(Record record) {
  record.options.gate_sets = 1, record.options.updates = 3;
  record.options = chg::detail::resolved(std::move(record.options));
  record.origin = {.data = 7, .units = 5, .layers = 2, .heads = 3, .scalar_bytes = 4};
  record.status = chg::Status::interrupted;
  record.point = {.phase = 0, .update = 1, .u = chg::GateLogits::filled(1, 2, 3, 0.25), .update_state = std::vector<double>(13)};
  record.metrics.resize(1);
  if constexpr (std::is_same_v<Record, chg::ContrastiveFit>) record.metrics[0].phase = chg::Phase::contrast;
  chg::detail::FitWriter bytes;
  chg::detail::exchange(bytes, record);
  return bytes.bytes;
}

}  // namespace

void chg::fuzz::read(std::string_view bytes) {
  if (bytes.empty()) return;
  auto const rest = bytes.substr(1);
  if (bytes.front() == 'f') return parse<Fit>(rest);
  if (bytes.front() == 'c') return parse<ContrastiveFit>(rest);
  static_cast<void>(chg::detail::parse_record<Fit>(rest, "FILE"));
}

std::vector<std::string> chg::fuzz::seeds() {
  auto const fit = payload(Fit{});
  return {"f" + fit, "c" + payload(ContrastiveFit{}), "w" + chg::detail::framed<Fit>(fit)};
}

namespace {

/// The payload is made of numbers of eight bytes, strings, and lists after their lengths.
void change(std::string& all, chg::fuzz::Random& random) {
  auto const place = 1 + (random.one_in(8) ? random.below(all.size() - 1) : random.below((all.size() - 1) / 8 + 1) * 8);
  auto const put = [&](auto number) {
    if (place + sizeof number <= all.size()) std::memcpy(all.data() + place, &number, sizeof number);
  };
  switch (random.below(7)) {
    case 0: put(random.number()); break;
    case 1: put(random.real()); break;
    case 2:
      if (place + 8 <= all.size()) {
        std::uint64_t number = 0;
        std::memcpy(&number, all.data() + place, sizeof number);
        put(number + random.below(5) - 2);
      }
      break;
    case 3: all.erase(place, 8); break;
    case 4: all.insert(std::min(place, all.size()), std::string(8, static_cast<char>(random.below(2)))); break;
    case 5: all[0] = "fcw"[random.below(3)]; break;
    default: all.replace(1, all.size(), random.bytes_like(std::string_view(all).substr(1)));
  }
}

}  // namespace

chg::fuzz::Mutator chg::fuzz::mutator(std::string_view bytes) {
  if (bytes.size() < 10) return {};
  return [bytes](Random& random) {
    std::string all(bytes);
    for (auto rounds = 1 + random.below(3); rounds > 0 && all.size() > 10; --rounds) change(all, random);
    return std::optional(std::move(all));
  };
}
