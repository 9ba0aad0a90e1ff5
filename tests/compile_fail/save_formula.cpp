// expect: io::save: of models, what is made of them, and Composites; a formula has no file
#include "calibrant/calibration.hpp"
#include "calibrant/invert.hpp"
#include "calibrant/io/model_file.hpp"

int main() {
  const auto response =
      calibrant::invert::function_response<0>([](const auto& x, const auto*) { return x * 0.9f; }, {10.0f, 500.0f});
  calibrant::io::save(calibrant::Calibration(response), "formula.safetensors");
}
