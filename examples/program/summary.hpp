// summary.json of an example: one flat object, dotted names to numbers or true/false.
#pragma once

#include <cmath>
#include <concepts>
#include <nlohmann/json.hpp>
#include <string>

#include "calibrant/io/atomic_file.hpp"

namespace examples {

class Summary {
 public:
  /// A number that is not finite has no JSON form and is left out.
  void set(const std::string& name, std::floating_point auto value) {
    if (std::isfinite(value)) json_[name] = value;
  }
  void set(const std::string& name, std::integral auto value) { json_[name] = value; }

  /// @throws calibrant::Error if the file cannot be written.
  void write(const std::string& path) const { calibrant::io::write_file(path, json_.dump(2) + '\n'); }

 private:
  nlohmann::ordered_json json_ = nlohmann::ordered_json::object();
};

}  // namespace examples
