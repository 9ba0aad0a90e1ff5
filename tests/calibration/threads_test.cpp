// One calibration, many threads, nothing shared but the object: run under the thread sanitizer, too.
#include <doctest/doctest.h>

#include <array>
#include <thread>
#include <vector>

#include "calibrant/parallel/pool.hpp"
#include "jet_response.hpp"

using namespace jets;

namespace {

/// The same calls from several threads at once; every thread must get the bits of a call alone.
template <class C>
void check_concurrent_calls(const C& calibration) {
  using S = typename C::Scalar;
  const Jets<S> jets(1500);
  const auto wanted = one_by_one(calibration, jets);
  constexpr int n_threads = 4;
  std::array<int, n_threads> n_wrong{};
  std::vector<std::thread> threads;
  threads.reserve(n_threads);
  for (int t = 0; t < n_threads; ++t)
    threads.emplace_back([&, t] {
      for (int repetition = 0; repetition < 3; ++repetition) {
        Answers<S> batch(jets.size());
        calibration({jets.y, row_major<S>(jets.theta, 3), batch.value, batch.status});
        int wrong = batch == wanted ? 0 : 1;
        wrong += one_by_one(calibration, jets) == wanted ? 0 : 1;
        ThreadPool pool(2);
        Answers<S> pooled(jets.size());
        calibration({jets.y, row_major<S>(jets.theta, 3), pooled.value, pooled.status}, pool);
        wrong += pooled == wanted ? 0 : 1;
        n_wrong[static_cast<std::size_t>(t)] += wrong;
      }
    });
  for (auto& thread : threads) thread.join();
  for (const int wrong : n_wrong) CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("a calibration serves several threads at once") {
  check_concurrent_calls(Calibration(response<float>()));
  check_concurrent_calls(Calibration(response<double>(), invert::Newton{.tolerance = 1e-9}, extrapolate::Freeze{}));
}

TEST_CASE("a calibration with an ensemble does, too") {
  std::vector<Model<Net>> members{response<float>(1), response<float>(2)};
  check_concurrent_calls(Calibration(Ensemble(std::move(members))));
}
