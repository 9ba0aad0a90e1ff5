// Everything of the train room.
#pragma once

#include "calibrant/train/checkpoint.hpp"
#include "calibrant/train/dataset.hpp"
#include "calibrant/train/ensemble.hpp"
#include "calibrant/train/exchange.hpp"
#include "calibrant/train/options.hpp"
#include "calibrant/train/trainer.hpp"
