// The response of calibrate_jets, trained by several processes, each of which reads its own jets:
//   mpirun -n 2 train_mpi --data first.npy,second.npy
// The result has the bits of one process with the same files. Without mpirun it is one process.
#include <algorithm>
#include <cstring>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "calibrant/error.hpp"
#include "calibrant/io/model_file.hpp"
#include "calibrant/loss/point.hpp"
#include "calibrant/parallel/mpi.hpp"
#include "calibrant/train/trainer.hpp"
#include "jets.hpp"
#include "program/data.hpp"
#include "program/jet_response.hpp"
#include "program/options.hpp"
#include "program/program.hpp"
#include "program/result_table.hpp"
#include "program/summary.hpp"
#include "response.hpp"
#include "settings.hpp"

namespace {

namespace cal = calibrant;

struct RankSettings {
  std::string data = examples::sample_folder;
  std::string output = "train_mpi_output";
  int epochs = 20;
  std::uint64_t seed = 1;
  int threads = 1;
  std::string overlapped = "no", one_process = "no";
};

bool read_rank_settings(int argc, char** argv, RankSettings& settings) {
  examples::Options options("train_mpi", "trains the response of simulated jets with MPI, each rank on its own jets");
  const std::vector<std::string> no_or_yes{"no", "yes"};
  options.add("--data", settings.data, "PATH,...",
              "a file of jets for each rank (or a folder with A.jets.npy), or one for all, of which each rank takes "
              "its share of the events");
  options.add("--output", settings.output, "DIR", "folder for epochs.csv, response.safetensors and summary.json");
  options.add("--epochs", settings.epochs, 1, "passes over the training jets");
  options.add("--seed", settings.seed, std::uint64_t{0}, "of initial weights and order of the jets");
  options.add("--threads", settings.threads, 1, "of each rank; results do not depend on it");
  options.add("--overlapped", settings.overlapped, no_or_yes,
              "exchange the gradients piece by piece; results do not depend on it");
  options.add("--one-process", settings.one_process, no_or_yes,
              "train again in one process, on the jets of all ranks, and compare the bits");
  return options.parse(argc, argv);
}

/// The rows of every n_shares-th event, from event number `share` on. Rows of an event follow each other.
cal::Table share_of_events(const cal::Table& jets, int share, int n_shares) {
  const auto event = static_cast<std::size_t>(jets.index("event"));
  std::int64_t n_events = -1;
  float last = 0.0f;
  return jets.where([&](auto row) {
    if (n_events < 0 || row[event] != last) ++n_events;
    last = row[event];
    return n_events % n_shares == share;
  });
}

/// The training jets of a rank.
cal::Dataset part_of(int rank, int n_ranks, const RankSettings& settings) {
  std::vector<std::string> paths;
  std::istringstream list(settings.data);
  for (std::string path; std::getline(list, path, ',');) paths.push_back(path);
  const auto n_paths = static_cast<int>(paths.size());
  if (n_paths != 1 && n_paths != n_ranks)
    throw cal::Error("option --data", "one file, or as many as ranks: " + std::to_string(n_ranks),
                     std::to_string(n_paths));
  const cal::Table jets = n_paths == 1 ? share_of_events(read_jets(paths[0]), rank, n_ranks)
                                       : read_jets(paths[static_cast<std::size_t>(rank)]);
  return training_data(split_jets(jets).training, {feature_names.begin(), feature_names.end()}, "median");
}

cal::FitOptions plan_of(const RankSettings& settings) {
  Settings common;
  common.epochs = settings.epochs;
  common.seed = settings.seed;
  common.threads = settings.threads;
  cal::FitOptions plan = examples::response_plan(512, common);
  plan.overlapped = settings.overlapped == "yes";
  return plan;
}

/// Parameters and history to the bit.
bool same_bits(const Response& a, const Response& b) {
  const auto &first = a.description.training.epochs, &second = b.description.training.epochs;
  return std::memcmp(a.parameters().data(), b.parameters().data(), a.parameters().span().size_bytes()) == 0 &&
         std::equal(first.begin(), first.end(), second.begin(), second.end(), [](const auto& x, const auto& y) {
           return x.training_loss == y.training_loss && x.learning_rate == y.learning_rate;
         });
}

void report(const Response& response, int n_ranks, double seconds, const RankSettings& settings) {
  const auto& record = response.description.training;
  const auto n_epochs = static_cast<double>(record.epochs.size()), n_jets = static_cast<double>(record.n_training);
  examples::ResultTable table("Epochs: mean of |output - reco / true|, learning rate at the end",
                              {{"epoch"}, {"training_loss", 6}, {"learning_rate", 6}});
  for (const auto& epoch : record.epochs)
    table.add_row({examples::ResultTable::count(epoch.epoch), epoch.training_loss, epoch.learning_rate});
  table.print(std::cout);
  table.write_csv(settings.output + "/epochs.csv");
  cal::io::save(response, settings.output + "/response.safetensors");

  examples::Summary summary;
  summary.set("ranks", n_ranks);
  summary.set("threads", settings.threads);
  summary.set("events", record.n_training);
  summary.set("epochs", record.epochs.size());
  summary.set("loss", record.epochs.back().training_loss);
  summary.set("train.seconds", seconds);
  summary.set("events_per_second", n_jets * n_epochs / seconds);
  std::cout << '\n'
            << n_ranks << " rank(s), " << record.n_training << " jets, " << record.epochs.size()
            << " epochs: " << seconds << " s, " << n_jets * n_epochs / seconds << " jets/s\n";
  if (settings.one_process == "yes") {
    std::vector<cal::Dataset> parts;
    for (int rank = 0; rank < n_ranks; ++rank) parts.push_back(part_of(rank, n_ranks, settings));
    const examples::Stopwatch watch;
    const Response alone = cal::fit<Network>(parts, cal::loss::Absolute{}, plan_of(settings));
    summary.set("one_process.seconds", watch.seconds());
    const bool equal = same_bits(response, alone);
    summary.set("bits.equal_to_one_process", equal);
    std::cout << "one process with the same jets: " << watch.seconds() << " s, "
              << (equal ? "the same bits" : "OTHER BITS") << '\n';
  }
  summary.write(settings.output + "/summary.json");
}

int run(cal::MpiSession& ranks, const RankSettings& settings) {
  // What fails on one rank is an error on all.
  const cal::Dataset mine = ranks.together([&] {
    if (ranks.rank() == 0) examples::make_folder(settings.output);
    return part_of(ranks.rank(), ranks.size(), settings);
  });
  const examples::Stopwatch watch;
  const Response response = cal::fit<Network>(ranks, mine, cal::loss::Absolute{}, plan_of(settings));
  const double seconds = watch.seconds();
  ranks.together([&] {
    if (ranks.rank() == 0) report(response, ranks.size(), seconds, settings);
  });
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run_program("train_mpi", [&] {
    cal::MpiSession ranks;
    // One rank's help and complaints are enough.
    RankSettings settings;
    if (ranks.rank() != 0 && std::any_of(argv + 1, argv + argc, [](const char* argument) {
          return std::string(argument) == "--help" || std::string(argument) == "-h";
        }))
      return 0;
    if (!read_rank_settings(argc, argv, settings)) return 0;
    return run(ranks, settings);
  });
}
