// The only place that includes xtensor's NPY reader, which moved from xtensor/ to xtensor/io/ in release 0.26.
#pragma once

#if __has_include(<xtensor/io/xnpy.hpp>)
#include <xtensor/io/xnpy.hpp>
#else
#include <xtensor/xnpy.hpp>
#endif
