// SPDX-License-Identifier: MIT
#include <chg/formats/json.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

using chg::formats::JsonObject;
using chg::formats::parse_json;
using chg::test::ordered;
using chg::test::message_of;

TEST_CASE("json: a key that is there twice is refused, in whichever object it is", "[formats]") {
  REQUIRE(ordered(message_of([] { parse_json(R"({"a": 1, "b": 2, "a": 1})", "f"); }), {"f", "\"a\" is there twice"}));
  REQUIRE(
      ordered(message_of([] { parse_json(R"({"x": [{"a": 1}, {"b": {"c": 1, "c": 2}}]})", "f"); }), {"\"c\" is there twice"}));
  REQUIRE(parse_json(R"({"a": {"a": 1}, "b": [{"a": 2}, {"a": 3}]})", "f")["b"][1]["a"] == 3);
}

TEST_CASE("json: nesting and the number of values are bounded, a million brackets deep", "[formats]") {
  REQUIRE(ordered(message_of([] { parse_json(std::string(1'000'000, '['), "f"); }), {"nested too deeply", "64"}));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += R"({"a":)";
  REQUIRE(ordered(message_of([&] { parse_json(objects, "f"); }), {"nested too deeply"}));
  REQUIRE(ordered(message_of([] { parse_json(std::string(65, '[') + std::string(65, ']'), "f"); }), {"nested too deeply"}));
  REQUIRE(parse_json(std::string(64, '[') + std::string(64, ']'), "f").is_array());
  REQUIRE(ordered(message_of([] { parse_json("[1,2,3,4]", "f", {.values = 4}); }), {"number of JSON values", "at most 4"}));
  REQUIRE(parse_json("[1,2,3]", "f", {.values = 4}).size() == 3);
}

TEST_CASE("json: what is not one JSON value is refused, and the file is named", "[formats]") {
  for (auto const* text : {"", "{", "{} {}", "{\"a\":}", "nul", "[1,]", "1e999", "{\"a\" 1}", "// no\n{}"})
    CHECK(ordered(message_of([&] { parse_json(text, "some file"); }), {"some file", " is not valid JSON"}));
  CHECK(ordered(message_of([&] { parse_json(std::string("{}\0junk", 7), "some file"); }),
                {"some file is not valid JSON", "a zero byte"}));
}

TEST_CASE("json: NaN and infinity are named with their line, and nothing is said of damage", "[formats]") {
  for (auto const* word : {"NaN", "Infinity", "-Infinity", "nan"}) {
    auto const message = message_of([&] { parse_json(std::string("{\"a\": 1,\n\"b\": [") + word + "]}", "F"); });
    CHECK(ordered(message, {"F, line 2 is not valid JSON", std::string("got ") + word + "."}));
    CHECK(message.find("damaged") == std::string::npos);
  }
  CHECK(parse_json("[\"NaN\"]", "F")[0] == "NaN");
  CHECK(ordered(message_of([] { parse_json("{\"a\": [1,\n2", "F"); }), {"F, line 2 is not valid JSON", "ends too early"}));
  CHECK(ordered(message_of([] { parse_json(" \n", "F"); }), {"white space alone"}));
  CHECK(message_of([] { parse_json("[tru\n]", "F"); }).starts_with("F, line 1 is not valid JSON"));  // where the word ends
  for (auto const* text : {"[NaNZ]", "[NaNz]", "[NaNA]", "[NaNa]"})  // no NaN
    CHECK(message_of([&] { parse_json(text, "F"); }).find("no infinity") == std::string::npos);
}

TEST_CASE("json: a byte order mark is passed over, and other encodings are named", "[formats]") {
  CHECK(parse_json("\xEF\xBB\xBF{\"a\": 1}", "F")["a"] == 1);
  CHECK(ordered(message_of([] { parse_json(std::string("\xFF\xFE{\0}\0", 6), "F"); }), {"F: encoding", "UTF-8", "got UTF-16"}));
  CHECK(ordered(message_of([] { parse_json(std::string("\0{\0}", 4), "F"); }), {"F: encoding", "UTF-16"}));
  CHECK(ordered(message_of([] { parse_json("{\n\"a\": \"caf\xE9\"}", "F"); }), {"F, line 2: encoding", "0xE9", "Latin-1"}));
}

TEST_CASE("json_object: values of another type or out of bounds are refused with key, bounds and value", "[formats]") {
  auto const json = parse_json(
      R"({"n": 3, "x": 2.5, "s": "word", "none": null, "big": 18446744073709551615, "huge": 18446744073709551616, "neg": -4, "o": {}, "t": true})",
      "f");
  JsonObject const o(json, "f");
  REQUIRE(o.integer("n", 1, 3) == 3);
  REQUIRE(o.integer("neg", -4, 3) == -4);
  REQUIRE(o.integer("none", 1, 9, 7) == 7);
  REQUIRE(o.number("n", 0, 10) == 3);
  REQUIRE(o.boolean("t", false));
  REQUIRE(o.string("s") == "word");
  REQUIRE(ordered(message_of([&] { o.integer("n", 4, 9); }), {"f: n", "from 4 to 9", "got 3"}));
  REQUIRE(ordered(message_of([&] { o.integer("neg", 0, 9); }), {"got -4"}));
  REQUIRE(
      ordered(message_of([&] { o.integer("big", 0, std::numeric_limits<chg::Index>::max()); }), {"got 18446744073709551615"}));
  REQUIRE(ordered(message_of([&] { o.integer("huge", 0, 9); }), {"f: huge", "got 1.8446744073709552e+19"}));
  REQUIRE(ordered(message_of([&] { o.integer("x", 0, 9); }), {"a whole number", "got 2.5"}));
  REQUIRE(ordered(message_of([&] { o.integer("s", 0, 9); }), {"got \"word\""}));
  REQUIRE(ordered(message_of([&] { o.integer("none", 0, 9); }), {"got null"}));
  REQUIRE(ordered(message_of([&] { o.integer("absent", 0, 9); }), {"f: absent", "no such key"}));
  REQUIRE(ordered(message_of([&] { o.number("o", 0, 9); }), {"a number", "an object"}));
  REQUIRE(ordered(message_of([&] { o.boolean("n", true); }), {"true or false", "got 3"}));
  REQUIRE(ordered(message_of([&] { o.string("n"); }), {"a string", "got 3"}));
  REQUIRE(message_of([&] { JsonObject(json["n"], "f"); }) == "f. Expected a JSON object, got 3.");
  REQUIRE(message_of([&] { o.boolean("n", true); }) == "f: n. Expected true or false, got 3.");
  REQUIRE(message_of([&] { o.array("n"); }) == "f: n. Expected an array, got 3.");
}

TEST_CASE("json: names out of files are shown escaped and cut", "[formats]") {
  REQUIRE(chg::formats::in_quotes("a\x1b[31m\n") == "\"a\\u001b[31m\\n\"");
  REQUIRE(chg::formats::in_quotes(std::string(1000, 'x')).size() < 130);
  REQUIRE_FALSE(chg::formats::in_quotes("\xff").empty());
}
