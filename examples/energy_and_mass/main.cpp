// Energy and mass of jets calibrated together (the aim of ATLAS, arXiv:2311.08885, here by numerical inversion in two
// dimensions): one network learns how both are measured as a function of both truths, pT and m / pT, and is inverted by
// Newton's method. Beside it what is usual: the pT by itself, then the mass at the calibrated pT. Each for the measured
// values, and for better ones: estimates by networks that see all that is measured, whose bias the inversion takes out.
#include "jets.hpp"
#include "program/jet_settings.hpp"
#include "program/program.hpp"
#include "report.hpp"

int main(int argc, char** argv) {
  return examples::run_program("energy_and_mass", [&] {
    examples::JetSettings settings;
    if (!examples::read_settings(argc, argv, "energy_and_mass",
                                 "calibrates pT and mass of simulated jets together, by one response of both that is "
                                 "inverted in two dimensions, and one after the other, and compares",
                                 settings))
      return 0;
    examples::make_folder(settings.output);
    report(calibrate_jets(settings), settings);
    return 0;
  });
}
