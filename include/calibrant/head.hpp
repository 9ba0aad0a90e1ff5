// Everything of the head room: raw outputs of a network -> what the loss and the user understand.
#pragma once

#include "calibrant/head/quantiles.hpp"
