// The mean and the mode of a calorimeter's response, each learned by 25 networks: figures 3 and 4 of arXiv:1910.03773
// (Cheong, Cukierman, Nachman, Safdari, Schwartzman), compared with the exact mean and with the exact minimiser of the
// leaky Gaussian kernel loss. Toy, network and losses are those of its section 4.1.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "calibrant/loss/point.hpp"
#include "calibrant/nn/activation.hpp"
#include "calibrant/nn/mlp.hpp"
#include "calibrant/toys/expected_loss.hpp"
#include "calibrant/toys/jet.hpp"
#include "calibrant/train/ensemble.hpp"
#include "program/options.hpp"
#include "program/program.hpp"
#include "program/report.hpp"
#include "program/result_table.hpp"
#include "program/summary.hpp"

namespace {

namespace cal = calibrant;
using examples::ResultTable;

using Network = cal::Mlp<cal::Inputs<2>, cal::Hidden<50, cal::PReLU>, cal::Outputs<1>>;
using Networks = cal::Ensemble<cal::Model<Network>>;

// True energies of the training events, and those where the networks are held to account; GeV.
constexpr double x_low = 10.0, x_high = 200.0;
constexpr double judged_low = 30.0, judged_high = 180.0;

/// Of the paper, in the unit of the standardised target.
constexpr cal::loss::LeakyGaussianKernel kernel_loss{.bandwidth = 0.1, .leakiness = 1e-4};

struct Settings {
  std::string output = "learn_response_output";
  std::uint64_t seed = 1;
  int threads = 2;
  int nets = 25;
  int epochs = 20;
  std::int64_t events = 500'000;
};

bool read_settings(int argc, char** argv, Settings& settings) {
  examples::Options options("learn_response",
                            "learns mean and mode of a toy calorimeter's response with ensembles of small networks and "
                            "compares them with the exact answer");
  options.add("--output", settings.output, "DIR", "folder for tables, plots and summary.json");
  options.add("--seed", settings.seed, std::uint64_t{0}, "of events, initial weights and order of the events");
  options.add("--threads", settings.threads, 1, "networks trained side by side; results do not depend on it");
  options.add("--nets", settings.nets, 1, "networks for each loss");
  options.add("--epochs", settings.epochs, 1, "passes over the events");
  options.add("--events", settings.events, std::int64_t{1}, "training events");
  return options.parse(argc, argv);
}

/// True energy x, the second input x^3 ("to ease the learning of a non-linear function"), measured energy y; GeV.
cal::Table training_events(const cal::toys::Jet& jet, const Settings& settings) {
  const auto events = jet.sample<float>(settings.events, settings.seed, x_low, x_high);
  std::vector<float> values;
  for (std::size_t i = 0; i < events.x.size(); ++i) {
    const float x = events.x[i];
    values.insert(values.end(), {x, x * x * x, events.y[i]});
  }
  return {{"x", "x^3", "y"}, std::move(values), "the jet toy"};
}

cal::FitOptions training_plan(const Settings& settings) {
  cal::FitOptions plan;
  plan.epochs = settings.epochs;
  plan.batch_size = static_cast<int>(std::min<std::int64_t>(settings.events, 2048));
  plan.seed = settings.seed;
  plan.output = cal::Output::standardised;
  plan.adam.learning_rate = 0.01;
  plan.schedule = cal::schedule::Cosine{};
  plan.validation_fraction = 0.0;
  plan.threads = settings.threads;
  return plan;
}

double predict(const cal::Model<Network>& net, double x) {
  const auto energy = static_cast<float>(x);
  return net({energy, energy * energy * energy})[0];
}

/// The networks' answers at one x: their average and their spread.
cal::validate::Estimate predict(const Networks& nets, double x) {
  const auto n = static_cast<double>(nets.members().size());
  double sum = 0.0, squares = 0.0;
  for (const auto& net : nets.members()) sum += predict(net, x) / n;
  for (const auto& net : nets.members()) squares += (predict(net, x) - sum) * (predict(net, x) - sum);
  return {sum, n > 1.0 ? std::sqrt(squares / (n - 1.0)) : 0.0};
}

struct Learned {
  Networks mean, mode;
  double mean_seconds, mode_seconds;
  cal::toys::LeakyKernel kernel_gev;  ///< the loss in the unit of the energies
};

Learned learn(const cal::Dataset& data, const Settings& settings) {
  const cal::FitOptions plan = training_plan(settings);
  const examples::Stopwatch mean_watch;
  Networks mean = cal::fit_ensemble<Network>(data, cal::loss::Squared{}, plan, settings.nets);
  const double mean_seconds = mean_watch.seconds();
  const examples::Stopwatch mode_watch;
  Networks mode = cal::fit_ensemble<Network>(data, kernel_loss, plan, settings.nets);
  const double mode_seconds = mode_watch.seconds();
  const double scale = mode.members()[0].outputs[0].scale;
  return {std::move(mean),
          std::move(mode),
          mean_seconds,
          mode_seconds,
          {kernel_loss.bandwidth * scale, kernel_loss.leakiness / (scale * scale)}};
}

/// Exact and learned statistics at one true energy, GeV.
struct Point {
  double x, mu, sigma;
  double exact_mean, exact_mode;  ///< the latter is the minimiser of the loss, not mu
  cal::validate::Estimate mean, mode;

  double mean_error() const { return mean.value / exact_mean - 1.0; }
  double mode_error() const { return mode.value / exact_mode - 1.0; }
  bool is_judged() const { return x >= judged_low && x <= judged_high; }
};

std::vector<Point> compare(const cal::toys::Jet& jet, const Learned& learned) {
  std::vector<Point> points;
  for (double x = x_low; x <= x_high; x += 1.0) {
    const auto law = jet.law(x);
    points.push_back({x, jet.mu(x), jet.sigma(x), law.mean(),
                      cal::toys::minimise_leaky_kernel_loss(law, learned.kernel_gev).minimiser,
                      predict(learned.mean, x), predict(learned.mode, x)});
  }
  return points;
}

/// @param every  take each point whose x is a multiple of it, GeV.
ResultTable comparison_table(const std::vector<Point>& points, double every) {
  ResultTable table("Averages of the networks and exact statistics of the response (GeV; spread of the networks)",
                    {{"x"},
                     {"mu", 3},
                     {"exact_mean", 3},
                     {"mean_nets", 3},
                     {"spread", 3},
                     {"error_per_cent", 3},
                     {"exact_mode", 3},
                     {"mode_nets", 3},
                     {"mode_spread", 3},
                     {"mode_error_per_cent", 3},
                     {"exact_mode_minus_mu", 3},
                     {"sigma", 3}});
  for (const Point& point : points)
    if (std::fmod(point.x, every) == 0.0)
      table.add_row({point.x, point.mu, point.exact_mean, point.mean.value, point.mean.error,
                     100.0 * point.mean_error(), point.exact_mode, point.mode.value, point.mode.error,
                     100.0 * point.mode_error(), point.exact_mode - point.mu, point.sigma});
  return table;
}

ResultTable scatter_table(const cal::Table& events) {
  ResultTable table("Some of the events", {{"x"}, {"y"}});
  constexpr std::int64_t shown = 300;  // as in the paper's figure 3
  for (std::int64_t i = 0; i < std::min(shown, events.n_rows()); ++i)
    table.add_row({static_cast<double>(events(i, 0)), static_cast<double>(events(i, 2))});
  return table;
}

/// Every network by itself: x, mu, then the means, then the modes.
ResultTable curves_table(const cal::toys::Jet& jet, const Learned& learned) {
  std::vector<ResultTable::Column> columns = {{"x"}, {"mu"}};
  for (std::size_t i = 1; i <= learned.mean.members().size(); ++i) columns.push_back({"mean_" + std::to_string(i)});
  for (std::size_t i = 1; i <= learned.mode.members().size(); ++i) columns.push_back({"mode_" + std::to_string(i)});
  ResultTable table("Each network", columns);
  for (double x = x_low; x <= x_high; x += 2.0) {
    std::vector<ResultTable::Cell> row = {x, jet.mu(x)};
    for (const auto& net : learned.mean.members()) row.emplace_back(predict(net, x));
    for (const auto& net : learned.mode.members()) row.emplace_back(predict(net, x));
    table.add_row(row);
  }
  return table;
}

double largest_error(const std::vector<Point>& points, double (Point::*error)() const) {
  double largest = 0.0;
  for (const Point& point : points)
    if (point.is_judged()) largest = std::max(largest, std::abs((point.*error)()));
  return largest;
}

examples::Summary summarise(const std::vector<Point>& points, const Learned& learned, const Settings& settings) {
  examples::Summary summary;
  summary.set("train.events", settings.events);
  summary.set("train.epochs", settings.epochs);
  summary.set("train.nets", settings.nets);
  summary.set("train.threads", settings.threads);
  summary.set("train.seed", settings.seed);
  summary.set("train.seconds", learned.mean_seconds + learned.mode_seconds);
  summary.set("train.mean.seconds", learned.mean_seconds);
  summary.set("train.mode.seconds", learned.mode_seconds);
  summary.set("loss.h_gev", learned.kernel_gev.bandwidth);
  summary.set("loss.alpha_gev", learned.kernel_gev.leakiness);
  summary.set("mean.max_abs_error", largest_error(points, &Point::mean_error));
  summary.set("mode.max_abs_error", largest_error(points, &Point::mode_error));
  for (const Point& point : points) {
    if (std::fmod(point.x, 10.0) != 0.0) continue;
    const std::string x = std::to_string(static_cast<int>(point.x));
    summary.set("mean.error." + x, point.mean_error());
    summary.set("mode.error." + x, point.mode_error());
    summary.set("mean.spread." + x, point.mean.error);
    summary.set("mode.spread." + x, point.mode.error);
    summary.set("mean.distance_to_mu." + x, point.exact_mean - point.mu);
    summary.set("mode.distance_to_mu." + x, point.exact_mode - point.mu);
  }
  return summary;
}

/// Reads the tables; n, the number of networks of each kind, is to be set before.
constexpr const char* plot_script = R"(set datafile separator ','
set encoding utf8
set terminal svg enhanced size 800,600 background 'white'
set grid linecolor rgb '#dddddd'
set xlabel 'true energy x (GeV)'
set ylabel 'measured energy y (GeV)'
set key left top

set output 'figure_3.svg'
plot 'comparison.csv' using 'x':(column('mu') - column('sigma')):(column('mu') + column('sigma')) with filledcurves linecolor rgb '#cfe2f3' title '{/Symbol m} {/Symbol \261} {/Symbol s}', \
     '' using 'x':'mu' with lines linewidth 2 linecolor rgb '#000000' title '{/Symbol m}', \
     'scatter.csv' using 'x':'y' with points pointtype 7 pointsize 0.4 linecolor rgb '#888888' title '300 events'

set output 'figure_4a.svg'
set ylabel 'difference to {/Symbol m}(x) (GeV)'
set key right top
set yrange [-6:6]
plot for [i = 3:n + 2] 'networks.csv' skip 1 using 1:(column(i) - column(2)) with lines linecolor rgb '#d55e00' notitle, \
     for [i = n + 3:2 * n + 2] '' skip 1 using 1:(column(i) - column(2)) with lines linecolor rgb '#009e73' notitle, \
     keyentry with lines linecolor rgb '#d55e00' title 'each mean net', \
     keyentry with lines linecolor rgb '#009e73' title 'each mode net', \
     0 with lines dashtype 3 linecolor rgb '#000000' notitle

set output 'figure_4b.svg'
plot 'comparison.csv' using 'x':(column('exact_mean') - column('mu')) with lines linewidth 2 linecolor rgb '#d55e00' title 'exact mean', \
     '' using 'x':(column('mean_nets') - column('mu')) with points pointtype 6 pointsize 0.5 linecolor rgb '#d55e00' title 'average of the mean nets', \
     '' using 'x':'exact_mode_minus_mu' with lines linewidth 2 linecolor rgb '#009e73' title 'exact minimiser of the kernel loss', \
     '' using 'x':(column('mode_nets') - column('mu')) with points pointtype 4 pointsize 0.5 linecolor rgb '#009e73' title 'average of the mode nets', \
     0 with lines dashtype 3 linecolor rgb '#000000' notitle
)";

std::string conclusion(const std::vector<Point>& points, const Learned& learned) {
  const auto per_cent = [](double value) { return cal::validate::fixed(100.0 * value, 2) + " %"; };
  return "Largest error of the averages for x from 30 to 180 GeV: mean " +
         per_cent(largest_error(points, &Point::mean_error)) + ", mode " +
         per_cent(largest_error(points, &Point::mode_error)) +
         ". The kernel loss in GeV: h = " + cal::validate::general(learned.kernel_gev.bandwidth) +
         ", alpha = " + cal::validate::general(learned.kernel_gev.leakiness) +
         " (h s and alpha / s^2, s the standard deviation of y); its exact minimiser is not mu(x): the distance is "
         "the method's own. Training took " +
         cal::validate::fixed(learned.mean_seconds, 1) + " s (mean) and " +
         cal::validate::fixed(learned.mode_seconds, 1) + " s (mode).";
}

void run(const Settings& settings) {
  examples::make_folder(settings.output);
  const cal::toys::Jet jet;
  const cal::Table events = training_events(jet, settings);
  std::cout << settings.nets << " + " << settings.nets << " networks, " << settings.events << " events, "
            << settings.epochs << " epochs, " << settings.threads << " thread(s)" << std::endl;
  const Learned learned = learn(cal::Dataset(events, {"x", "x^3"}, "y"), settings);
  const std::vector<Point> points = compare(jet, learned);

  const ResultTable table = comparison_table(points, 10.0);
  table.print(std::cout);
  comparison_table(points, 1.0).write_csv(settings.output + "/comparison.csv");
  scatter_table(events).write_csv(settings.output + "/scatter.csv");
  curves_table(jet, learned).write_csv(settings.output + "/networks.csv");

  const std::string no_pictures =
      examples::draw(settings.output, "n = " + std::to_string(settings.nets) + "\n" + plot_script);
  examples::HtmlReport page("Mean and mode of a calorimeter's response", settings.output, no_pictures);
  page.add_text(conclusion(points, learned));
  page.add_picture("figure_3.svg", "Some of the events (figure 3 of arXiv:1910.03773)");
  page.add_picture("figure_4a.svg", "Each network (figure 4a), as its distance to mu");
  page.add_picture("figure_4b.svg", "Averages of the networks and exact statistics (figure 4b), as distances to mu");
  page.add(table);
  page.write();
  summarise(points, learned, settings).write(settings.output + "/summary.json");
  std::cout << '\n' << conclusion(points, learned) << '\n';
  examples::say_written(no_pictures, settings.output, "summary.json and tables");
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run_program("learn_response", [&] {
    Settings settings;
    if (!read_settings(argc, argv, settings)) return 0;
    run(settings);
    return 0;
  });
}
