// SPDX-License-Identifier: MIT
// The program chg: its commands, and its exit status. 0: done. 1: an error. 2: usage. 130: interrupted.
#pragma once

#include <chg/cli/command_ablate.hpp>
#include <chg/cli/command_fit.hpp>
#include <chg/cli/command_inspect.hpp>
#include <chg/cli/command_score.hpp>
#include <chg/cli/command_tasks.hpp>
#include <chg/cli/command_verify.hpp>
#include <chg/cli/interrupts.hpp>
#if defined(CHG_CLI_TOKENIZER)
#include <chg/cli/command_tokenize.hpp>
#endif

#include <exception>
#include <new>
#include <string>
#include <vector>

namespace chg::cli {

namespace detail {

/// What is wrong with a command line. CLI11 misses a command before it looks at the word in its place.
inline std::string usage_text(CLI::App const& program, CLI::ParseError const& e) {
  auto const words = program.remaining();
  if (!program.get_subcommands().empty() || words.empty() || words.front().starts_with('-')) return e.what();
  std::vector<std::string> commands;
  for (auto const* command : program.get_subcommands({})) commands.push_back(command->get_name());
  return fmt::format("command. Expected one of {}, got \"{}\"", fmt::join(commands, ", "), words.front());
}

inline int run_commands(int argc, char** argv) {
  std::string command_line = "chg";
  for (int i = 1; i < argc; ++i) command_line += " " + shell_word(argv[i]);

  CLI::App program("Causal head gating: which attention heads of a transformer matter for a task.", "chg");
  program.option_defaults()->always_capture_default();
  program.require_subcommand(1);
  program.set_version_flag("--version", build_info());
  program.footer("Every command explains itself: chg COMMAND --help.");
  Settings settings;
  program.parse_complete_callback([&] { set_default_threads(threads_of(settings.threads)); });
  add_inspect(program, settings);
#if defined(CHG_CLI_TOKENIZER)
  add_tokenize(program, settings);
#endif
  add_score(program, settings);
  add_verify(program, settings);
  add_tasks(program, settings);
  add_fit(program, settings, command_line);
  add_contrast(program, settings, command_line);
  add_ablate(program, settings);
  try {
    program.parse(argc, argv);
  } catch (CLI::ParseError const& e) {
    if (e.get_exit_code() != 0) {
      print_error(usage_text(program, e) + ". Try chg --help, or chg COMMAND --help");
      return 2;
    }
    TextStream asked_for;  // --help and --version
    program.exit(e, asked_for, asked_for);
    print_out(asked_for.str());
  }
  return 0;
}

}  // namespace detail

/// Runs a command line, and returns the exit status; errors are one line on stderr, which needs no memory.
inline int run_program(int argc, char** argv) {
  occupy_closed_streams();
  try {
    GracefulInterrupts::install();
    set_notice_handler([](std::string const& line) { print_line("chg: notice: ", line); });
    return detail::run_commands(argc, argv);
  } catch (Interrupted const& e) {
    print_line("chg: ", e.message);
    return 130;
  } catch (std::bad_alloc const&) {
    print_error(
        "memory. Expected as much as the command needs, got less. Use --max-memory, fewer --threads, or another machine.");
  } catch (std::exception const& e) {
    print_error(e.what());
  } catch (...) {
    print_error("an exception of a kind that chg does not know");
  }
  return 1;
}

}  // namespace chg::cli
