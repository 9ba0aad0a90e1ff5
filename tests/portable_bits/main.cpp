// Prints the bits of what the library computes, to be compared between builds for other processors and by other
// compilers: elementary functions, a training, inference, calibrations. Hexadecimal floats; NaN is NaN whatever its
// bits.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <vector>

#include "../calibration/jet_response.hpp"
#include "../calibration/joint_responses.hpp"
#include "calibrant/core/math.hpp"
#include "calibrant/invert.hpp"
#include "calibrant/loss/point.hpp"
#include "calibrant/train/trainer.hpp"

using namespace calibrant;

namespace {

/// FNV-1a over the bits of numbers.
struct Hash {
  std::uint64_t state = 14695981039346656037ULL;
  template <class S>
  void add(S number) noexcept {
    using Bits = std::conditional_t<sizeof(S) == 4, std::uint32_t, std::uint64_t>;
    state = (state ^ (std::isnan(number) ? Bits(1) : std::bit_cast<Bits>(number))) * 1099511628211ULL;
  }
};
void print(const char* what, const char* type, const Hash& hash) {
  std::printf("%s %s %016llx\n", type, what, static_cast<unsigned long long>(hash.state));
}

template <class S>
constexpr const char* name = sizeof(S) == 4 ? "float" : "double";

/// Bit patterns through the whole range, and numbers of ordinary size.
template <class S>
std::vector<S> arguments() {
  using Bits = std::conditional_t<sizeof(S) == 4, std::uint32_t, std::uint64_t>;
  constexpr int n = 1 << 17;
  std::vector<S> result;
  for (std::uint64_t i = 0; i < n; ++i)
    result.push_back(std::bit_cast<S>(static_cast<Bits>(i * (sizeof(S) == 4 ? 32771ULL : 140741783322637ULL))));
  Random random(3);
  for (int i = 0; i < n; ++i) result.push_back(static_cast<S>(random.uniform(-20.0, 20.0)));
  return result;
}

template <class S, class F>
void elementary_function(const char* what, const std::vector<S>& x, F f) {
  using W = Wide<S, 2>;
  Hash lanes_hash, alone_hash, dual_hash;
  for (std::size_t i = 0; i < x.size(); i += W::n_samples) {
    const W at = W::load(x.data() + i), y = f(at);
    const auto dual = f(Dual<W, 1>::variable(at));
    for (int l = 0; l < W::n_samples; ++l) {
      lanes_hash.add(y[l]);
      dual_hash.add(dual.value[l]);
      dual_hash.add(dual.tangent[0][l]);
      alone_hash.add(f(x[i + static_cast<std::size_t>(l)]));
    }
  }
  if (lanes_hash.state != alone_hash.state) std::printf("A LANE AND A NUMBER ALONE DIFFER:\n");
  print(what, name<S>, lanes_hash);
  print(what, name<S>, dual_hash);
}

template <class S>
void elementary_functions() {
  const std::vector<S> x = arguments<S>();
#define CHECK_FUNCTION(NAME) elementary_function(#NAME, x, [](const auto& v) { return calibrant::NAME(v); })
  CHECK_FUNCTION(exp);
  CHECK_FUNCTION(expm1);
  CHECK_FUNCTION(log);
  CHECK_FUNCTION(log1p);
  CHECK_FUNCTION(tanh);
  CHECK_FUNCTION(sigmoid);
  CHECK_FUNCTION(softplus);
  CHECK_FUNCTION(sqrt);
#undef CHECK_FUNCTION
  elementary_function("log_sum_exp", x, []<class T>(const T& v) {
    const T terms[] = {v, T(ScalarOf<T>(1)), -v};
    return log_sum_exp(terms);
  });
}

/// Every parameter, so that a difference shows where it begins, and the losses of every epoch.
template <class Model>
void print_model(const char* what, const Model& model) {
  Hash hash;
  for (int i = 0; i < Model::n_params; ++i) hash.add(model.parameters()[i]);
  print(what, name<typename Model::Scalar>, hash);
  for (const auto& epoch : model.description.training.epochs)
    std::printf("  losses %a %a\n", epoch.training_loss, epoch.validation_loss);
  for (int i = 0; i < Model::n_params; ++i) std::printf("  %a\n", static_cast<double>(model.parameters()[i]));
}

template <class Net, class S, class Loss>
void train(const char* what, const Loss& loss) {
  Random random(5);
  std::vector<double> values;
  for (int i = 0; i < 3000; ++i) {
    const double x = random.uniform(20.0, 200.0), eta = random.uniform(-2.5, 2.5), rho = random.uniform(5.0, 40.0);
    const double noise = random.uniform() + random.uniform() + random.uniform() - 1.5;
    values.insert(values.end(),
                  {x, eta, rho, std::fma(x, std::fma(0.1, noise, std::fma(0.02, std::fabs(eta), 0.8)), rho)});
  }
  const BasicTable<double> table({"x", "eta", "rho", "y"}, std::move(values), "made up");
  const std::vector<Feature> features = Net::n_in == 3
                                            ? std::vector<Feature>{{"x", Transform::logarithm}, {"eta"}, {"rho"}}
                                            : std::vector<Feature>{{"x", Transform::logarithm}, {"eta"}};
  FitOptions options;
  options.epochs = 3;
  options.batch_size = 250;  // the last tile of a batch is not full
  options.progress = ProgressLine::silent;
  print_model(what, fit<Net>(BasicDataset<S>(table, features, "y"), loss, options));
}

template <class S>
void inference() {
  const auto model = jets::response<S>();
  const jets::Jets<S> some(500);
  std::vector<S> features, results(some.size());
  Hash alone, batch;
  for (std::size_t i = 0; i < some.size(); ++i) {
    const auto theta = some.features(i);
    features.insert(features.end(), {some.y[i], theta[0], theta[1], theta[2]});
    alone.add(model({some.y[i], theta[0], theta[1], theta[2]})[0]);
  }
  model.evaluate_batch(features, results);
  for (const S result : results) batch.add(result);
  print("inference, one object", name<S>, alone);
  print("inference, batch", name<S>, batch);

  const Calibration calibration(model);  // Newton
  jets::Answers<S> answers(some.size());
  calibration({some.y, row_major<S>(some.theta, 3), answers.value, answers.status});
  if (answers != jets::one_by_one<S>(calibration, some)) std::printf("A BATCH AND AN OBJECT ALONE DIFFER:\n");
  Hash calibrated;
  for (std::size_t i = 0; i < some.size(); ++i) {
    calibrated.add(answers.value[i]);
    calibrated.add(static_cast<S>(answers.status[i]));
  }
  print("calibration", name<S>, calibrated);
}

/// Two values at once, beyond the edges of the box as well, linear and clamped.
template <class S>
void joint_calibration() {
  using extrapolate::Edge;
  using extrapolate::Edges;
  const joint::Objects<S> objects(2000);
  for (const Edge edge : {Edge::linear, Edge::clamp}) {
    const JointCalibration calibration(joint::response<S>(), {}, {Edges(edge), Edges(edge)});
    joint::Answers<S> answers(objects.size());
    calibration({row_major<S>(objects.y, 2), row_major<S>(objects.theta, 2), answers.values, answers.status});
    if (!(answers == joint::one_by_one(calibration, objects))) std::printf("A BATCH AND AN OBJECT ALONE DIFFER:\n");
    Hash calibrated;
    for (const S value : answers.values) calibrated.add(value);
    for (const Status status : answers.status) calibrated.add(static_cast<S>(status));
    print(edge == Edge::linear ? "joint calibration, linear edges" : "joint calibration, clamped", name<S>, calibrated);
  }
}

}  // namespace

int main() {
  elementary_functions<float>();
  elementary_functions<double>();
  train<Mlp<Inputs<3>, Hidden<16, SiLU>, Hidden<16, SiLU>, Outputs<1>>, float>("SiLU, leaky Gaussian kernel",
                                                                               loss::LeakyGaussianKernel{0.3, 0.1});
  train<Mlp<Inputs<2>, Hidden<20, PReLU>, Outputs<1>>, float>("PReLU, pinball", loss::Pinball{0.6});
  inference<float>();
  inference<double>();
  joint_calibration<float>();
  joint_calibration<double>();
}
