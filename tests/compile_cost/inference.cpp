// A program that evaluates a calibration whose parameters it is given.
#include "calibrant/inference.hpp"

using Net = calibrant::Mlp<calibrant::Inputs<3>, calibrant::Hidden<64>, calibrant::Hidden<64>, calibrant::Hidden<64>,
                           calibrant::Outputs<1>>;

float calibrate(const calibrant::Calibration<calibrant::Model<Net>>& calibration, float pt, float eta, float ntrk);
float calibrate(const calibrant::Calibration<calibrant::Model<Net>>& calibration, float pt, float eta, float ntrk) {
  return calibration(pt, {eta, ntrk}).value;
}
