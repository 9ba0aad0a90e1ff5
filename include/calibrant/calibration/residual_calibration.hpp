// ResidualCalibration: what is left after a calibration, learned on its results and divided out.
#pragma once

#include "calibrant/calibration/calibration.hpp"
#include "calibrant/invert/factor.hpp"

namespace calibrant {

/// A multiplicative correction for x_hat, the result of another calibration: x_hat / R(x_hat; theta), where the
/// response is L(x; theta) = x R(x; theta), the statistic of x_hat at given truth (trained with Output::ratio, R is the
/// network's output). R is learned at given truth, so it does not depend on the spectrum of the training.
///
/// The other way is numerical inversion once more, Calibration{response}: exact, but it fails where the response is
/// flat, as that of a direct regression is at the edges of its range. This one answers there, too; where both do they
/// differ by about (R - 1) d ln R / d ln x. Outside the trained range it keeps the factor of the edge.
///
/// Usable alone, and as a step of a Sequence.
template <class Response>
using ResidualCalibration = Calibration<Response, invert::Factor, extrapolate::Freeze>;

}  // namespace calibrant
