// Forward declarations and default template arguments, for headers that only name these types.
#pragma once

namespace calibrant {

namespace invert {
struct Newton;
struct Bisection;
}  // namespace invert
namespace extrapolate {
struct Linear;
struct Freeze;
struct Clamp;
struct Reject;
}  // namespace extrapolate

template <class Scalar, int P>
struct Wide;
template <class Base, int N>
struct Dual;
template <class T, int... Shape>
class View;
template <class Scalar, int N>
class Parameters;
template <class Net, class Scalar>
class Model;
template <class Member>
class Ensemble;
template <class Scalar>
class BasicTable;
template <class Scalar>
class BasicDataset;
template <class Response, class Inversion, class Extrapolation>
class Calibration;

using Table = BasicTable<float>;
using Dataset = BasicDataset<float>;

}  // namespace calibrant
