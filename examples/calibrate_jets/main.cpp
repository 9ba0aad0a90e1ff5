// The main job of this library, end to end: learn the response of simulated jets, L(true pT; features), invert it,
// calibrate jets that were not used in training, and prove closure. The method is generalized numerical inversion,
// ATL-PHYS-PUB-2018-013; the losses are those of arXiv:1910.03773.
#include <iostream>

#include "program/program.hpp"
#include "reload.hpp"
#include "report.hpp"
#include "settings.hpp"

namespace {

Learned learn(const std::string& statistic, const SplitJets& jets, const Settings& settings) {
  const calibrant::Dataset data = training_data(jets.training, settings.features, statistic);
  const examples::Stopwatch watch;
  Response response = train(data, statistic, examples::response_plan(data.n_events(), settings));
  const double seconds = watch.seconds();
  const JetCalibration calibration(std::move(response));
  const CalibratedJets calibrated = calibrate(calibration, jets.test);
  return {statistic, seconds, calibration, calibrated, measure(calibration, jets.test, calibrated)};
}

void run(const Settings& settings) {
  examples::make_folder(settings.output);
  const SplitJets jets = split_jets(read_jets(settings.data));
  Findings findings;
  findings.data = settings.data;
  findings.n_training = jets.training.n_rows();
  findings.n_test = static_cast<std::int64_t>(jets.test.size());
  findings.plan = examples::response_plan(findings.n_training, settings);
  std::cout << settings.data << ": " << findings.n_training << " jets for training, " << findings.n_test
            << " for the test; " << findings.plan.epochs << " epochs in batches of " << findings.plan.batch_size
            << std::endl;

  for (const char* statistic : {"median", "mean", "mode"})
    if (settings.loss == "all" || settings.loss == statistic)
      findings.learned.push_back(learn(statistic, jets, settings));
  const Learned& main = findings.main();
  findings.jets_per_second = calibration_rate(main.calibration, jets.test, 1'000'000, settings.threads);

  const std::string model = settings.output + "/jets.safetensors", results = settings.output + "/test_jets.npy";
  save_calibration(model, main.calibration);
  save_calibrated(results, jets.test, main.jets);
  findings.bit_identical = reload_in_new_process(model, results);
  report(findings, settings.output);
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run_program("calibrate_jets", [&] {
    Settings settings;
    if (!read_settings(argc, argv, settings)) return 0;
    if (!settings.verify_model.empty()) return verify_model(settings.verify_model, settings.expect);
    run(settings);
    return 0;
  });
}
