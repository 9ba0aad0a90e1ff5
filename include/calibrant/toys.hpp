// The published toy detectors with their exact laws.
#pragma once

#include "calibrant/toys/crystal_ball.hpp"
#include "calibrant/toys/events.hpp"
#include "calibrant/toys/expected_loss.hpp"
#include "calibrant/toys/gamma.hpp"
#include "calibrant/toys/jet.hpp"
#include "calibrant/toys/muon.hpp"
#include "calibrant/toys/two_features.hpp"
