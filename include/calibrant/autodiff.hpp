// Everything of the autodiff room: derivatives of a module with respect to its inputs, and the gradient check.
#pragma once

#include "calibrant/autodiff/derivatives.hpp"
#include "calibrant/autodiff/gradient_check.hpp"
