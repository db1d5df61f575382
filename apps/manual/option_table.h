#pragma once
#include <string>
#include <vector>

namespace san::manual {

/// An option or a positional argument, as src/program/option_table.h writes it.
struct Option {
  std::vector<std::string> names;  ///< "-m", "--model"; none for an argument
  std::string positional;          ///< name of an argument; else empty
  std::string value;               ///< "TEXT", "INT"; empty for a flag
  std::vector<std::string> choices;
  std::string limits, default_value, separator;
  bool required = false, repeats = false;
  std::string description, group;

  bool is_flag() const { return value.empty(); }
  /// The values that a user may want completed: the choices.
  bool has_choices() const { return !choices.empty(); }
};

struct Command {
  std::string path;  ///< as typed: "san segment"
  std::string description, footer;
  bool elsewhere = false;  ///< a companion program has its options
  std::vector<Option> options;
  std::vector<Command> commands;

  std::string name() const { return path.substr(path.rfind(' ') + 1); }
  /// "san-segment": what its manual page is called.
  std::string page() const;
};

/// The commands of one program from its option table. Throws Error naming `source`.
Command parse_table(const std::string& json, const std::string& source);

/// The whole of a program and its companions: commands that the first table says are elsewhere are taken from
/// the other tables, be it as a whole ("san world") or as a command of the same path ("san train"). Those
/// that none has stay without options.
Command merge(std::vector<Command> tables);

/// The command, those below it, and so on: in the order of the manual.
std::vector<const Command*> all_commands(const Command& root);

/// The first sentence of a text without its full stop, for lists of one line each.
std::string first_sentence(const std::string& text);

}  // namespace san::manual
