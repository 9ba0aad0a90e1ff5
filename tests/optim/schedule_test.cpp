// Schedules at known points.
#include "calibrant/optim/schedule.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace calibrant;

namespace {

Progress at(std::int64_t step, std::int64_t steps_per_epoch = 10, int epochs = 20) {
  return {step, steps_per_epoch, static_cast<int>(step / steps_per_epoch), epochs, {}};
}
double plateau(const schedule::ReduceOnPlateau& schedule, const std::vector<double>& losses) {
  Progress progress = at(0);
  progress.losses = losses;
  return schedule(progress);
}

TEST_CASE("constant") {
  CHECK(schedule::Constant{}(at(0)) == 1.0);
  CHECK(schedule::Constant{}(at(199)) == 1.0);
}

TEST_CASE("step: a factor after every so many epochs") {
  const schedule::Step step{.every = 3, .factor = 0.5};
  CHECK(step(at(0)) == 1.0);
  CHECK(step(at(29)) == 1.0);
  CHECK(step(at(30)) == 0.5);
  CHECK(step(at(59)) == 0.5);
  CHECK(step(at(60)) == 0.25);
  CHECK_THROWS_AS((schedule::Step{.every = 0}(at(0))), Error);
}

TEST_CASE("cosine: from 1 to the final factor, step by step") {
  const schedule::Cosine cosine{.final = 0.2};
  CHECK(cosine(at(0)) == 1.0);
  CHECK(cosine(at(100)) == doctest::Approx(0.6).epsilon(1e-14));
  CHECK(cosine(at(50)) == doctest::Approx(0.2 + 0.4 * (1.0 + std::sqrt(0.5))).epsilon(1e-14));
  CHECK(cosine(at(200)) == doctest::Approx(0.2).epsilon(1e-14));
  CHECK(cosine(at(500)) == doctest::Approx(0.2).epsilon(1e-14));  // beyond the end it stays
  for (int step = 1; step <= 200; ++step) CHECK(cosine(at(step)) < cosine(at(step - 1)));
  CHECK(schedule::Cosine{}(at(200)) == doctest::Approx(0.0).epsilon(1e-14));
}

TEST_CASE("warm-up: linear over the first epochs, then the schedule behind it") {
  const schedule::WarmUp<> plain{.epochs = 2.0};
  CHECK(plain(at(0)) == doctest::Approx(0.05).epsilon(1e-14));  // the first step is not lost
  CHECK(plain(at(9)) == doctest::Approx(0.5).epsilon(1e-14));
  CHECK(plain(at(19)) == 1.0);
  CHECK(plain(at(150)) == 1.0);
  const schedule::WarmUp<schedule::Cosine> cosine{.epochs = 0.5, .after = {.final = 0.1}};
  CHECK(cosine(at(1)) == doctest::Approx(0.4 * schedule::Cosine{0.1}(at(1))).epsilon(1e-14));
  CHECK(cosine(at(100)) == schedule::Cosine{0.1}(at(100)));
  CHECK(schedule::WarmUp<>{.epochs = 0.0}(at(0)) == 1.0);
}

TEST_CASE("reduce on plateau: found from the history") {
  const schedule::ReduceOnPlateau reduce{.factor = 0.5, .patience = 2, .threshold = 0.01, .smallest = 0.2};
  CHECK(plateau(reduce, {}) == 1.0);
  CHECK(plateau(reduce, {5.0}) == 1.0);
  CHECK(plateau(reduce, {5.0, 4.0, 3.0, 2.0}) == 1.0);
  CHECK(plateau(reduce, {5.0, 5.0}) == 1.0);            // one epoch without improvement
  CHECK(plateau(reduce, {5.0, 5.0, 5.1}) == 0.5);       // two
  CHECK(plateau(reduce, {5.0, 5.0, 4.0, 4.0}) == 1.0);  // an improvement starts the count again
  CHECK(plateau(reduce, {5.0, 4.96, 4.96}) == 0.5);     // improved by less than the threshold
  CHECK(plateau(reduce, {5.0, 6.0, 6.0, 6.0, 6.0}) == 0.25);
  CHECK(plateau(reduce, {5.0, 6.0, 6.0, 4.0, 6.0, 6.0}) == 0.25);
  CHECK(plateau(reduce, std::vector<double>(50, 1.0)) == 0.2);  // never below the smallest
}

TEST_CASE("reduce on plateau with losses below zero, as the Gaussian kernel has") {
  const schedule::ReduceOnPlateau reduce{.factor = 0.5, .patience = 2, .threshold = 0.01};
  CHECK(plateau(reduce, {-1.0, -1.1, -1.2, -1.3}) == 1.0);
  CHECK(plateau(reduce, {-1.0, -1.005, -1.005}) == 0.5);
  CHECK(plateau(reduce, {1.0, 0.1, -0.1, -0.2}) == 1.0);
}

TEST_CASE("any function of the progress is a schedule") {
  const Schedule own = [](const Progress& progress) { return progress.fraction(); };
  CHECK(own(at(50)) == 0.25);
  const Schedule built_in = schedule::Cosine{};
  CHECK(built_in(at(0)) == 1.0);
}

}  // namespace
