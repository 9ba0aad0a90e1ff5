// Everything of the nn room.
#pragma once

#include "calibrant/nn/activation.hpp"
#include "calibrant/nn/combinators.hpp"
#include "calibrant/nn/constants.hpp"
#include "calibrant/nn/dense.hpp"
#include "calibrant/nn/elementwise.hpp"
#include "calibrant/nn/ensemble.hpp"
#include "calibrant/nn/mlp.hpp"
#include "calibrant/nn/model.hpp"
#include "calibrant/nn/monotone.hpp"
#include "calibrant/nn/sequential.hpp"
#include "calibrant/nn/transform.hpp"
