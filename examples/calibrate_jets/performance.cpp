#include "performance.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace {

namespace validate = calibrant::validate;

/// The jets that go into a profile.
struct Ratios {
  std::vector<double> before, after;
  std::vector<float> x;

  BeforeAfter in_bins(const validate::BinEdges& edges) const {
    return {validate::profile(before, x, edges), validate::profile(after, x, edges)};
  }
};

/// before and after of the jets for which keep(i) is true, against x.
template <class Keep>
Ratios ratios(const TestJets& jets, const CalibratedJets& calibrated, const std::vector<float>& x, const Keep& keep) {
  Ratios result;
  for (std::size_t i = 0; i < jets.size(); ++i) {
    if (!std::isfinite(calibrated.pt[i]) || !keep(i)) continue;
    result.before.push_back(static_cast<double>(jets.subtracted_pt[i]) / jets.true_pt[i]);
    result.after.push_back(static_cast<double>(calibrated.pt[i]) / jets.true_pt[i]);
    result.x.push_back(x[i]);
  }
  return result;
}

std::vector<FeatureDependence> dependences(const TestJets& jets, const CalibratedJets& calibrated) {
  std::vector<FeatureDependence> result;
  for (int index = 0; index < n_features; ++index) {
    const std::string name = feature_names[static_cast<std::size_t>(index)];
    std::vector<float> feature = jets.feature(index);
    if (name == "reco_eta")
      for (float& eta : feature) eta = std::abs(eta);
    const Ratios hard =
        ratios(jets, calibrated, feature, [&](std::size_t i) { return jets.true_pt[i] > lowest_dependence_pt; });
    // A thousand jets a bin see a difference of half a per cent.
    const int n_bins = std::clamp(static_cast<int>(hard.x.size() / 1000), 5, 20);
    const validate::ResidualOptions options{.name = name};
    result.push_back({name, validate::residual_dependence(hard.before, hard.x, n_bins, options),
                      validate::residual_dependence(hard.after, hard.x, n_bins, options)});
  }
  return result;
}

}  // namespace

Performance measure(const JetCalibration& calibration, const TestJets& jets, const CalibratedJets& calibrated) {
  const auto by_true_pt = [&](const auto& keep) {
    return ratios(jets, calibrated, jets.true_pt, keep).in_bins(examples::true_pt_edges);
  };
  const auto has_flavour = [&](float low, float high) {
    return [&jets, low, high](std::size_t i) { return jets.flavour[i] >= low && jets.flavour[i] <= high; };
  };
  Performance performance{
      by_true_pt([](std::size_t) { return true; }),
      {by_true_pt(has_flavour(1, 3)), by_true_pt(has_flavour(21, 21))},
      dependences(jets, calibrated),
      {},
      calibrant::invert::check_monotonicity(calibration.response(), std::span<const float>(jets.features),
                                            calibration.response().truth_range())};
  for (const calibrant::Status status : calibrated.status) ++performance.statuses[status];
  return performance;
}
