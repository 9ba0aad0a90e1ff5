#include "response.hpp"

#include "calibrant/loss/point.hpp"
#include "calibrant/parallel/pool.hpp"
#include "calibrant/train/trainer.hpp"
#include "program/program.hpp"

namespace {

calibrant::CalibrationBatch<float> batch_of(const TestJets& jets, CalibratedJets& result) {
  return {jets.reco_pt, calibrant::row_major<float>(jets.features, n_features), result.pt, result.status};
}

}  // namespace

calibrant::Dataset training_data(const calibrant::Table& jets, const std::vector<std::string>& wanted,
                                 const std::string& statistic) {
  // A weight that depends on the inputs only does not change the mean at given inputs. Without it the squared loss sees
  // little but the outliers of wide, soft jets.
  return {jets,
          examples::response_features(wanted),
          "reco_pt",
          {.weight = statistic == "mean" ? precision : "", .group = "event"}};
}

Response train(const calibrant::Dataset& data, const std::string& statistic, const calibrant::FitOptions& plan) {
  namespace loss = calibrant::loss;
  if (statistic == "mean") return calibrant::fit<Network>(data, loss::Squared{}, plan);
  // The network's output is reco / true, so the kernel's width is in that unit.
  if (statistic == "mode")
    return calibrant::fit<Network>(data, loss::LeakyGaussianKernel{.bandwidth = 0.1, .leakiness = 0.01}, plan);
  return calibrant::fit<Network>(data, loss::Absolute{}, plan);
}

CalibratedJets calibrate(const JetCalibration& calibration, const TestJets& jets) {
  CalibratedJets result{std::vector<float>(jets.size()), std::vector<calibrant::Status>(jets.size())};
  calibration(batch_of(jets, result));
  return result;
}

double calibration_rate(const JetCalibration& calibration, const TestJets& jets, std::int64_t n_jets, int threads) {
  CalibratedJets result{std::vector<float>(jets.size()), std::vector<calibrant::Status>(jets.size())};
  const auto batch = batch_of(jets, result);
  calibrant::ThreadPool pool(threads);
  std::int64_t done = 0;
  const examples::Stopwatch watch;
  for (; done < n_jets; done += static_cast<std::int64_t>(jets.size())) calibration(batch, pool);
  return static_cast<double>(done) / watch.seconds();
}
