#include "study.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <iostream>
#include <limits>
#include <utility>

#include "calibrant/calibration/calibration.hpp"
#include "calibrant/train/dataset.hpp"
#include "exact.hpp"
#include "program/program.hpp"
#include "train.hpp"

namespace {

namespace cal = calibrant;
namespace extrapolate = calibrant::extrapolate;

/// Estimates of the truth for measured values; NaN where there is none.
using Estimator = std::function<std::vector<double>(const std::vector<double>&)>;
using Grid = std::vector<double>;

// The true inverse needs a response for every y that occurs, those at negative x included.
constexpr double wide_low = -60.0, wide_high = 290.0;
// Truths do not end where the spectrum of the training does.
constexpr double residual_low = 5.0, residual_high = 215.0;

const Grid tabled_x = {20, 25, 30, 40, 60, 100, 150, 195};
const Grid tabled_y = {0, 20, 50, 150};
const Grid tabled_residual_x = {10, 15, 20, 25, 30, 40, 60, 100, 150, 195, 205};

Grid every_5_gev(double low, double high) {
  Grid grid;
  for (double at = low; at <= high; at += 5.0) grid.push_back(at);
  return grid;
}

/// Mean of independent numbers and its error.
cal::validate::Estimate average(const std::vector<double>& values) {
  cal::Moments moments;
  for (const double value : values) moments.add(value);
  return {moments.mean, std::sqrt(moments.squares / (moments.n - 1.0) / moments.n)};
}

/// A number for each place of a grid: exact, and of each network.
using Column = std::vector<double>;

Curve compare(const std::string& quantity, const Grid& grid, const Grid& tabled, const Column& exact,
              const std::vector<Column>& found) {
  Curve curve{quantity, {}};
  for (std::size_t i = 0; i < grid.size(); ++i) {
    std::vector<double> here;
    here.reserve(found.size());
    for (const Column& one : found) here.push_back(one[i]);
    const bool is_tabled = std::find(tabled.begin(), tabled.end(), grid[i]) != tabled.end();
    curve.points.push_back({grid[i], exact[i], average(here), is_tabled});
  }
  return curve;
}

struct Quantity {
  const char* name;
  double AtTruth::*member;
};
constexpr Quantity mean{"mean", &AtTruth::mean}, median{"median", &AtTruth::median}, mode{"mode", &AtTruth::mode},
    sd{"sd", &AtTruth::sd}, slope{"slope", &AtTruth::slope};

std::vector<AtTruth> against_truth(const Detector& detector, const Grid& grid, const Estimator& estimate) {
  std::vector<AtTruth> result;
  for (const double x : grid)
    result.push_back(at_truth::statistics(detector, x, estimate(at_truth::measured(detector, x))));
  return result;
}

std::vector<Curve> compare_against_truth(const Detector& detector, const std::vector<Quantity>& quantities,
                                         const Grid& grid, const Grid& tabled, const Estimator& exact,
                                         const std::vector<Estimator>& found) {
  const auto exactly = against_truth(detector, grid, exact);
  std::vector<std::vector<AtTruth>> networks;
  networks.reserve(found.size());
  for (const Estimator& one : found) networks.push_back(against_truth(detector, grid, one));
  std::vector<Curve> curves;
  for (const Quantity& quantity : quantities) {
    const auto column = [&](const std::vector<AtTruth>& points) {
      Column values;
      for (const AtTruth& point : points) values.push_back(point.*quantity.member);
      return values;
    };
    std::vector<Column> columns;
    columns.reserve(networks.size());
    for (const auto& one : networks) columns.push_back(column(one));
    curves.push_back(compare(quantity.name, grid, tabled, column(exactly), columns));
  }
  return curves;
}

/// Many events calibrated.
struct Inverted {
  std::vector<double> x;
  std::vector<cal::Status> status;

  template <class Extrapolation>
  Inverted(const cal::Calibration<Response, cal::invert::Newton, Extrapolation>& calibration,
           const std::vector<double>& measured)
      : status(measured.size()) {
    const std::vector<float> y(measured.begin(), measured.end());
    std::vector<float> value(y.size());
    calibration({y, cal::row_major<float>({}, 0), value, status});
    x.assign(value.begin(), value.end());
  }
  double fraction(const std::function<bool(cal::Status)>& is) const {
    return at_truth::fraction([&](std::size_t k) { return is(status[k]); });
  }
};

template <class Extrapolation>
Estimator inversion_of(const Response& response) {
  const cal::Calibration<Response, cal::invert::Newton, Extrapolation> calibration(response);
  return [calibration](const std::vector<double>& y) { return Inverted(calibration, y).x; };
}

Estimator one_by_one(const std::function<double(double)>& estimate) {
  return [estimate](const std::vector<double>& y) {
    std::vector<double> x;
    x.reserve(y.size());
    for (const double one : y) x.push_back(estimate(one));
    return x;
  };
}

void study_inversions(const Detector& detector, Teacher& teacher, int n_nets, Findings& findings) {
  std::vector<Response> narrow, wide;
  for (int i = 0; i < n_nets; ++i) {
    narrow.push_back(teacher.response(detector, x_low, x_high));
    wide.push_back(teacher.response(detector, wide_low, wide_high));
  }
  for (const Policy& policy : policies) {
    std::vector<Estimator> found;
    for (const Response& response : policy.beyond == Beyond::inverse ? wide : narrow)
      found.push_back(policy.beyond == Beyond::edge ? inversion_of<extrapolate::Clamp>(response)
                                                    : inversion_of<extrapolate::Linear>(response));
    std::vector<Quantity> quantities = {mean, median, sd};
    // What sticks to an edge has no density there.
    if (policy.beyond != Beyond::edge) quantities.push_back(mode);
    const Estimator exact = one_by_one([&](double y) { return invert_exactly(detector, policy.beyond, y); });
    findings.inversions.push_back(
        {detector, policy.name,
         compare_against_truth(detector, quantities, every_5_gev(x_low, x_high), tabled_x, exact, found)});
  }
}

/// Of x at given y: the mean M, its slope and the standard deviation.
std::vector<Curve> compare_against_measured(const Detector& detector, const Posterior& posterior,
                                            const std::vector<Regression>& means,
                                            const std::vector<Regression>& variances) {
  const Grid grid = every_5_gev(0.0, highest_y(detector));
  const auto shifted = [&](double by) {
    std::vector<double> y = grid;
    for (double& one : y) one += by;
    return y;
  };
  Column exact_m, exact_slope, exact_sd;
  for (const double y : grid) {
    const Posterior::Moments exact = posterior.moments(y);
    exact_m.push_back(exact.mean);
    exact_slope.push_back(exact.slope);
    exact_sd.push_back(exact.sd);
  }
  std::vector<Column> m, m_slope, deviation;
  for (const Regression& one : means) {
    m.push_back(one(grid));
    constexpr double half = 0.2;  // closer, the difference of two floats has noise
    m_slope.push_back(one(shifted(half)));
    const Column below = one(shifted(-half));
    for (std::size_t i = 0; i < grid.size(); ++i) m_slope.back()[i] = (m_slope.back()[i] - below[i]) / (2.0 * half);
  }
  for (const Regression& one : variances) {
    deviation.push_back(one(grid));
    for (double& value : deviation.back()) value = std::sqrt(std::max(0.0, value));
  }
  return {compare("M", grid, tabled_y, exact_m, m), compare("M_slope", grid, tabled_y, exact_slope, m_slope),
          compare("sd", grid, tabled_y, exact_sd, deviation)};
}

/// The maximum a posteriori at given x: its mean, and its median, which is that at y = f(x).
std::vector<Curve> compare_modes(const Detector& detector, const Posterior& posterior,
                                 const std::vector<Density>& densities) {
  const Grid grid = every_5_gev(x_low, x_high);
  const auto columns = [&](double tolerance, double smallest_step, const std::function<double(double)>& map) {
    const Bent all(tolerance, smallest_step, map);
    std::pair<Column, Column> result;
    for (const double x : grid) {
      result.first.push_back(all.mean(detector, x) / x);
      result.second.push_back(map(detector.f(x)) / x);
    }
    return result;
  };
  const auto [exact_mean, exact_median] = columns(1e-4, 1e-5, [&](double y) { return posterior.mode(y); });
  std::vector<Column> means, medians;
  for (const Density& one : densities) {
    auto [its_mean, its_median] = columns(0.02, 0.01, [&](double y) { return one.mode(y); });
    means.push_back(std::move(its_mean));
    medians.push_back(std::move(its_median));
  }
  return {compare(mean.name, grid, tabled_x, exact_mean, means),
          compare(median.name, grid, tabled_x, exact_median, medians)};
}

/// The response E[M(Y) | x] of each regression, learned at given x and inverted; and the same exactly.
std::vector<Curve> study_residual(const Detector& detector, const Tabulated& exact_m,
                                  const std::vector<Regression>& regressions, Teacher& teacher) {
  const Grid grid = every_5_gev(10.0, 210.0);
  const Estimator exact = one_by_one(exact_m);
  const Tabulated exact_response(residual_low, residual_high, 0.5, [&](double x) {
    return x * at_truth::statistics(detector, x, exact(at_truth::measured(detector, x))).mean;
  });
  const Estimator exact_inversion = one_by_one([&](double y) { return exact_response.inverse(exact_m(y)); });
  Column exact_slope, exact_extrapolated;
  for (const double x : grid) {
    const std::vector<double> m = exact(at_truth::measured(detector, x));
    exact_slope.push_back(at_truth::statistics(detector, x, m).slope);
    exact_extrapolated.push_back(at_truth::fraction([&](std::size_t k) { return !exact_response.reaches(m[k]); }));
  }

  std::vector<Estimator> inversions;
  std::vector<Column> response_slope, extrapolated, not_invertible;
  for (const Regression& m : regressions) {
    const cal::Calibration<Response> calibration(teacher.response_of(m, residual_low, residual_high));
    inversions.emplace_back([calibration, m](const std::vector<double>& y) { return Inverted(calibration, m(y)).x; });
    Column slope_here, outside, failed;
    for (const double x : grid) {
      constexpr double half = 0.5;
      const std::vector<double> around = evaluate(calibration.response(), {x - half, x + half});
      slope_here.push_back((around[1] - around[0]) / (2.0 * half));
      const Inverted events(calibration, m(at_truth::measured(detector, x)));
      outside.push_back(events.fraction([](cal::Status status) {
        return status == cal::Status::extrapolated_low || status == cal::Status::extrapolated_high;
      }));
      failed.push_back(events.fraction([](cal::Status status) { return status == cal::Status::not_invertible; }));
    }
    response_slope.push_back(slope_here);
    extrapolated.push_back(outside);
    not_invertible.push_back(failed);
  }
  std::vector<Curve> curves =
      compare_against_truth(detector, {mean, median, sd}, grid, tabled_residual_x, exact_inversion, inversions);
  curves.push_back(compare("response_slope", grid, tabled_residual_x, exact_slope, response_slope));
  curves.push_back(compare("extrapolated", grid, tabled_residual_x, exact_extrapolated, extrapolated));
  curves.push_back(compare("not_invertible", grid, tabled_residual_x, Column(grid.size(), 0.0), not_invertible));
  return curves;
}

void study_direct(const Detector& detector, const Prior& prior, Teacher& teacher, int n_nets, Findings& findings) {
  const Posterior posterior(detector, prior);
  const Tabulated exact_m = exact_regression(posterior);
  std::vector<Regression> means, variances;
  std::vector<Density> densities;
  for (int i = 0; i < n_nets; ++i) {
    means.push_back(teacher.regression(detector, posterior));
    variances.push_back(teacher.variance(means.back(), posterior));
    densities.push_back(teacher.density(means.back(), variances.back(), posterior));
  }
  findings.direct.push_back(
      {detector, prior.name,
       compare_against_truth(detector, {mean, median, sd, slope, mode}, every_5_gev(x_low, x_high), tabled_x,
                             one_by_one(exact_m), {means.begin(), means.end()})});
  findings.regressions.push_back(
      {detector, prior.name, compare_against_measured(detector, posterior, means, variances)});
  findings.modes.push_back({detector, prior.name, compare_modes(detector, posterior, densities)});
  findings.residuals.push_back({detector, prior.name, study_residual(detector, exact_m, means, teacher)});
}

}  // namespace

const Point& Curve::worst() const {
  const auto off = [](const Point& point) {
    if (!point.is_tabled) return -1.0;
    const double deviation = std::abs(point.deviation());
    return std::isfinite(deviation) ? deviation : std::numeric_limits<double>::infinity();
  };
  return *std::max_element(points.begin(), points.end(),
                           [&](const Point& a, const Point& b) { return off(a) < off(b); });
}

const Point& Curve::at(double place) const {
  return *std::find_if(points.begin(), points.end(), [&](const Point& point) { return point.at == place; });
}

const Curve& Case::curve(const std::string& quantity) const {
  return *std::find_if(curves.begin(), curves.end(), [&](const Curve& one) { return one.quantity == quantity; });
}

Findings study(const Settings& settings) {
  Findings findings;
  Teacher teacher(settings);
  const examples::Stopwatch watch;
  for (const Detector& detector : detectors) {
    std::cout << "f and sigma: " << detector.name() << std::endl;
    study_inversions(detector, teacher, settings.nets, findings);
    for (const Prior& prior : priors) study_direct(detector, prior, teacher, settings.nets, findings);
  }
  findings.n_networks = teacher.n_trained();
  findings.seconds = watch.seconds();
  return findings;
}
