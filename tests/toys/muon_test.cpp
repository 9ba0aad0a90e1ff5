// The muon toy against the reference numbers, and its sampler against the exact law.
#include "calibrant/toys/muon.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "reference.hpp"

using calibrant::toys::Muon;

namespace {

TEST_CASE("quantiles of y given x agree with the reference to 1e-9") {
  const auto reference = read_reference("r3_muon.json");
  REQUIRE(reference["rows"].size() == 12);
  for (const auto& row : reference["rows"]) {
    const Muon muon{.shape = {.beta = row["beta"], .m = row["m"]}};
    const double x = row["x"];
    const auto law = muon.law(x);
    CHECK(agrees(Muon::sigma(x), row["sigma"], 1e-9));
    CHECK(agrees(law.quantile(0.16), row["q16"], 1e-9));
    CHECK(agrees(law.median(), row["median"], 1e-9));
    CHECK(agrees(law.quantile(0.84), row["q84"], 1e-9));
    CHECK(agrees(law.half_width(), row["half_iqr68"], 1e-9));
    CHECK(agrees(law.half_width() / Muon::sigma(x), row["half_iqr68_over_sigma"], 1e-9));
    CHECK(agrees(law.mode(), row["mode"], 1e-9));
  }
}

TEST_CASE("a narrow tail leaves the Gaussian half width") {
  const Muon muon{.shape = {.beta = 8.0, .m = 2.0}};
  CHECK(agrees(muon.law(50.0).half_width() / Muon::sigma(50.0),
               read_reference("r3_muon.json")["gaussian_limit_half_iqr68"], 1e-9));
}

TEST_CASE("samples are uniform in log x and follow the exact law") {
  const Muon muon{.shape = {.beta = 1.0, .m = 2.0}};
  const auto events = muon.sample(200000, 17);
  std::vector<double> u_x, u_y;
  for (std::size_t i = 0; i < events.x.size(); ++i) {
    u_x.push_back(std::log(events.x[i] / 7.0) / std::log(100.0 / 7.0));
    u_y.push_back(muon.law(events.x[i]).cdf(events.y[i]));
  }
  CHECK(kolmogorov(u_x) < 2.75);
  CHECK(kolmogorov(u_y) < 2.75);
  CHECK(muon.sample(3, 17, 7.0, 100.0, 2).y[0] == events.y[2]);
}

TEST_CASE("momenta without a resolution are refused") {
  CHECK_THROWS_AS(Muon{}.law(1.0), calibrant::Error);
  CHECK_THROWS_AS(Muon{}.law(std::nan("")), calibrant::Error);
  CHECK_THROWS_AS(Muon{}.sample(10, 1, 0.5, 100.0), calibrant::Error);
}

}  // namespace
