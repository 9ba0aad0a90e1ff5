// Sequential against simultaneous calibration (ATL-PHYS-PUB-2018-013): correct for one feature after the other, each on
// the result of the one before, or for all at once. On a toy of two correlated features everything is known exactly;
// then the same with the tracks of simulated jets. What theory does not promise, the difference of quark and gluon jets
// and of two generators, is reported beside it.
#include <optional>

#include "program/program.hpp"
#include "report.hpp"
#include "settings.hpp"

int main(int argc, char** argv) {
  return examples::run_program("simultaneous_calibration", [&] {
    Settings settings;
    if (!read_settings(argc, argv, settings)) return 0;
    examples::make_folder(settings.output);
    std::optional<ToyFindings> toy;
    std::optional<JetFindings> jets;
    // The jets first: data that are not there are known before the toy is trained.
    if (settings.part != "toy") jets = calibrate_jets(settings);
    if (settings.part != "jets") toy = calibrate_toy(settings);
    report(toy, jets, settings);
    return 0;
  });
}
