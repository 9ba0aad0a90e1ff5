// Native units of the library. A quantity in native units carries no suffix in its name; any other unit does (pt_mev).
#pragma once

namespace calibrant::units {

inline constexpr double GeV = 1.0;
inline constexpr double MeV = 1e-3 * GeV;
inline constexpr double TeV = 1e3 * GeV;
inline constexpr double mm = 1.0;
inline constexpr double cm = 10.0 * mm;
inline constexpr double m = 1000.0 * mm;
inline constexpr double rad = 1.0;

}  // namespace calibrant::units
