// The pictures of calibrate_jets, as a gnuplot script that reads the CSV tables next to it.
#pragma once

#include <string>
#include <utility>
#include <vector>

/// File and caption of each picture.
inline const std::vector<std::pair<std::string, std::string>> plots = {
    {"closure.svg", "Median response before and after the calibration; below, the calibrated one in detail"},
    {"resolution.svg", "Half of the 16 to 84 % range of reco / true over its median"},
    {"losses.svg", "Closure of the statistic that each loss learns"},
    {"residuals.svg",
     "Median of reco / true against each feature, true pT > 60 GeV, before (over its overall median) "
     "and after"},
    {"flavour.svg", "Median response of light quark and gluon jets"}};

/// @param statistics  those in losses.csv.
std::string plot_script(const std::vector<std::string>& statistics);
