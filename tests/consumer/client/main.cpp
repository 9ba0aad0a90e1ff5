// A program that uses Calibrant: includes it from where the build found it, and sees every dependency.
#include <calibrant/error.hpp>
#include <calibrant/version.hpp>

#ifdef XTENSOR_USE_XSIMD
#error "Calibrant must not choose how its user's xtensor computes"
#endif
#if !__has_include(<Eigen/Core>) || !__has_include(<nlohmann/json.hpp>) || !__has_include(<xsimd/xsimd.hpp>)
#error "the include paths of Calibrant's dependencies did not come with it"
#endif

#include <iostream>

int main() {
  try {
    throw calibrant::Error("client", "an error", "this one");
  } catch (const calibrant::Error& error) {
    std::cout << "Calibrant " << calibrant::version << ": " << error.what() << '\n';
  }
}
