// Dropout: silent in inference, masks that are a function of the sample alone, the mean kept. For Activate see
// activate_test.cpp.
#include "calibrant/nn/elementwise.hpp"

#include <cmath>
#include <vector>

#include "calibrant/nn/sequential.hpp"
#include "module_checks.hpp"

using namespace calibrant;

namespace {

/// What dropout makes of ones, for samples first .. first + count - 1 in tiles of T: rows of features.
template <class M, class T>
std::vector<double> masked_ones(TileContext context, int count) {
  std::vector<double> result;
  typename M::template Workspace<T> workspace;
  T x[M::n_in], y[M::n_out];
  for (T& value : x) value = T(ScalarOf<T>(1));
  for (int s = 0; s < count; s += ScalarTraits<T>::n_samples) {
    workspace.start(context);
    M::template forward<T>(View<const ScalarOf<T>, 0>(nullptr), View<const T, M::n_in>(x), View<T, M::n_out>(y),
                           workspace);
    context.first_sample += static_cast<std::uint32_t>(ScalarTraits<T>::n_samples);
    for (int lane = 0; lane < ScalarTraits<T>::n_samples; ++lane)
      for (const T& value : y) result.push_back(static_cast<double>(scalars(&value)[lane]));
  }
  return result;
}

TileContext context_of(std::uint64_t seed, std::uint64_t step, std::uint32_t first, std::uint32_t layer = 0) {
  TileContext context;
  context.seed = seed;
  context.step = step;
  context.first_sample = first;
  context.layer = layer;
  return context;
}

/// Correlation of which features are kept.
double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  double both = 0.0, in_a = 0.0, in_b = 0.0;
  const auto n = static_cast<double>(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    both += a[i] != 0.0 && b[i] != 0.0 ? 1.0 : 0.0;
    in_a += a[i] != 0.0 ? 1.0 : 0.0;
    in_b += b[i] != 0.0 ? 1.0 : 0.0;
  }
  const double p = in_a / n, q = in_b / n;
  return (both / n - p * q) / std::sqrt(p * (1 - p) * q * (1 - q));
}

}  // namespace

TEST_CASE("Dropout is a module") {
  checks::check_module<Dropout<17, std::ratio<1, 4>>, false>();
  checks::check_module<Dropout<3, std::ratio<0, 1>>>();
}

TEST_CASE("dropout drops the given fraction and keeps the mean") {
  using M = Dropout<6, std::ratio<3, 10>>;
  const auto values = masked_ones<M, Wide<float, 4>>(context_of(1, 0, 0), 64 * 500);
  const auto n = static_cast<double>(values.size());
  double dropped = 0.0, sum = 0.0;
  int others = 0;
  for (const double value : values) {
    dropped += value == 0.0 ? 1.0 : 0.0;
    others += value == 0.0 || value == static_cast<double>(static_cast<float>(1.0 / 0.7)) ? 0 : 1;
    sum += value;
  }
  CHECK(others == 0);
  CHECK(std::fabs(dropped / n - 0.3) < 5.0 * std::sqrt(0.3 * 0.7 / n));  // 5 sigma of a binomial
  CHECK(std::fabs(sum / n - 1.0) < 5.0 * std::sqrt(0.3 / 0.7 / n));      // 5 sigma of its scaled mean
}

TEST_CASE("masks do not depend on how a batch is cut into tiles, nor on the scalar type") {
  using M = Dropout<11, std::ratio<1, 2>>;
  const auto context = context_of(8, 3, 640);
  const auto expected = masked_ones<M, float>(context, 128);
  CHECK(masked_ones<M, Wide<float, 4>>(context, 128) == expected);
  CHECK(masked_ones<M, Wide<float, 1>>(context, 128) == expected);
  CHECK(masked_ones<M, Wide<double, 2>>(context, 128) == expected);
  CHECK(masked_ones<M, Dual<Wide<float, 4>, 1>>(context, 128) == expected);
  CHECK(masked_ones<M, double>(context, 128) == expected);
}

TEST_CASE("masks of other samples, steps, layers and seeds are independent") {
  using M = Dropout<8, std::ratio<1, 2>>;
  constexpr int n = 64 * 100;
  const double five_sigma = 5.0 / std::sqrt(8.0 * n);
  const auto reference = masked_ones<M, Wide<float, 4>>(context_of(1, 5, 0, 2), n);
  CHECK(correlation(reference, reference) == doctest::Approx(1.0).epsilon(1e-12));
  CHECK(std::fabs(correlation(reference, masked_ones<M, Wide<float, 4>>(context_of(1, 5, n, 2), n))) < five_sigma);
  CHECK(std::fabs(correlation(reference, masked_ones<M, Wide<float, 4>>(context_of(1, 6, 0, 2), n))) < five_sigma);
  CHECK(std::fabs(correlation(reference, masked_ones<M, Wide<float, 4>>(context_of(1, 5, 0, 3), n))) < five_sigma);
  CHECK(std::fabs(correlation(reference, masked_ones<M, Wide<float, 4>>(context_of(2, 5, 0, 2), n))) < five_sigma);
  // Features of one sample: each against its neighbour.
  std::vector<double> even, odd;
  for (std::size_t i = 0; i < reference.size(); i += 2) {
    even.push_back(reference[i]);
    odd.push_back(reference[i + 1]);
  }
  CHECK(std::fabs(correlation(even, odd)) < std::sqrt(2.0) * five_sigma);
}

TEST_CASE("layers of one network have masks of their own, nested or not") {
  using Drop = Dropout<8, std::ratio<1, 2>>;
  const auto masks_of = []<class M>(M) { return masked_ones<M, Wide<float, 4>>(context_of(1, 0, 0), 64 * 50); };
  const auto kept = [](const std::vector<double>& values) {
    double count = 0.0;
    for (const double value : values) count += value != 0.0 ? 1.0 : 0.0;
    return count / static_cast<double>(values.size());
  };
  // Were two masks equal, a half would be kept, not a quarter; 5 sigma of 25,600 trials is 0.0135.
  CHECK(kept(masks_of(Sequential<Drop, Drop>{})) == doctest::Approx(0.25).epsilon(0.054));
  CHECK(kept(masks_of(Sequential<Sequential<Drop>, Drop>{})) == doctest::Approx(0.25).epsilon(0.054));
  CHECK(kept(masks_of(Sequential<Sequential<Drop, Drop>, Sequential<Drop, Drop>>{})) ==
        doctest::Approx(0.0625).epsilon(0.12));
}

TEST_CASE("inference is silent, and so are derivatives of the network as it is used") {
  using M = Dropout<5, std::ratio<1, 2>>;
  const float x[] = {1, -2, 3, -4, 5};
  float y[5];
  M::forward<float>(View<const float, 0>(nullptr), x, y);
  for (int i = 0; i < 5; ++i) CHECK(y[i] == x[i]);

  TileContext context = context_of(1, 0, 0);
  context.inference = true;
  for (const double value : masked_ones<M, Wide<float, 4>>(context, 64)) CHECK(value == 1.0);
}
