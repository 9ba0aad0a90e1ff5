// What the kernels ask of the compiler, in one place.
#pragma once

// Loops over registers have small constant bounds and must vanish, or accumulators live in memory instead of registers.
#if defined(__clang__)
#define CALIBRANT_UNROLL _Pragma("unroll")
#define CALIBRANT_UNROLL_SMALL _Pragma("unroll(4)")
#elif defined(__GNUC__)
#define CALIBRANT_UNROLL _Pragma("GCC unroll 64")
#define CALIBRANT_UNROLL_SMALL _Pragma("GCC unroll 4")
#else
#define CALIBRANT_UNROLL
#define CALIBRANT_UNROLL_SMALL
#endif

#if defined(__GNUC__)
#define CALIBRANT_INLINE inline __attribute__((always_inline))
#define CALIBRANT_NOINLINE __attribute__((noinline))
// Files, messages, reports: what runs once is compiled for size, which takes the compiler half the time.
#define CALIBRANT_COLD __attribute__((noinline, cold))
#define CALIBRANT_LAMBDA_INLINE __attribute__((always_inline))
#define CALIBRANT_PREFETCH(address) __builtin_prefetch(address, 0, 2)
#else
#define CALIBRANT_INLINE inline
#define CALIBRANT_NOINLINE
#define CALIBRANT_COLD
#define CALIBRANT_LAMBDA_INLINE
#define CALIBRANT_PREFETCH(address) static_cast<void>(address)
#endif
