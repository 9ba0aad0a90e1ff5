// What the library refuses, and how.
#pragma once

#include <doctest/doctest.h>

#include <exception>
#include <string>

#include "calibrant/error.hpp"

/// The message of the Error that f must throw: another exception is a failure, none gives "no error".
template <class F>
std::string error_of(const F& f) {
  try {
    f();
  } catch (const calibrant::Error& error) {
    return error.what();
  } catch (const std::exception& other) {
    FAIL("another exception: " << other.what());
  }
  return "no error";
}
