#include "plots.hpp"

#include "jets.hpp"

namespace {

constexpr const char* head = R"(set datafile separator ','
set encoding utf8
set style line 1 linewidth 2 linecolor rgb '#888888' pointtype 6 pointsize 0.6
set style line 2 linewidth 2 linecolor rgb '#0072b2' pointtype 7 pointsize 0.6
set style line 3 linewidth 2 linecolor rgb '#d55e00' pointtype 5 pointsize 0.6
set style line 4 linewidth 2 linecolor rgb '#009e73' pointtype 9 pointsize 0.7
set style line 5 linewidth 1 linecolor rgb '#000000' dashtype 3
set grid linecolor rgb '#dddddd'
set bars 0
middle(low, high) = sqrt(low * high)
)";

constexpr const char* against_pt = R"(
set logscale x
set xrange [15:1500]
set xtics (15, 20, 30, 40, 60, 100, 200, 500, 1500)
set xlabel 'true p_T (GeV)'

set terminal svg enhanced size 800,700 background 'white'
set output 'closure.svg'
set multiplot layout 2,1
set ylabel 'median of reco / true'
set key right bottom
plot 'closure.csv' using (middle(column('pt_low'), column('pt_high'))):'before' with linespoints linestyle 1 title 'before', \
     '' using (middle(column('pt_low'), column('pt_high'))):'median' with linespoints linestyle 2 title 'after', \
     1 with lines linestyle 5 notitle
set yrange [0.95:1.05]
set ylabel 'median of calibrated / true'
plot 'closure.csv' using (middle(column('pt_low'), column('pt_high'))):'median':'pt_low':'pt_high':(column('median') - column('error')):(column('median') + column('error')) \
       with xyerrorbars linestyle 2 notitle, \
     1 with lines linestyle 5 notitle
unset multiplot

set terminal svg enhanced size 800,450 background 'white'
set output 'resolution.svg'
set yrange [0:*]
set ylabel 'half 68 % width / median'
set key right top
plot 'closure.csv' using (middle(column('pt_low'), column('pt_high'))):'width_before' with linespoints linestyle 1 title 'before', \
     '' using (middle(column('pt_low'), column('pt_high'))):'width' with linespoints linestyle 2 title 'after'

set output 'flavour.svg'
set yrange [*:*]
set ylabel 'median of reco / true'
set key right bottom
plot 'flavour.csv' using (middle(column('pt_low'), column('pt_high'))):'quark_before' with linespoints linestyle 1 title 'quark, before', \
     '' using (middle(column('pt_low'), column('pt_high'))):'gluon_before' with linespoints linestyle 1 dashtype 2 title 'gluon, before', \
     '' using (middle(column('pt_low'), column('pt_high'))):'quark_after' with linespoints linestyle 2 title 'quark, after', \
     '' using (middle(column('pt_low'), column('pt_high'))):'gluon_after' with linespoints linestyle 3 title 'gluon, after', \
     1 with lines linestyle 5 notitle

set output 'losses.svg'
set yrange [0.95:1.05]
set ylabel 'calibrated / true'
plot 1 with lines linestyle 5 notitle)";

constexpr const char* against_features = R"(

set terminal svg enhanced size 1200,1000 font ',11' background 'white'
set output 'residuals.svg'
unset logscale
set xrange [*:*]
set xtics autofreq font ',9'
set yrange [0.8:1.1]
set ylabel 'median of reco / true'
set key bottom left
set multiplot layout 4,3
)";

}  // namespace

std::string plot_script(const std::vector<std::string>& statistics) {
  std::string script = std::string(head) + against_pt;
  int style = 2;
  for (const auto& statistic : statistics)
    script += ", \\\n     'losses.csv' using (middle(column('pt_low'), column('pt_high'))):'" + statistic +
              "_closure':'" + statistic + "_error' with yerrorlines linestyle " + std::to_string(style++) + " title '" +
              statistic + "'";
  script += against_features;
  for (const char* feature : feature_names) {
    const std::string file = "'residual_" + std::string(feature) + ".csv'";
    script +=
        "set xlabel '" + std::string(feature) + "' noenhanced\nplot " + file +
        " using 'mean':'before':'before_error' with yerrorlines linestyle 1 title 'before', " + file +
        " using 'mean':'after':'after_error' with yerrorlines linestyle 2 title 'after', 1 with lines linestyle 5 "
        "notitle\nunset key\n";
  }
  return script + "unset multiplot\n";
}
