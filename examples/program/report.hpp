// Pictures by gnuplot, where it is installed, and a page that shows them with the tables, where it is not without them.
#pragma once

#include <filesystem>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "calibrant/error.hpp"
#include "calibrant/io/atomic_file.hpp"
#include "program/program.hpp"
#include "program/result_table.hpp"

namespace examples {

/// How pictures look, for the beginning of a script: CSV, five styles of lines and points, the first one grey.
inline constexpr const char* plot_head = R"(set datafile separator ','
set encoding utf8
set terminal svg enhanced size 800,500 background 'white'
set grid linecolor rgb '#dddddd'
set key outside right top
set style line 1 linewidth 2 linecolor rgb '#888888' pointtype 6 pointsize 0.7
set style line 2 linewidth 2 linecolor rgb '#0072b2' pointtype 7 pointsize 0.7
set style line 3 linewidth 2 linecolor rgb '#56b4e9' pointtype 5 pointsize 0.7
set style line 4 linewidth 2 linecolor rgb '#009e73' pointtype 9 pointsize 0.8
set style line 5 linewidth 2 linecolor rgb '#d55e00' pointtype 11 pointsize 0.8
)";

/// Writes `script` to the folder as plots.gp and lets gnuplot run it there.
/// @return why there are no pictures; empty if all went well.
inline std::string draw(const std::string& folder, const std::string& script) {
  calibrant::io::write_file(folder + "/plots.gp", script);
  const int code = run_process({"gnuplot", "plots.gp"}, folder);
  if (code == program_not_found) return "gnuplot is not installed";
  return code == 0 ? "" : "gnuplot ended with exit code " + std::to_string(code);
}

/// A table, the file it is written to as CSV, and whether it is printed as well.
struct NamedTable {
  std::string file;
  ResultTable table;
  bool on_screen;
};

/// @throws calibrant::Error if a file cannot be written.
inline void publish(const std::vector<NamedTable>& tables, const std::string& folder) {
  for (const NamedTable& one : tables) {
    if (one.on_screen) one.table.print(std::cout);
    one.table.write_csv(folder + "/" + one.file);
  }
}

/// The last words of an example.
/// @param no_pictures  why there are none; empty if there are.
/// @param what         is in the folder beside report.html.
inline void say_written(const std::string& no_pictures, const std::string& folder, const std::string& what) {
  if (!no_pictures.empty()) std::cout << "\nNo plots: " << no_pictures << ".\n";
  std::cout << "\nWritten: " << folder << "/report.html, " << what << '\n';
}

/// A page of headings, text, tables and pictures, in the order they are added.
class HtmlReport {
 public:
  /// @param folder    where the page and its pictures are.
  /// @param no_pictures  why there are none; empty if there are.
  HtmlReport(std::string title, std::string folder, std::string no_pictures)
      : title_(std::move(title)), folder_(std::move(folder)), no_pictures_(std::move(no_pictures)) {
    if (!no_pictures_.empty()) add_text("No pictures: " + no_pictures_ + ". The tables hold the same numbers.");
  }

  void add_text(const std::string& text) { body_ += "<p>" + html_escaped(text) + "</p>\n"; }
  void add(const ResultTable& table) { body_ += "<h2>" + html_escaped(table.title()) + "</h2>\n" + table.html(); }
  void add_picture(const std::string& file, const std::string& caption) {
    if (no_pictures_.empty())
      body_ += "<figure><img src=\"" + file + "\" alt=\"" + html_escaped(caption) + "\"><figcaption>" +
               html_escaped(caption) + "</figcaption></figure>\n";
  }

  /// @throws calibrant::Error if the file cannot be written.
  void write() const {
    calibrant::io::write_file(
        folder_ + "/report.html",
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>" + html_escaped(title_) +
            "</title>\n<style>\n"
            "body { font-family: sans-serif; max-width: 72em; margin: 2em auto; padding: 0 1em; }\n"
            "table { border-collapse: collapse; font-variant-numeric: tabular-nums; }\n"
            "th, td { padding: 0.2em 0.7em; text-align: right; border-bottom: 1px solid #ddd; }\n"
            "td.text { text-align: left; }\nfigure { margin: 1.5em 0; }\nimg { max-width: 100%; }\n"
            "</style>\n</head>\n<body>\n<h1>" +
            html_escaped(title_) + "</h1>\n" + body_ + "</body>\n</html>\n");
  }

 private:
  std::string title_, folder_, no_pictures_, body_;
};

/// What a study shows.
struct Study {
  std::string title;
  std::vector<std::string> texts;
  std::string script;                                         ///< that draws the pictures, for gnuplot
  std::vector<std::pair<std::string, std::string>> pictures;  ///< file and caption
  std::vector<NamedTable> tables;
};

/// Tables on the screen and as CSV, pictures, and the page of all of them.
/// @return why there are no pictures; empty if there are.
/// @throws calibrant::Error if a file cannot be written.
inline std::string present(const Study& study, const std::string& folder) {
  publish(study.tables, folder);
  const std::string no_pictures = draw(folder, study.script);
  HtmlReport page(study.title, folder, no_pictures);
  for (const std::string& text : study.texts) page.add_text(text);
  for (const auto& [file, caption] : study.pictures) page.add_picture(file, caption);
  for (const NamedTable& one : study.tables) page.add(one.table);
  page.write();
  return no_pictures;
}

}  // namespace examples
