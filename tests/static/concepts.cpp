// Each concept with a minimal type that models it, and with near misses that lack one thing.
#include "calibrant/concepts.hpp"

#include <string>

#include "calibrant/head/quantiles.hpp"
#include "calibrant/nn.hpp"

namespace {

using namespace calibrant;
using Tile = Wide<float, 4>;
using DualTile = Dual<Wide<float, 4>, 1>;

/// y = p x, as little as a module can be.
struct Scale {
  static constexpr int n_in = 1, n_out = 1, n_params = 1;
  static std::string describe() { return "scale"; }
  template <class S>
  static void initialise(View<S, 1>, Random&) {}
  template <class T>
  struct Workspace {
    void start(const TileContext&) {}
  };
  template <class T>
  struct Accumulator {
    void clear() {}
    void collect(View<const ScalarOf<T>, 1>, ScalarOf<T>*) const {}
  };
  template <class T>
  static void forward(View<const ScalarOf<T>, 1>, View<const T, 1>, View<T, 1>) {}
  template <class T>
  static void forward(View<const ScalarOf<T>, 1>, View<const T, 1>, View<T, 1>, Workspace<T>&) {}
  template <class T, class Dx>
  static void pullback(View<const ScalarOf<T>, 1>, View<const T, 1>, View<const T, 1>, Workspace<T>&, View<const T, 1>,
                       Accumulator<T>&, Dx) {}
};
static_assert(Module<Scale> && Module<Scale, float, double, Tile, DualTile>);
static_assert(!Head<Scale> && !PackedModule<Scale, float>);

struct WithoutName : Scale {
  static void describe() {}
};
struct WithoutInputs : Scale {
  static constexpr int n_in = 0;
};
struct WithoutWorkspace : Scale {
  template <class T>
  struct Workspace {};
};
struct WithoutClear : Scale {
  template <class T>
  struct Accumulator {
    void collect(View<const ScalarOf<T>, 1>, ScalarOf<T>*) const {}
  };
};
struct OtherShape : Scale {
  static constexpr int n_out = 2;
};
struct AlwaysInputGradient : Scale {
  template <class T>
  static void pullback(View<const ScalarOf<T>, 1>, View<const T, 1>, View<const T, 1>, Workspace<T>&, View<const T, 1>,
                       Accumulator<T>&, View<T, 1>) {}
};
struct OnlyTraining : Scale {
  template <class T>
  static void forward(View<const ScalarOf<T>, 1>, View<const T, 1>, View<T, 1>, Workspace<T>&) {}
};
struct OnlyFloat : Scale {
  template <class T>
  requires std::is_same_v < ScalarOf<T>,
  float > struct Workspace {
    void start(const TileContext&) {}
  };
  template <class T>
  static void forward(View<const ScalarOf<T>, 1>, View<const T, 1>, View<T, 1>) {}
  template <class T>
  static void forward(View<const ScalarOf<T>, 1>, View<const T, 1>, View<T, 1>, Workspace<T>&) {}
  template <class T, class Dx>
  static void pullback(View<const ScalarOf<T>, 1>, View<const T, 1>, View<const T, 1>, Workspace<T>&, View<const T, 1>,
                       Accumulator<T>&, Dx) {}
};
static_assert(!Module<int>);
static_assert(!Module<WithoutName> && !Module<WithoutInputs> && !Module<WithoutWorkspace> && !Module<WithoutClear>);
static_assert(!Module<OtherShape> && !Module<AlwaysInputGradient> && !Module<OnlyTraining>);
static_assert(Module<OnlyFloat, float, Tile, DualTile> && !Module<OnlyFloat, double> &&
              !Module<OnlyFloat, float, double>);

using Net = Mlp<Inputs<3>, Hidden<5, PReLU>, Outputs<2>>;
static_assert(Module<Net, float, double, Tile, Wide<double, 2>, Dual<double, 1>, DualTile> && !Head<Net>);
static_assert(PackedModule<Net, float> && PackedModule<Net, double>);
static_assert(Head<Quantiles<3>, float, DualTile>);
static_assert(Module<Net, Dual<float, 2>>);  // forward alone may run with more tangents

/// A user's activation: z / 2.
struct Half {
  static constexpr const char* name = "half";
  static constexpr int n_parameters = 0;
  static constexpr bool cheap = true, smooth = true;
  static constexpr Saves saves = Saves::nothing;
  static constexpr Initialiser initialiser = Initialiser::glorot;
  template <class T, class A>
  static Activated<T> apply(const T& z, const A&) {
    return {z * T(ScalarOf<T>(0.5)), z};
  }
  template <class T, class A>
  static T slope(const T&, const T&, const A&) {
    return T(ScalarOf<T>(0.5));
  }
};
static_assert(calibrant::Activation<Half> && calibrant::Activation<Half, double, Tile, DualTile>);
static_assert(Module<Dense<2, 3, Half>, float, DualTile>);

struct HalfWithoutSlope : Half {
  static void slope() {}
};
struct HalfWithoutName : Half {
  static constexpr int name = 1;
};
struct HalfOfTwo : Half {
  static constexpr int n_parameters = 2;
};
struct HalfLearned : Half {  // announces a parameter, but not its slope
  static constexpr int n_parameters = 1;
  static constexpr double initial_parameter = 0.5;
};
static_assert(!calibrant::Activation<HalfWithoutSlope> && !calibrant::Activation<HalfWithoutName> &&
              !calibrant::Activation<HalfOfTwo> && !calibrant::Activation<HalfLearned> && !calibrant::Activation<int>);

template <class... As>
constexpr bool all_are_activations = (calibrant::Activation<As, float, double, Tile, Dual<double, 1>, DualTile> && ...);
static_assert(all_are_activations<Identity, ReLU, LeakyReLU, PReLU, Tanh, Sigmoid, Softplus, SiLU, ELU>);

}  // namespace
