// Crystal Ball law against the reference numbers and against its own identities.
#include "calibrant/toys/crystal_ball.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "calibrant/toys/events.hpp"
#include "reference.hpp"

using calibrant::toys::CrystalBall;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

double number(const nlohmann::json& value) { return value.is_string() ? -infinity : value.get<double>(); }

// r8_stability: relative 1e-10 (1e-9 in far tails), or absolute 1e-12 for differences of nearly equal numbers.
TEST_CASE("density, distribution function and quantiles agree with the reference") {
  const auto blocks = read_reference("r8_crystal_ball.json")["crystal_ball"];
  REQUIRE(blocks.size() == 2);
  for (const auto& block : blocks) {
    const CrystalBall law({.beta = block["beta"], .m = block["m"]}, 0.0, 1.0, number(block["z_min"]));
    for (const auto& row : block["cdf"]) {
      CAPTURE(row.dump());
      CHECK(agrees(law.cdf(row["t"]), row["F"], 0.0, 1e-10));
      CHECK(agrees(law.pdf(row["t"]), row["pdf"], 0.0, 1e-10));
      CHECK(agrees(law.survival(row["t"]), 1.0 - row["F"].get<double>(), 1e-12));
    }
    for (const auto& row : block["inverse_cdf"]) {
      CAPTURE(row.dump());
      CHECK(agrees(law.inverse_cdf(row["u"]), row["t"], 1e-12, 1e-10));
    }
    CHECK(agrees(law.tail_fraction(), block["tail_fraction"], 0.0, 1e-10));
    const auto edges = block["bins"]["edges"].get<std::vector<double>>();
    for (std::size_t i = 0; i + 1 < edges.size(); ++i)
      CHECK(agrees(law.cdf(edges[i + 1]) - law.cdf(edges[i]), block["bins"]["probability"][i], 1e-12));
    CHECK(agrees(law.cdf(edges.front()), block["bins"]["below"], 0.0, 1e-10));
    CHECK(agrees(law.survival(edges.back()), block["bins"]["above"], 0.0, 1e-10));
  }
}

TEST_CASE("facts of the uncut law agree with the reference") {
  const auto rows = read_reference("r2_minimisers.json")["crystal_ball"];
  REQUIRE(rows.size() == 2);
  for (const auto& row : rows) {
    const CrystalBall law({.beta = row["beta"], .m = row["m"]});
    CHECK(agrees(law.shape_integral(), row["integral"], 1e-8));
    CHECK(agrees(law.mode(), row["mode"], 1e-8));
    CHECK(agrees(law.median(), row["median"], 1e-8));
    CHECK(agrees(law.quantile(0.16), row["q16"], 1e-8));
    CHECK(agrees(law.quantile(0.84), row["q84"], 1e-8));
    CHECK(agrees(law.tail_fraction(), row["tail_fraction"], 1e-8));
    CHECK(law.has_mean() == row["mean"].is_number());
    CHECK(law.has_variance() == row["sd"].is_number());
    if (law.has_mean()) {
      CHECK(agrees(law.mean(), row["mean"], 1e-8));
      CHECK(agrees(law.standard_deviation(), row["sd"], 1e-8));
    } else {
      CHECK_THROWS_AS(law.mean(), calibrant::Error);
      CHECK_THROWS_AS(law.partial_mean(0.0), calibrant::Error);
      CHECK_THROWS_AS(law.standard_deviation(), calibrant::Error);
    }
  }
}

TEST_CASE("quantiles and truncated standard deviations of the muon shapes agree with the reference") {
  const auto rows = read_reference("r3_muon.json")["z"];
  REQUIRE(rows.size() == 3);
  for (const auto& row : rows) {
    const calibrant::toys::CrystalBallShape shape{.beta = row["beta"], .m = row["m"]};
    const CrystalBall law(shape);
    CHECK(agrees(law.shape_integral(), row["integral"], 1e-9));
    CHECK(agrees(law.tail_fraction(), row["tail_fraction"], 1e-9));
    CHECK(agrees(law.quantile(0.16), row["q16"], 1e-9));
    CHECK(agrees(law.median(), row["median"], 1e-9));
    CHECK(agrees(law.quantile(0.84), row["q84"], 1e-9));
    CHECK(agrees(law.half_width(), row["half_iqr68"], 1e-9));
    for (const auto& [length, sd] : row["truncated_sd"].items())
      CHECK(agrees(CrystalBall(shape, 0.0, 1.0, -std::stod(length)).standard_deviation(), sd, 1e-9));
  }
}

TEST_CASE("the inverse undoes the distribution function everywhere, cut or not") {
  for (const double beta : {0.5, 1.5, 4.0})
    for (const double m : {1.05, 2.0, 3.0, 3.5, 40.0})
      for (const double cut : {-infinity, -1e4, -7.0, -2.0, -0.3, 0.0, 0.4, 3.0, 12.0, 60.0}) {
        const CrystalBall law({.beta = beta, .m = m}, 5.0, 2.0, 5.0 + 2.0 * cut);
        CAPTURE(beta);
        CAPTURE(m);
        CAPTURE(cut);
        double previous = law.lower();
        for (const double u : {1e-14, 1e-6, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1.0 - 1e-9}) {
          CAPTURE(u);
          const double y = law.inverse_cdf(u);
          REQUIRE(std::isfinite(y));
          CHECK(y >= previous);
          previous = y;
          // y can only be held to its own rounding, which moves the distribution function by its slope.
          CHECK(agrees(law.cdf(y), u, 4e-15 + 4e-16 * std::abs(y) * law.pdf(y), 1e-12));
        }
        for (const double u : {1e-300, 1e-30, 1e-12, 0.2}) {
          const double y = law.inverse_survival(u);
          // In the far tail d log(survival) = -hazard dy.
          const double hazard = law.pdf(y) / law.survival(y);
          CHECK(agrees(law.survival(y), u, 0.0, 1e-12 + 1e-15 * std::abs(y) * hazard));
        }
        CHECK(law.inverse_cdf(0.0) == law.lower());
        CHECK(law.inverse_cdf(1.0) == infinity);
        CHECK(std::isnan(law.inverse_cdf(1.5)));
        CHECK(std::isnan(law.inverse_cdf(std::nan(""))));
      }
}

TEST_CASE("next to the cut the distribution function keeps its relative precision") {
  for (const double cut : {-1.0, 0.0, 0.4, 12.0}) {
    const CrystalBall law({}, 0.0, 1.0, cut);
    for (const double wanted : {1e-13, 1e-9, 1e-6}) {
      const double distance = (cut + wanted) - cut;
      // The density changes by less than 20 distances.
      CHECK(agrees(law.cdf(cut + wanted), law.pdf(cut) * distance, 0.0, 20.0 * distance + 1e-12));
    }
  }
}

TEST_CASE("moments agree with integrals of the density") {
  for (const double m : {1.5, 2.0, 2.0 + 1e-9, 3.0, 5.0})
    for (const double cut : {-30.0, -3.0, -0.5, 0.7, 1.9, 2.1, 6.0, 50.0}) {
      CAPTURE(m);
      CAPTURE(cut);
      const CrystalBall law({.beta = 1.2, .m = m}, 0.0, 1.0, cut);
      const double high = std::max(cut + 12.0 / std::max(1.0, 0.25 * cut), cut > 0 ? 0.0 : 12.0);
      const std::vector<double> marks{-1.2, cut + 0.1, cut + 1.0, 0.0};
      const auto integrate = [&](auto&& f, double to) {
        return calibrant::quadrature::integrate([&](double y) { return f(y) * law.pdf(y); }, cut, to, marks);
      };
      CHECK(agrees(integrate([](double) { return 1.0; }, high), 1.0, 1e-13));
      const double mean = law.mean();
      CHECK(agrees(integrate([](double y) { return y; }, high), mean, 1e-12, 1e-12));
      CHECK(agrees(integrate([&](double y) { return (y - mean) * (y - mean); }, high),
                   law.standard_deviation() * law.standard_deviation(), 0.0, 1e-10));
      for (const double u : {0.05, 0.4, 0.8}) {
        const double to = law.inverse_cdf(u);
        CHECK(agrees(integrate([](double y) { return y; }, to), law.partial_mean(to), 1e-12, 1e-12));
      }
    }
}

TEST_CASE("the density is continuous with its slope where the tail begins") {
  const CrystalBall law({.beta = 1.5, .m = 2.0}, 30.0, 5.0, 10.0);
  const double edge = law.tail_edge();
  const double step = 1e-6;
  CHECK(agrees(law.pdf(edge - step), law.pdf(edge + step), 0.0, 1e-6));
  const double slope_below = (law.pdf(edge) - law.pdf(edge - step)) / step;
  const double slope_above = (law.pdf(edge + step) - law.pdf(edge)) / step;
  CHECK(agrees(slope_below, slope_above, 0.0, 1e-5));
  CHECK(law.pdf(9.999) == 0.0);
}

TEST_CASE("drawn values fill the exact bins") {
  const auto blocks = read_reference("r8_crystal_ball.json")["crystal_ball"];
  constexpr std::int64_t n = 200000;
  for (const auto& block : blocks) {
    const CrystalBall law({.beta = block["beta"], .m = block["m"]}, 0.0, 1.0, number(block["z_min"]));
    const auto events = calibrant::toys::draw_events<double>(
        n, 11, 0, [](double u) { return u; }, [&](double) { return law; });
    const auto edges = block["bins"]["edges"].get<std::vector<double>>();
    for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
      const double p = block["bins"]["probability"][i];
      const auto count =
          std::count_if(events.y.begin(), events.y.end(), [&](double y) { return y >= edges[i] && y < edges[i + 1]; });
      // 5 sigma of a binomial count.
      CHECK(agrees(static_cast<double>(count), n * p, 5.0 * std::sqrt(n * p * (1.0 - p))));
    }
    std::vector<double> u;
    for (const double y : events.y) u.push_back(law.cdf(y));
    CHECK(kolmogorov(u) < 2.75);
  }
}

TEST_CASE("wrong parameters are refused") {
  CHECK_THROWS_WITH_AS(CrystalBall({.beta = 1.5, .m = 1.0}), "CrystalBall: expected a finite m > 1, found 1.000000",
                       calibrant::Error);
  CHECK_THROWS_AS(CrystalBall({.beta = 0.0, .m = 2.0}), calibrant::Error);
  CHECK_THROWS_AS(CrystalBall({}, std::nan(""), 1.0), calibrant::Error);
  CHECK_THROWS_AS(CrystalBall({}, 0.0, 0.0), calibrant::Error);
  CHECK_THROWS_AS(CrystalBall({}, 0.0, 1.0, std::nan("")), calibrant::Error);
  CHECK_THROWS_AS(CrystalBall({}, 0.0, 1.0, infinity), calibrant::Error);
}

}  // namespace
