// Files in and out: tables (NPY, CSV), tensors (safetensors) and atomic writing.
#pragma once

#include "calibrant/io/atomic_file.hpp"
#include "calibrant/io/checksum.hpp"
#include "calibrant/io/conformal_file.hpp"
#include "calibrant/io/csv.hpp"
#include "calibrant/io/model_file.hpp"
#include "calibrant/io/npy.hpp"
#include "calibrant/io/read_file.hpp"
#include "calibrant/io/safetensors.hpp"
#include "calibrant/io/table.hpp"
