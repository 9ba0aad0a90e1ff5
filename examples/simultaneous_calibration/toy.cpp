#include "toy.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iostream>
#include <span>
#include <utility>

#include "calibrant/calibration/fit_sequence.hpp"
#include "calibrant/loss/point.hpp"
#include "calibrant/nn/mlp.hpp"
#include "calibrant/parallel/pool.hpp"
#include "calibrant/toys/two_features.hpp"
#include "program/program.hpp"

namespace {

namespace cal = calibrant;
using cal::toys::FeatureGenerator;
using cal::toys::IdealCalibration;
using cal::toys::TwoFeatures;

using StepNetwork = cal::Mlp<cal::Inputs<2>, cal::Hidden<16>, cal::Hidden<16>, cal::Outputs<1>>;
using ByOne = cal::Calibration<cal::Model<StepNetwork>>;
using Sequential = cal::Sequence<cal::Features<2>, ByOne, ByOne>;
// Ideal steps are within 3e-6 of the limit in the residual after ten.
using Iterated = cal::Sequence<cal::Features<2>, ByOne, ByOne, ByOne, ByOne, ByOne, ByOne, ByOne, ByOne, ByOne, ByOne>;
using BothNetwork = cal::Mlp<cal::Inputs<3>, cal::Hidden<32>, cal::Hidden<32>, cal::Outputs<1>>;
using Simultaneous = cal::Calibration<cal::Model<BothNetwork>>;

// True energies, GeV.
constexpr double x_low = 20.0, x_high = 200.0;

// Samples to measure with have seeds of their own.
constexpr std::uint64_t measured_sample = 1'000'003;

/// Calibrates measured values, n, with features u, v, n x 2.
using Calibrate = std::function<void(std::span<const float>, std::span<const float>, std::span<float>)>;

template <class C>
Calibrate with(const C& calibration, cal::ThreadPool& pool) {
  return [calibration, &pool](std::span<const float> y, std::span<const float> theta, std::span<float> value) {
    calibration({y, cal::row_major<float>(theta, 2), value}, pool);
  };
}

cal::Table training_table(const Settings& settings) {
  const auto events = TwoFeatures{}.sample<float>(settings.events, settings.seed, x_low, x_high);
  std::vector<float> values;
  values.reserve(events.x.size() * 5);
  for (std::size_t i = 0; i < events.x.size(); ++i) {
    // A weight that depends on the truth only changes nothing but the noise of what is learned.
    const double noise = TwoFeatures::relative_noise(static_cast<double>(events.x[i]));
    values.insert(values.end(),
                  {events.x[i], events.y[i], events.u[i], events.v[i], static_cast<float>(0.01 / (noise * noise))});
  }
  return {{"x", "y", "u", "v", "precision"}, std::move(values), "the two-feature toy"};
}

cal::FitOptions training_plan(const Settings& settings) {
  cal::FitOptions plan;
  // As many steps for few events as for many.
  plan.epochs = static_cast<int>(std::clamp<std::int64_t>(16'000'000 / settings.events, 8, 80));
  plan.batch_size = static_cast<int>(std::clamp<std::int64_t>(settings.events / 500, 128, 1024));
  plan.seed = settings.seed;
  plan.output = cal::Output::ratio;
  plan.adam.learning_rate = 0.01;
  plan.schedule = cal::schedule::Cosine{};
  plan.validation_fraction = 0.0;  // what is left over is measured exactly
  plan.threads = settings.threads;
  return plan;
}

/// E[calibrated / x | u, v] for pairs of features: over x by the midpoint rule in ln x, over the noise by Gauss and
/// Hermite, so that only the calibration's own errors are left.
std::vector<double> mean_response(const Calibrate& calibrate, std::span<const double> u, std::span<const double> v,
                                  double low = x_low, double high = x_high) {
  // Nodes and weights of order 5 for a standard normal variable (Abramowitz and Stegun, table 25.10).
  constexpr std::array<double, 5> node = {-2.8569700138728, -1.3556261799742, 0.0, 1.3556261799742, 2.8569700138728};
  constexpr std::array<double, 5> weight = {0.0112574113277, 0.2220759220057, 0.5333333333333, 0.2220759220057,
                                            0.0112574113277};
  const int n_x = low < high ? 8 : 1;
  std::vector<double> mean(u.size(), 0.0);
  std::vector<float> y(u.size()), theta(2 * u.size()), value(u.size());
  const TwoFeatures toy;
  for (std::size_t i = 0; i < u.size(); ++i) {
    theta[2 * i] = static_cast<float>(u[i]);
    theta[2 * i + 1] = static_cast<float>(v[i]);
  }
  for (int k = 0; k < n_x; ++k) {
    const double x = low * std::pow(high / low, (k + 0.5) / n_x);
    for (std::size_t q = 0; q < node.size(); ++q) {
      for (std::size_t i = 0; i < u.size(); ++i)
        y[i] =
            static_cast<float>(x * toy.response(u[i], v[i], true) * (1.0 + TwoFeatures::relative_noise(x) * node[q]));
      calibrate(y, theta, value);
      for (std::size_t i = 0; i < u.size(); ++i) mean[i] += weight[q] / n_x * static_cast<double>(value[i]) / x;
    }
  }
  return mean;
}

/// Features of a sample of a generator, and E[calibrated / x] given them.
struct Responses {
  std::vector<double> u, v, mean;
  std::vector<char> is_quark;
};

Responses responses(const Calibrate& calibrate, const FeatureGenerator& generator, std::uint64_t seed) {
  constexpr std::int64_t n = 50'000;
  auto events = TwoFeatures{.generator = generator}.sample<double>(n, seed + measured_sample);
  Responses result{std::move(events.u), std::move(events.v), {}, std::move(events.is_quark)};
  result.mean = mean_response(calibrate, result.u, result.v);
  return result;
}

ToySample measure(const Responses& responses) {
  double sum[2] = {}, n[2] = {}, squares = 0.0;
  for (std::size_t i = 0; i < responses.mean.size(); ++i) {
    const std::size_t flavour = responses.is_quark[i] != 0 ? 1 : 0;
    sum[flavour] += responses.mean[i];
    n[flavour] += 1.0;
    squares += (responses.mean[i] - 1.0) * (responses.mean[i] - 1.0);
  }
  return {(sum[0] + sum[1]) / (n[0] + n[1]), std::sqrt(squares / (n[0] + n[1])), sum[1] / n[1], sum[0] / n[0]};
}

ToySample measure(const IdealCalibration& ideal, const FeatureGenerator& generator) {
  return {ideal.mean(generator), ideal.residual_rms(generator), ideal.quark_mean(generator),
          ideal.gluon_mean(generator)};
}

/// Mean in bins of a feature of width 0.5 around -2, -1.5, ... 2, and the exact value averaged over the same bins.
std::vector<ToyPoint> profile(const std::vector<double>& feature, const std::vector<double>& mean,
                              const std::function<double(double)>& exact_at,
                              const std::function<double(double)>& density_at) {
  std::vector<ToyPoint> points;
  for (double centre = -2.0; centre <= 2.0; centre += 0.5) {
    double sum = 0.0, n = 0.0, exact = 0.0, weight = 0.0;
    for (std::size_t i = 0; i < feature.size(); ++i)
      if (std::abs(feature[i] - centre) < 0.25) {
        sum += mean[i];
        n += 1.0;
      }
    for (const double at : {-0.2, -0.1, 0.0, 0.1, 0.2}) {
      exact += density_at(centre + at) * exact_at(centre + at);
      weight += density_at(centre + at);
    }
    points.push_back({centre, sum / n, exact / weight});
  }
  return points;
}

/// Standard deviation over mean of the calibrated energy at x, from events.
double resolution(const Calibrate& calibrate, double x, std::uint64_t seed) {
  const auto events = TwoFeatures{}.sample<float>(1'000'000, seed + 2 * measured_sample, x, x);
  std::vector<float> theta, value(events.y.size());
  for (std::size_t i = 0; i < events.y.size(); ++i) theta.insert(theta.end(), {events.u[i], events.v[i]});
  calibrate(events.y, theta, value);
  cal::Moments moments;
  for (const float one : value) moments.add(static_cast<double>(one));
  return moments.deviation() / moments.mean;
}

ToyKind measure(const std::string& name, const Calibrate& calibrate, const IdealCalibration& ideal,
                std::uint64_t seed) {
  const FeatureGenerator a = FeatureGenerator::a(), b = FeatureGenerator::b();
  ToyKind kind;
  kind.name = name;
  const Responses in_a = responses(calibrate, a, seed), in_b = responses(calibrate, b, seed);
  kind.a = measure(in_a);
  kind.b = measure(in_b);
  kind.exact_a = measure(ideal, a);
  kind.exact_b = measure(ideal, b);
  kind.resolution_30 = resolution(calibrate, 30.0, seed);
  kind.resolution_100 = resolution(calibrate, 100.0, seed);
  kind.exact_resolution_30 = ideal.resolution(a, 30.0);
  kind.exact_resolution_100 = ideal.resolution(a, 100.0);
  // Densities of one feature alone, up to a constant: sums of two normal laws.
  const auto density = [&](bool of_u) {
    return [&a, of_u](double at) {
      const auto one = [&](double fraction, const cal::toys::FeatureLaw& law) {
        const double sd = of_u ? law.sd_u : law.sd_v, z = (at - (of_u ? law.mean_u : law.mean_v)) / sd;
        return fraction * std::exp(-0.5 * z * z) / sd;
      };
      return one(a.quark_fraction, a.quark) + one(1.0 - a.quark_fraction, a.gluon);
    };
  };
  kind.against_u = profile(
      in_a.u, in_a.mean, [&](double u) { return ideal.mean_at_u(a, u); }, density(true));
  kind.against_v = profile(
      in_a.v, in_a.mean, [&](double v) { return ideal.mean_at_v(a, v); }, density(false));
  std::vector<double> u, v;
  for (double at_u = -2.0; at_u <= 2.0; at_u += 0.5)
    for (double at_v = -2.0; at_v <= 2.0; at_v += 0.5) {
      u.push_back(at_u);
      v.push_back(at_v);
    }
  const std::vector<double> mean = mean_response(calibrate, u, v);
  for (std::size_t i = 0; i < u.size(); ++i)
    kind.against_both.push_back({u[i], v[i], mean[i], ideal.mean_at(a, u[i], v[i])});
  for (const double x : toy_closure_x) {
    double sum = 0.0;
    for (const double one : mean_response(calibrate, in_a.u, in_a.v, x, x)) sum += one;
    kind.closure.push_back(sum / static_cast<double>(in_a.u.size()));
  }
  return kind;
}

}  // namespace

const ToyKind& ToyFindings::kind(const std::string& name) const {
  return *std::find_if(kinds.begin(), kinds.end(), [&](const ToyKind& kind) { return kind.name == name; });
}

ToyFindings calibrate_toy(const Settings& settings) {
  const cal::Table table = training_table(settings);
  const cal::FitOptions options = training_plan(settings);
  std::cout << "toy: " << settings.events << " events, " << options.epochs << " epochs in batches of "
            << options.batch_size << std::endl;
  const cal::Feature truth("x", cal::Transform::logarithm, "GeV");
  const cal::DatasetColumns columns{.weight = "precision"};
  const auto plan = [&](std::vector<std::vector<cal::Feature>> steps) {
    return cal::SequencePlan{.truth = truth, .measured = "y", .steps = std::move(steps), .columns = columns};
  };

  ToyFindings findings;
  findings.iterations = Iterated::n_steps;
  const examples::Stopwatch watch;
  const auto iterated =
      cal::fit_sequence<Iterated>(table, plan({{"u"}, {"v"}, {"u"}, {"v"}, {"u"}, {"v"}, {"u"}, {"v"}, {"u"}, {"v"}}),
                                  cal::loss::Squared{}, options);
  const auto v_first = cal::fit_sequence<Sequential>(table, plan({{"v"}, {"u"}}), cal::loss::Squared{}, options);
  const Simultaneous simultaneous(
      cal::fit<BothNetwork>(cal::Dataset(table, {truth, "u", "v"}, "y", columns), cal::loss::Squared{}, options));
  findings.train_seconds = watch.seconds();

  // The first two steps of the iteration are the sequence by u, then v; features in the same order for all.
  const Sequential sequential_uv({"u", "v"}, iterated.step<0>(), iterated.step<1>());
  const Sequential sequential_vu({"u", "v"}, v_first.step<0>(), v_first.step<1>());
  double response = 0.0;
  for (std::int64_t i = 0; i < table.n_rows(); ++i) response += static_cast<double>(table(i, 1) / table(i, 0));
  const auto scale = static_cast<float>(static_cast<double>(table.n_rows()) / response);
  const Calibrate before = [scale](std::span<const float> y, std::span<const float>, std::span<float> value) {
    for (std::size_t i = 0; i < y.size(); ++i) value[i] = y[i] * scale;
  };

  cal::ThreadPool pool(settings.threads);
  const IdealCalibration ideal(TwoFeatures{});
  const auto add = [&](const std::string& name, const Calibrate& calibrate, const IdealCalibration& exact) {
    findings.kinds.push_back(measure(name, calibrate, exact, settings.seed));
  };
  add("before", before, ideal);
  add("sequential_uv", with(sequential_uv, pool), IdealCalibration(ideal).step_u().step_v());
  add("sequential_vu", with(sequential_vu, pool), IdealCalibration(ideal).step_v().step_u());
  add("iterated", with(iterated, pool), IdealCalibration(ideal).iterate());
  add("simultaneous", with(simultaneous, pool), IdealCalibration(ideal).simultaneous());
  return findings;
}
