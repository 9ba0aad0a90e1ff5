// Why one inverts (ATL-PHYS-PUB-2018-013, arXiv:1609.05195). A direct regression of truth on measurement learns
// M(y) = E[x | y], which depends on the spectrum of the training and does not close. The response f(x) = E[Y | x] does
// not depend on it; inverted, it closes in the median, and in the mean as far as f is straight. All on detectors where
// every curve is known exactly.
#include "program/program.hpp"
#include "report.hpp"
#include "settings.hpp"
#include "study.hpp"

int main(int argc, char** argv) {
  return examples::run_program("prior_dependence", [&] {
    Settings settings;
    if (!read_settings(argc, argv, settings)) return 0;
    examples::make_folder(settings.output);
    report(study(settings), settings);
    return 0;
  });
}
