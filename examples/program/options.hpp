// Command-line options of the examples: --name value or --name=value, each with a default, a check and a line of help.
#pragma once

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "calibrant/error.hpp"

namespace examples {

/// Binds names to variables, which hold the defaults until parse() finds the option on the command line.
class Options {
 public:
  Options(std::string program, std::string purpose) : program_(std::move(program)), purpose_(std::move(purpose)) {
    options_.push_back({"--help", "", "this text", {}});
  }

  void add(const std::string& name, std::string& value, const std::string& placeholder, const std::string& help) {
    options_.push_back({name, placeholder, help + " (default: " + value + ")", [&value, name](std::string_view text) {
                          if (text.empty()) throw calibrant::Error("option " + name, "a text", "nothing");
                          value = text;
                        }});
  }

  /// A whole number of `smallest` or more.
  template <std::integral Number>
  void add(const std::string& name, Number& value, Number smallest, const std::string& help) {
    options_.push_back({name, "N", help + " (default: " + std::to_string(value) + ")",
                        [&value, name, smallest](std::string_view text) {
                          Number number{};
                          const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
                          if (error != std::errc() || end != text.data() + text.size() || number < smallest)
                            throw calibrant::Error("option " + name,
                                                   "a whole number of " + std::to_string(smallest) + " or more",
                                                   "'" + std::string(text) + "'");
                          value = number;
                        }});
  }

  /// One of a few words.
  void add(const std::string& name, std::string& value, const std::vector<std::string>& words,
           const std::string& help) {
    options_.push_back(
        {name, joined(words, "|"), help + " (default: " + value + ")", [&value, name, words](std::string_view text) {
           if (std::find(words.begin(), words.end(), text) == words.end())
             throw calibrant::Error("option " + name, "one of " + joined(words, ", "), "'" + std::string(text) + "'");
           value = text;
         }});
  }

  /// Some of a few words, with commas between them; their order is that of `words`.
  void add(const std::string& name, std::vector<std::string>& chosen, const std::vector<std::string>& words,
           const std::string& help) {
    options_.push_back({name, "A,B,...", help + " (default: " + joined(chosen, ",") + ")",
                        [&chosen, name, words](std::string_view text) { chosen = some_of(words, text, name); }});
  }

  /// An option that --help does not show.
  void add_hidden(const std::string& name, std::string& value) {
    options_.push_back({name, "", "", [&value](std::string_view text) { value = text; }});
  }

  /// @return false if the help was asked for and shown: there is nothing left to do.
  /// @throws calibrant::Error for unknown options, missing or wrong values.
  bool parse(int argc, char** argv) const {
    for (int i = 1; i < argc; ++i) {
      const std::string_view argument = argv[i];
      const std::string_view name = argument.substr(0, argument.find('='));
      if (name == "--help" || name == "-h") {
        print_help();
        return false;
      }
      const Option& option = find(name);
      if (name.size() < argument.size())
        option.assign(argument.substr(name.size() + 1));
      else if (i + 1 < argc)
        option.assign(argv[++i]);
      else
        throw calibrant::Error("option " + option.name, "a value behind it", "the end of the command line");
    }
    return true;
  }

 private:
  struct Option {
    std::string name, placeholder, help;
    std::function<void(std::string_view)> assign;
  };

  static std::string joined(const std::vector<std::string>& words, const char* separator) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : separator) + word;
    return text;
  }

  static std::vector<std::string> some_of(const std::vector<std::string>& words, std::string_view text,
                                          const std::string& name) {
    std::vector<std::string> named;
    for (bool more = true; more;) {
      const std::size_t comma = text.find(',');
      named.emplace_back(text.substr(0, comma));
      if (std::find(words.begin(), words.end(), named.back()) == words.end())
        throw calibrant::Error("option " + name, "some of " + joined(words, ","), "'" + named.back() + "'");
      more = comma != std::string_view::npos;
      if (more) text.remove_prefix(comma + 1);
    }
    std::vector<std::string> chosen;
    for (const auto& word : words)
      if (std::find(named.begin(), named.end(), word) != named.end()) chosen.push_back(word);
    return chosen;
  }

  const Option& find(std::string_view name) const {
    std::string known;
    for (const auto& option : options_) {
      if (option.name == name) return option;
      if (!option.help.empty()) known += (known.empty() ? "" : ", ") + option.name;
    }
    throw calibrant::Error("command line of " + program_, "the options " + known, "'" + std::string(name) + "'");
  }

  void print_help() const {
    std::cout << program_ << ": " << purpose_ << "\n\nOptions:\n";
    for (const auto& option : options_)
      if (!option.help.empty())
        std::cout << "  " << option.name << (option.placeholder.empty() ? "" : " ") << option.placeholder
                  << "\n        " << option.help << '\n';
  }

  std::string program_, purpose_;
  std::vector<Option> options_;
};

}  // namespace examples
