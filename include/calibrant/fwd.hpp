// Forward declarations of the types that other headers only name, and the only home of their default arguments.
#pragma once

namespace calibrant {

namespace invert {
struct Newton;
struct Bisection;
struct Factor;
struct JointNewton;
}  // namespace invert
namespace extrapolate {
struct Linear;
struct Freeze;
struct Clamp;
struct Reject;
struct LinearRatio;
template <class Below, class Above>
struct Sides;
template <class Policy>
struct FactorWithin;
}  // namespace extrapolate

template <class Scalar, int P = 1>
struct Wide;
template <class Base, int N = 1>
struct Dual;
template <class T, int... Shape>
class View;
template <class Scalar, int N>
class Parameters;
template <class Net, class Scalar = float>
class Model;
template <class Member>
class Ensemble;
template <class Scalar>
class BasicTable;
template <class Scalar>
class BasicDataset;
template <class Response, class Inversion = invert::Newton, class Extrapolation = extrapolate::Linear>
class Calibration;
template <class Response>
class JointCalibration;
template <int N>
struct Features;
template <class Theta, class... Steps>
class Sequence;

using Table = BasicTable<float>;
using Dataset = BasicDataset<float>;

}  // namespace calibrant
