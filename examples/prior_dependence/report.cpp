#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <set>
#include <utility>
#include <vector>

#include "calibrant/validate/text_table.hpp"
#include "program/report.hpp"
#include "program/result_table.hpp"
#include "program/summary.hpp"

namespace {

namespace validate = calibrant::validate;
using examples::NamedTable;
using examples::ResultTable;

/// Cases that are shown together.
struct Group {
  std::string name;  ///< of files and in summary.json
  std::string title;
  std::string against;        ///< x or y
  std::string main_quantity;  ///< the one that is printed
  const std::vector<Case>& cases;
};

std::vector<Group> groups(const Findings& findings) {
  return {{"ni", "numerical inversion", "x", "mean", findings.inversions},
          {"direct", "direct regression", "x", "mean", findings.direct},
          {"regression", "direct regression against y", "y", "M", findings.regressions},
          {"map", "maximum a posteriori", "x", "mean", findings.modes},
          {"residual", "inversion after a direct regression", "x", "mean", findings.residuals}};
}

/// How many of the tabled points of some curves come out as they should.
struct Score {
  int points = 0;
  int within = 0;            ///< the tolerance
  int others_by_errors = 0;  ///< farther off, but within two errors

  void add(const std::vector<Case>& cases, const std::string& quantity) {
    for (const Case& one : cases)
      for (const Curve& curve : one.curves)
        if (curve.quantity == quantity)
          for (const Point& point : curve.points)
            if (point.is_tabled) add(point);
  }
  int others() const noexcept { return points - within; }

 private:
  void add(const Point& point) {
    // 3 % in the first point above the lower edge of the spectra, and below it.
    const double tolerance = point.at <= 25.0 ? 0.03 : 0.01, off = std::abs(point.deviation());
    ++points;
    if (off <= tolerance)
      ++within;
    else if (off <= 2.0 * point.relative_error())
      ++others_by_errors;
  }
};

struct Scored {
  std::string group, title, quantity;
  Score score;
};

std::vector<Scored> scores(const std::vector<Group>& groups) {
  std::vector<Scored> all;
  for (const Group& group : groups) {
    if (group.name == "residual") continue;  // where the response is flat there is no answer to compare
    std::set<std::string> done;
    for (const Case& one : group.cases)
      for (const Curve& curve : one.curves) {
        if (!done.insert(curve.quantity).second) continue;
        all.push_back({group.name, group.title, curve.quantity, {}});
        all.back().score.add(group.cases, curve.quantity);
      }
  }
  return all;
}

ResultTable score_table(const std::vector<Scored>& all) {
  ResultTable table("Points next to exact values: within 1 % (3 % up to 25 GeV), and the others by their errors",
                    {{"what"}, {"quantity"}, {"points"}, {"within"}, {"others within 2 errors"}, {"others beyond"}});
  for (const auto& [group, title, quantity, score] : all)
    table.add_row({title, quantity, ResultTable::count(score.points), ResultTable::count(score.within),
                   ResultTable::count(score.others_by_errors),
                   ResultTable::count(score.others() - score.others_by_errors)});
  return table;
}

/// Of every curve the tabled point that is farthest off.
ResultTable worst_table(const std::string& title, const std::vector<Case>& cases) {
  ResultTable table(title, {{"case"}, {"curve"}, {"at"}, {"exact", 4}, {"found", 4}, {"off_%", 2}, {"error_%", 2}});
  for (const Case& one : cases)
    for (const Curve& curve : one.curves) {
      const Point& worst = curve.worst();
      table.add_row({one.name(), curve.quantity, worst.at, worst.exact, worst.found.value, 100.0 * worst.deviation(),
                     100.0 * worst.relative_error()});
    }
  return table;
}

/// One quantity of several cases side by side: exact, found and the error of the latter.
ResultTable side_by_side(const std::string& title, const std::vector<const Case*>& cases, const std::string& quantity,
                         const std::string& against, int decimals) {
  std::vector<ResultTable::Column> columns = {{against}};
  for (const Case* one : cases) {
    columns.push_back({one->method, decimals});
    columns.push_back({"found", decimals});
    columns.push_back({"error", decimals});
  }
  ResultTable table(title, columns);
  for (const Point& row : cases.front()->curve(quantity).points) {
    if (!row.is_tabled) continue;
    std::vector<ResultTable::Cell> cells = {row.at};
    for (const Case* one : cases) {
      const Point& point = one->curve(quantity).at(row.at);
      cells.insert(cells.end(), {point.exact, point.found.value, point.found.error});
    }
    table.add_row(std::move(cells));
  }
  return table;
}

std::vector<const Case*> of_detector(const std::vector<Case>& cases, const std::string& detector) {
  std::vector<const Case*> found;
  for (const Case& one : cases)
    if (one.detector.name() == detector) found.push_back(&one);
  return found;
}

/// All curves of a case, at all points; f is the response at x.
ResultTable curves_table(const Case& one, const Group& group) {
  const bool against_x = group.against == "x";
  std::vector<ResultTable::Column> columns = {{group.against}};
  if (against_x) columns.push_back({"f", 3});
  for (const Curve& curve : one.curves)
    columns.insert(columns.end(),
                   {{curve.quantity, 4}, {curve.quantity + "_exact", 4}, {curve.quantity + "_error", 4}});
  ResultTable table("f and sigma " + one.detector.name() + ", " + one.method + ": " + group.title, columns);
  for (std::size_t i = 0; i < one.curves.front().points.size(); ++i) {
    const double at = one.curves.front().points[i].at;
    std::vector<ResultTable::Cell> cells = {at};
    if (against_x) cells.emplace_back(one.detector.f(at));
    for (const Curve& curve : one.curves) {
      const Point& point = curve.points[i];
      cells.insert(cells.end(), {point.found.value, point.exact, point.found.error});
    }
    table.add_row(std::move(cells));
  }
  return table;
}

void summarise(const Group& group, examples::Summary& summary) {
  for (const Case& one : group.cases) {
    const std::string name = group.name + "." + one.name() + ".";
    for (const Curve& curve : one.curves) {
      const Point& worst = curve.worst();
      summary.set(name + curve.quantity + ".max_abs", std::abs(worst.deviation()));
      summary.set(name + curve.quantity + ".max_abs.error", worst.relative_error());
      summary.set(name + curve.quantity + ".max_abs.at", worst.at);
      for (const Point& point : curve.points) {
        if (!point.is_tabled) continue;
        const std::string at = name + curve.quantity + "." + validate::general(point.at);
        summary.set(at, point.found.value);
        summary.set(at + ".exact", point.exact);
        summary.set(at + ".error", point.found.error);
      }
    }
    const Curve& main = one.curve(group.main_quantity);
    summary.set(name + "max_abs", std::abs(main.worst().deviation()));
    if (group.against != "x") continue;
    summary.set(name + "edge", std::abs(main.at(20.0).deviation()));
    summary.set(name + "first_point", std::abs(main.at(25.0).deviation()));
  }
}

struct Picture {
  const char *group, *quantity, *axis, *caption;
};
constexpr Picture pictures[] = {
    {"direct", "mean", "mean of estimate / x",
     "Direct regression: what it answers at given x depends on the spectrum of the training"},
    {"direct", "median", "M(f(x)) / x", "Direct regression: the median"},
    {"direct", "sd", "standard deviation / x",
     "Direct regression: a narrow distribution is no merit where the mean is wrong"},
    {"direct", "slope", "d mean of M(Y) / d x",
     "Direct regression: the response flattens at both ends of the spectrum"},
    {"regression", "M", "M(y) - y (GeV)", "Direct regression: what it learns"},
    {"regression", "sd", "sd of x at y (GeV)", "Direct regression: standard deviation of x at given y"},
    {"direct", "mode", "mode of estimate / x", "Direct regression: the mode"},
    {"regression", "M_slope", "d M / d y", "Direct regression: the slope of what it learns"},
    {"map", "mean", "mean of estimate / x", "Maximum a posteriori: its mean at given x"},
    {"map", "median", "estimate at y = f(x) / x", "Maximum a posteriori: its median at given x"},
    {"ni", "mode", "mode of calibrated / x", "Numerical inversion: the mode"},
    {"ni", "mean", "mean of calibrated / x", "Numerical inversion: the mean, which closes where f is straight"},
    {"ni", "median", "median of calibrated / x", "Numerical inversion: the median, which closes"},
    {"ni", "sd", "standard deviation / x", "Numerical inversion: the width"},
    {"residual", "response_slope", "slope of what is inverted",
     "Inversion after a direct regression: the response, flat at the ends"},
    {"residual", "mean", "mean of calibrated / x", "Inversion after a direct regression: the mean"},
    {"residual", "sd", "standard deviation / x", "Inversion after a direct regression: the width"},
    {"residual", "not_invertible", "part of the events",
     "Inversion after a direct regression: events without a result"}};

/// Each picture has a panel for every detector; lines are exact, points found.
constexpr const char* plot_head = R"(set datafile separator ','
set encoding utf8
set terminal svg noenhanced size 1000,760 background 'white'
set grid linecolor rgb '#dddddd'
set key bmargin center horizontal
set style line 1 linewidth 1.5 linecolor rgb '#0072b2' pointtype 7 pointsize 0.4
set style line 2 linewidth 1.5 linecolor rgb '#009e73' pointtype 5 pointsize 0.4
set style line 3 linewidth 1.5 linecolor rgb '#d55e00' pointtype 9 pointsize 0.5
detectors = 'mu.varying mu.constant linear.varying linear.constant'
priors = 'uniform exponential power'
policies = 'linear_extrapolation true_inverse clamped'
file(group, detector, method) = group.'.'.detector.'.'.method.'.csv'
)";

std::string plot_script() {
  std::string script = plot_head;
  for (const Picture& picture : pictures) {
    const std::string group = picture.group, quantity = picture.quantity;
    const std::string methods = group == "ni" ? "policies" : "priors";
    const std::string axis = group == "regression" ? "measured y (GeV)" : "true x (GeV)";
    // Estimates of x in GeV are shown as their distance to y.
    const std::string minus = quantity == "M" ? " - column(1)" : "";
    const std::string range = quantity == "not_invertible" ? "-0.02:0.5" : "*:*";  // all may be 0
    // What sticks to an edge, as by the last policy, has no mode.
    const std::string last = group == "ni" && quantity == "mode" ? "2" : "3";
    const std::string files =
        "for [i = 1:" + last + "] file('" + group + "', d, word(" + methods + ", i)) using 1:(column('";
    script += "set output '" + group + "_" + quantity + ".svg'\nset xlabel '" + axis + "'\nset ylabel '" +
              picture.axis + "'\nset yrange [" + range +
              "]\nset multiplot layout 2,2\ndo for [d in detectors] {\n  set title 'f and sigma: '.d\n  plot " + files +
              quantity + "_exact')" + minus + ") with lines linestyle i title word(" + methods + ", i), \\\n" +
              "       " + files + quantity + "')" + minus + "):'" + quantity +
              "_error' with yerrorbars linestyle i notitle\n}\nunset multiplot\n";
  }
  return script;
}

double largest(const std::vector<Case>& cases, const std::string& quantity) {
  double deviation = 0.0;
  for (const Case& one : cases) deviation = std::max(deviation, std::abs(one.curve(quantity).worst().deviation()));
  return deviation;
}

std::string conclusion(const Findings& findings) {
  const auto per_cent = [](double value) { return validate::fixed(100.0 * value, 2) + " %"; };
  Score all;
  for (const Scored& one : scores(groups(findings))) {
    all.points += one.score.points;
    all.within += one.score.within;
    all.others_by_errors += one.score.others_by_errors;
  }
  const std::string others = all.others() == 0 ? ""
                                               : " Of the " + std::to_string(all.others()) + " others " +
                                                     std::to_string(all.others_by_errors) + " are within two errors.";
  return "Of the " + std::to_string(all.points) + " tabled points " + std::to_string(all.within) +
         " are within 1 % (3 % up to 25 GeV) of the exact values." + others +
         " Largest distance of the networks from the exact curves: numerical inversion " +
         per_cent(largest(findings.inversions, "mean")) + " (mean) and " +
         per_cent(largest(findings.inversions, "median")) + " (median), direct regression " +
         per_cent(largest(findings.direct, "mean")) + " and " + per_cent(largest(findings.direct, "median")) +
         ", M(y) " + per_cent(largest(findings.regressions, "M")) + ", maximum a posteriori " +
         per_cent(largest(findings.modes, "mean")) + " (mean) and " + per_cent(largest(findings.modes, "median")) +
         " (at y = f(x)). " + std::to_string(findings.n_networks) + " networks in " +
         validate::fixed(findings.seconds, 0) + " s.";
}

std::vector<NamedTable> tables(const Findings& findings) {
  const std::vector<Group> all_groups = groups(findings);
  std::vector<NamedTable> all;
  for (const Detector& detector : detectors) {
    const std::string name = detector.name();
    const auto add = [&](const std::string& file, const std::string& title, const std::vector<Case>& cases,
                         const std::string& quantity, const std::string& against, int decimals) {
      all.push_back({file + "." + name + ".csv",
                     side_by_side("f and sigma " + name + ": " + title + "; exact, found and its error",
                                  of_detector(cases, name), quantity, against, decimals),
                     true});
    };
    add("ni_mean", "numerical inversion, mean of calibrated / x", findings.inversions, "mean", "x", 4);
    add("direct_mean", "direct regression, mean of M(Y) / x, by the spectrum of the training", findings.direct, "mean",
        "x", 4);
    add("regression_m", "direct regression, M(y) (GeV)", findings.regressions, "M", "y", 3);
    add("map_mean", "maximum a posteriori, mean of estimate / x, by the spectrum of the training", findings.modes,
        "mean", "x", 4);
    add("residual_mean", "inversion of the response of M, mean of calibrated / x", findings.residuals, "mean", "x", 4);
    add("residual_slope", "inversion of the response of M, slope of that response", findings.residuals,
        "response_slope", "x", 4);
    add("residual_failed", "inversion of the response of M, part of the events without a result", findings.residuals,
        "not_invertible", "x", 4);
  }
  const std::string worst = ": of each curve the point that is farthest off";
  all.push_back({"ni.csv", worst_table("Numerical inversion" + worst, findings.inversions), true});
  all.push_back({"direct.csv", worst_table("Direct regression against x" + worst, findings.direct), true});
  all.push_back({"regression.csv", worst_table("Direct regression against y" + worst, findings.regressions), true});
  all.push_back({"map.csv", worst_table("Maximum a posteriori" + worst, findings.modes), true});
  all.push_back({"scores.csv", score_table(scores(all_groups)), true});
  for (const Group& group : all_groups)
    for (const Case& one : group.cases)
      all.push_back({group.name + "." + one.name() + ".csv", curves_table(one, group), false});
  return all;
}

}  // namespace

void report(const Findings& findings, const Settings& settings) {
  std::vector<std::pair<std::string, std::string>> shown;
  for (const Picture& picture : pictures)
    shown.emplace_back(std::string(picture.group) + "_" + picture.quantity + ".svg", picture.caption);
  const std::string no_pictures = examples::present(
      {"Direct regression and numerical inversion",
       {"Y at given x is normal around f(x) with width sigma(x): f is mu of the jet toy or x itself (linear), sigma "
        "that of the toy (varying) or 8 GeV (constant). Spectra of the training from 20 to 200 GeV: uniform, exp(-x / "
        "30 GeV) (exponential), x^-5 (power). Lines are exact, points are averages of " +
            std::to_string(settings.nets) +
            " networks, with errors from their spread: what all of them get wrong in the same way is not in these.",
        "Events of a regression are drawn with a flat spectrum of y, as the network sees it, and weights that depend "
        "on "
        "y alone: neither changes x at given y. At each y (a response: at each x) are " +
            std::to_string(Settings::group_size) +
            " events, one from each hundredth of their distribution, so that their mean has little noise; the squared "
            "loss takes them as "
            "one, which changes it by a constant.",
        "The maximum a posteriori is where a learned density of x at given y is largest: the exponential of a "
        "polynomial "
        "in x between the ends of the spectrum, with coefficients from a network, by maximum likelihood. It needs no "
        "kernel, whose width would pull the maximum off the ends.",
        conclusion(findings)},
       plot_script(),
       shown,
       tables(findings)},
      settings.output);
  examples::Summary summary;
  summary.set("train.events", settings.events);
  summary.set("train.epochs", settings.epochs);
  summary.set("train.nets", settings.nets);
  summary.set("train.threads", settings.threads);
  summary.set("train.seed", settings.seed);
  summary.set("train.networks", findings.n_networks);
  summary.set("seconds", findings.seconds);
  summary.set("ni.max_abs", largest(findings.inversions, "mean"));
  summary.set("ni.median.max_abs", largest(findings.inversions, "median"));
  summary.set("direct.max_abs", largest(findings.direct, "mean"));
  summary.set("direct.median.max_abs", largest(findings.direct, "median"));
  summary.set("regression.max_abs", largest(findings.regressions, "M"));
  summary.set("map.max_abs", largest(findings.modes, "mean"));
  summary.set("map.median.max_abs", largest(findings.modes, "median"));
  const std::vector<Group> all = groups(findings);
  for (const auto& [group, title, quantity, score] : scores(all)) {
    const std::string name = "scores." + group + "." + quantity + ".";
    summary.set(name + "points", score.points);
    summary.set(name + "within", score.within);
    summary.set(name + "others", score.others());
    summary.set(name + "others_within_2_errors", score.others_by_errors);
  }
  for (const Group& group : all) summarise(group, summary);
  summary.write(settings.output + "/summary.json");
  std::cout << '\n' << conclusion(findings) << '\n';
  examples::say_written(no_pictures, settings.output, "summary.json and tables");
}
