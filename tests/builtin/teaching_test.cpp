// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/builtin/teaching.hpp>
#include <chg/task/aba_abb.hpp>
#include <chg/task/mapping.hpp>

#include <cstdlib>
#include <set>

using namespace chg;
using builtin::teaching_directory;

namespace {

// Sets CHG_MODELS for a scope, and puts back what was there.
class Models {
 public:
  explicit Models(char const* value) {
    if (auto const* const old = std::getenv("CHG_MODELS")) before_ = old;
    value ? setenv("CHG_MODELS", value, 1) : unsetenv("CHG_MODELS");
  }
  ~Models() { before_ ? setenv("CHG_MODELS", before_->c_str(), 1) : unsetenv("CHG_MODELS"); }

 private:
  std::optional<std::string> before_;
};

}  // namespace

TEST_CASE("teaching: the vocabulary has 240 ids, one a surface, and outputs of mappings are disjoint", "[builtin]") {
  auto const v = builtin::teaching_vocabulary();
  CHECK_NOTHROW(task::validate(v));
  CHECK(v.size == 240);
  CHECK(v.words.size() == 224);
  REQUIRE(v.mappings.size() == 6);
  std::set<Token> outputs;
  for (auto const& m : v.mappings) {
    CHECK(m.inputs.size() == 32);
    CHECK(m.inputs == v.mappings[0].inputs);
    outputs.insert(m.outputs.begin(), m.outputs.end());
  }
  CHECK(outputs.size() == 6 * 32);
  CHECK(*outputs.rbegin() == 239);
  CHECK(v.mapping("german").instruction == std::vector<Token>{5, 6, 10, 13});
  CHECK(v.mapping("german").outputs[2] == 48 + 32 * 3 + 2);
}

TEST_CASE("teaching: prompts have the lengths that the model was trained on", "[builtin]") {
  auto const v = builtin::teaching_vocabulary();
  CHECK(task::aba_abb(v, {.examples = 1})[0].tokens.size() == 29 + 1);
  CHECK(task::mapping(v, v.mappings[0], {.format = task::Format::icl, .examples = 1})[0].tokens.size() == 54 + 1);
  CHECK(task::mapping(v, v.mappings[0], {.format = task::Format::instruction, .examples = 1})[0].tokens.size() == 9 + 1);
}

TEST_CASE("teaching: the folder is that of CHG_MODELS, then that of the build; where it is missing the error says what to do",
          "[builtin]") {
  auto const folder = std::filesystem::temp_directory_path() / "chg_teaching_test";
  std::filesystem::create_directories(folder / "teaching");
  {
    Models const here(folder.c_str());
    CHECK(teaching_directory() == folder / "teaching");
  }
  {
    Models const nowhere("/nonexistent");
    CHECK_THROWS_WITH(teaching_directory(), Catch::Contains("/nonexistent/teaching") && Catch::Contains("CHG_MODELS"));
  }
  std::filesystem::remove_all(folder);
#ifdef CHG_MODEL_DIR
  Models const unset(nullptr);
  CHECK(teaching_directory() == std::filesystem::path(CHG_MODEL_DIR) / "teaching");
#endif
}
