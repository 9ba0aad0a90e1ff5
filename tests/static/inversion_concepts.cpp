// Response, Inversion and Extrapolation: what models them, and one near miss for each requirement.
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "calibrant/calibration.hpp"
#include "calibrant/concepts.hpp"
#include "calibrant/invert.hpp"
#include "calibrant/nn.hpp"

namespace {

using namespace calibrant;

// ---- Response ----

using Net = Mlp<Inputs<3>, Hidden<4>, Outputs<1>>;
static_assert(Response<Model<Net>>);
static_assert(Response<Model<Net, double>>);
static_assert(Response<Ensemble<Model<Net>>>);
using Line = decltype([](const auto& x, const auto*) { return x; });
static_assert(Response<invert::FunctionResponse<0, float, Line>>);
static_assert(Response<invert::FunctionResponse<2, double, Line>>);
static_assert(!Response<Net>);
static_assert(!Response<int>);

/// The least a response can be.
struct Least {
  using Scalar = float;
  static constexpr int n_theta = 0;
  template <class T>
  struct Encoded {};
  template <class T>
  void encode(const T*, Encoded<T>&) const noexcept {}
  template <class T>
  ValueSlope<T> response(const T& x, const Encoded<T>&) const noexcept {
    return {x, x};
  }
  template <class T>
  T response_value(const T& x, const Encoded<T>&) const noexcept {
    return x;
  }
  Range<float> truth_range() const noexcept { return {0.f, 1.f}; }
  Range<float> theta_range(int) const noexcept { return {0.f, 1.f}; }
  bool uses_theta(int) const noexcept { return true; }
};
static_assert(Response<Least>);

struct NegativeFeatures : Least {
  static constexpr int n_theta = -1;
};
static_assert(!Response<NegativeFeatures>);
struct NoScalar : Least {
 private:
  using Scalar = float;
};
static_assert(!Response<NoScalar>);
struct EncodedOfWhat : Least {
  template <class T>
  struct Encoded {
    explicit Encoded(int);
  };
  template <class T>
  void encode(const T*, Encoded<T>&) const noexcept {}
  template <class T>
  ValueSlope<T> response(const T& x, const Encoded<T>&) const noexcept {
    return {x, x};
  }
  template <class T>
  T response_value(const T& x, const Encoded<T>&) const noexcept {
    return x;
  }
};
static_assert(!Response<EncodedOfWhat>);  // not default constructible
struct MayThrow : Least {
  template <class T>
  ValueSlope<T> response(const T& x, const Encoded<T>&) const {
    return {x, x};
  }
};
static_assert(!Response<MayThrow>);
struct NotConst : Least {
  template <class T>
  ValueSlope<T> response(const T& x, const Encoded<T>&) noexcept {
    return {x, x};
  }
};
static_assert(!Response<NotConst>);
struct NoSlope : Least {
  template <class T>
  T response(const T& x, const Encoded<T>&) const noexcept {
    return x;
  }
};
static_assert(!Response<NoSlope>);
struct NumbersOnly : Least {
  ValueSlope<float> response(float x, const Encoded<float>&) const noexcept { return {x, x}; }
};
static_assert(!Response<NumbersOnly>);  // no tiles
struct RangeOfDoubles : Least {
  Range<double> truth_range() const noexcept { return {0.0, 1.0}; }
};
static_assert(!Response<RangeOfDoubles>);
struct NoThetaRange : Least {
  void theta_range(int) const noexcept {}
};
static_assert(!Response<NoThetaRange>);
struct NoUse : Least {
  void uses_theta(int) const noexcept {}
};
static_assert(!Response<NoUse>);
struct Unique : Least {
  Unique() = default;
  Unique(const Unique&) = delete;
  Unique& operator=(const Unique&) = delete;
};
static_assert(!Response<Unique>);

// ---- JointResponse ----

using Pair = Mlp<Inputs<3>, Hidden<4>, Outputs<2>>;
static_assert(JointResponse<Model<Pair>>);
static_assert(JointResponse<Model<Pair, double>>);
static_assert(JointResponse<Ensemble<Model<Pair>>>);
static_assert(JointResponse<Model<Net>>);  // of one truth
static_assert(!JointResponse<Model<Mlp<Inputs<1>, Outputs<2>>>>, "two responses to one truth");
static_assert(!JointResponse<Pair>);
static_assert(!JointResponse<int>);
using Swap = decltype([](const auto& in, const auto& out) { out[0] = in[1], out[1] = in[0]; });
static_assert(JointResponse<invert::JointFunctionResponse<2, 0, float, Swap>>);
static_assert(JointResponse<invert::JointFunctionResponse<2, 3, double, Swap>>);

/// The least a joint response can be.
struct LeastJoint {
  using Scalar = float;
  static constexpr int n_out = 2, n_theta = 1;
  template <class T>
  void evaluate(View<const T, 2> in, View<T, 2> out) const noexcept {
    out[0] = in[0];
    out[1] = in[1];
  }
  Range<float> truth_range() const noexcept { return {0.f, 1.f}; }
  Range<float> theta_range(int) const noexcept { return {0.f, 1.f}; }
  bool uses_theta(int) const noexcept { return true; }
};
static_assert(JointResponse<LeastJoint>);

struct EvaluateMayThrow : LeastJoint {
  template <class T>
  void evaluate(View<const T, 2> in, View<T, 2> out) const {
    LeastJoint::evaluate(in, out);
  }
};
static_assert(!JointResponse<EvaluateMayThrow>);
struct EvaluateNotConst : LeastJoint {
  template <class T>
  void evaluate(View<const T, 2> in, View<T, 2> out) noexcept {
    LeastJoint::evaluate(in, out);
  }
};
static_assert(!JointResponse<EvaluateNotConst>);
struct MoreResponsesThanTruths : LeastJoint {
  static constexpr int n_out = 3;
};
static_assert(!JointResponse<MoreResponsesThanTruths>);
struct JointRangeOfDoubles : LeastJoint {
  Range<double> truth_range() const noexcept { return {0.0, 1.0}; }
};
static_assert(!JointResponse<JointRangeOfDoubles>);
struct NoJointThetaRange : LeastJoint {
  void theta_range(int) const noexcept {}
};
static_assert(!JointResponse<NoJointThetaRange>);
struct NoJointUse : LeastJoint {
  void uses_theta(int) const noexcept {}
};
static_assert(!JointResponse<NoJointUse>);

// ---- Inversion ----

static_assert(Inversion<invert::Newton>);
static_assert(Inversion<invert::Newton, double>);
static_assert(Inversion<invert::Bisection>);
static_assert(Inversion<invert::Bisection, double>);
static_assert(!Inversion<extrapolate::Linear>);
static_assert(!Inversion<int>);

struct Guess {
  static constexpr const char* name = "guess";
  int seed = 0;
  template <class Self, class Visit>
  static void each_setting(Self& self, Visit&& visit) {
    visit("seed", self.seed);
  }
  void validate() const {}
  template <class T, class Evaluate>
  invert::Root<T> solve(const Evaluate&, const T& y, const Range<ScalarOf<T>>&, const T&) const noexcept {
    return {y, y, y, y < y, y < y, y < y, y < y};
  }
};
static_assert(Inversion<Guess>);
static_assert(Inversion<Guess, double>);

struct Nameless : Guess {
  static constexpr int name = 0;
};
static_assert(!Inversion<Nameless>);
struct Unsettled : Guess {
  static void each_setting() {}
};
static_assert(!Inversion<Unsettled>);
struct Careless : Guess {
 private:
  void validate() const {}
};
static_assert(!Inversion<Careless>);
struct Throwing : Guess {
  template <class T, class Evaluate>
  invert::Root<T> solve(const Evaluate&, const T& y, const Range<ScalarOf<T>>&, const T&) const {
    return {y, y, y, y < y, y < y, y < y, y < y};
  }
};
static_assert(!Inversion<Throwing>);
struct Rootless : Guess {
  template <class T, class Evaluate>
  T solve(const Evaluate&, const T& y, const Range<ScalarOf<T>>&, const T&) const noexcept {
    return y;
  }
};
static_assert(!Inversion<Rootless>);
struct FloatOnly : Guess {
  template <class Evaluate>
  invert::Root<float> solve(const Evaluate&, float y, const Range<float>&, float) const noexcept {
    return {y, y, y, true, false, false, false};
  }
};
static_assert(!Inversion<FloatOnly>);  // no tiles
struct NeedsSeed : Guess {
  explicit NeedsSeed(int seed_) : Guess{seed_} {}
};
static_assert(!Inversion<NeedsSeed>);  // a model file makes it before it sets it

// ---- Extrapolation ----

static_assert(Extrapolation<extrapolate::Linear>);
static_assert(Extrapolation<extrapolate::Freeze, double>);
static_assert(Extrapolation<extrapolate::Clamp>);
static_assert(Extrapolation<extrapolate::Reject, double>);
static_assert(!Extrapolation<invert::Newton>);

struct Zero {
  static constexpr const char* name = "zero";
  static constexpr bool clamps = true, rejects = false;
  template <class Self, class Visit>
  static void each_setting(Self&, Visit&&) {}
  template <class T>
  T apply(const T&, const invert::Root<T>&) const noexcept {
    return T(ScalarOf<T>(0));
  }
};
static_assert(Extrapolation<Zero>);

struct SaysNothing : Zero {
 private:
  using Zero::clamps;
};
static_assert(!Extrapolation<SaysNothing>);
struct NeverRejects : Zero {
  static constexpr std::string_view rejects = "never";
};
static_assert(!Extrapolation<NeverRejects>);
struct Anonymous : Zero {
  static constexpr std::string* name = nullptr;
};
static_assert(!Extrapolation<Anonymous>);
struct Loud : Zero {
  template <class T>
  T apply(const T&, const invert::Root<T>&) const {
    return T(ScalarOf<T>(0));
  }
};
static_assert(!Extrapolation<Loud>);
struct NoRoot : Zero {
  template <class T>
  T apply(const T& y) const noexcept {
    return y;
  }
};
static_assert(!Extrapolation<NoRoot>);
struct NoLanes : Zero {
  float apply(float y, const invert::Root<float>&) const noexcept { return y; }
};
static_assert(!Extrapolation<NoLanes>);

// ---- a calibration of parts that are none of ours ----

static_assert(Calibration<Least, Guess, Zero>::n_theta == 0);

// ---- Calibrator ----

using OfModel = Calibration<Model<Net>>;
static_assert(Calibrator<OfModel>);
static_assert(Calibrator<ResidualCalibration<Model<Net, double>>>);
static_assert(Calibrator<Sequence<Features<4>, OfModel, ResidualCalibration<Ensemble<Model<Net>>>>>);
static_assert(!Calibrator<Model<Net>>);
static_assert(!Calibrator<int>);

/// The least a step of a sequence can be.
struct LeastStep {
  using Scalar = float;
  static constexpr int n_theta = 1;
  using Batch = FeatureBatch<float, 1>;
  Calibrated<float> operator()(float y, const std::array<float, 1>&) const noexcept { return {y, Status::ok}; }
  void operator()(const Batch&) const noexcept {}
  Range<float> truth_range() const noexcept { return {0.f, 1.f}; }
  Range<float> theta_range(int) const noexcept { return {0.f, 1.f}; }
  bool uses_theta(int) const noexcept { return true; }
  std::vector<std::string> feature_names() const { return {"u"}; }
};
static_assert(Calibrator<LeastStep>);

struct CallMayThrow : LeastStep {
  Calibrated<float> operator()(float y, const std::array<float, 1>&) const { return {y, Status::ok}; }
  using LeastStep::operator();
};
static_assert(!Calibrator<CallMayThrow>);
struct NoBatch : LeastStep {
  Calibrated<float> operator()(float y, const std::array<float, 1>&) const noexcept { return {y, Status::ok}; }
};
static_assert(!Calibrator<NoBatch>);
struct NoStatus : LeastStep {
  float operator()(float y, const std::array<float, 1>&) const noexcept { return y; }
  using LeastStep::operator();
};
static_assert(!Calibrator<NoStatus>);
struct NoNames : LeastStep {
 private:
  using LeastStep::feature_names;
};
static_assert(!Calibrator<NoNames>);
struct NoRange : LeastStep {
 private:
  using LeastStep::truth_range;
};
static_assert(!Calibrator<NoRange>);

}  // namespace
