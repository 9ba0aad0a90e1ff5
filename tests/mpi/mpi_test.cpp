// MpiSession: exchanges between processes, and trainings with the bits of one process. Cases are run by every rank, and
// every rank must get through all of them.
#include "calibrant/parallel/mpi.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "../train/rank_trainings.hpp"
#include "calibrant/io/npy.hpp"
#include "session.hpp"

using namespace small;

namespace {

std::string on_rank(int rank, const std::string& text) {
  return "rank " + std::to_string(rank) + " of " + std::to_string(session().size()) + ": " + text;
}

TEST_CASE("a second session is another one") {
  MpiSession other;
  CHECK(other.rank() == session().rank());
  CHECK(other.size() == session().size());
  const double mine = 1.0;
  std::vector<double> all(static_cast<std::size_t>(other.size()));
  other.all_gather({&mine, 1}, all);
  CHECK(all == std::vector<double>(all.size(), 1.0));
}

TEST_CASE("ordered sums") {
  const auto size = static_cast<std::size_t>(session().size()), own = static_cast<std::size_t>(session().rank());
  for (const std::size_t n : {1u, 1000u, 100000u, 3000000u})
    for (const bool overlapped : {false, true}) {
      CAPTURE(n);
      CAPTURE(overlapped);
      std::vector<std::vector<float>> terms(size, std::vector<float>(n));
      std::vector<float> expected(n), total(n);
      for (std::size_t r = 0; r < size; ++r) {
        Random random(1, Stream::user, static_cast<std::uint32_t>(r));
        for (std::size_t i = 0; i < n; ++i) {
          terms[r][i] = static_cast<float>((random.uniform() - 0.5) * static_cast<double>(i % 97));
          expected[i] = r == 0 ? terms[r][i] : expected[i] + terms[r][i];
        }
      }
      OrderedSum<float> sum(session(), n, overlapped);
      sum(terms[own].data(), total.data(), [](std::size_t, std::size_t) {});
      CHECK(std::memcmp(total.data(), expected.data(), n * sizeof(float)) == 0);
    }
}

TEST_CASE("trainings have the bits of one process, with 1 and 2 threads, overlapped or not") {
  for_rank_trainings([](auto* nothing, const auto& loss, const FitOptions& how) {
    using ModelType = std::remove_pointer_t<decltype(nothing)>;
    const auto expected =
        in_one_process<typename ModelType::Net, typename ModelType::Scalar>(session().size(), loss, how);
    CHECK(error_of([&] { check_rank(session(), expected, loss, how); }) == "no error");
  });
}

TEST_CASE("a rank whose loss is NaN stops all, with the row") {
  const auto data = parts(session().size());
  const int bad_rank = session().size() - 1;
  const auto& bad_part = data[static_cast<std::size_t>(bad_rank)];
  const auto bad = static_cast<double>(bad_part.target(12));
  const std::string row = "row " + std::to_string(bad_part.source_row(12));
  const auto poisoned = not_finite_at(bad);
  FitOptions how = rank_options();
  how.output = Output::identity;
  how.validation_fraction = 0.0;
  how.batch_size = 200;
  const std::string message =
      error_of([&] { fit<Narrow>(session(), data[static_cast<std::size_t>(session().rank())], poisoned, how); });
  CAPTURE(message);
  CHECK(says(message, "training, epoch 1, batch ", row));
  if (session().size() > 1) CHECK(says(message, on_rank(0, "training"), row + " of jets"));
}

TEST_CASE("a rank whose file is missing stops all, and names it") {
  const std::string path = "part_" + std::to_string(session().rank()) + ".npy";
  const int missing = session().size() - 1;
  session().together([&] {
    std::filesystem::remove(path);
    if (session().rank() != missing) {
      io::write_npy(path, Table({"x"}, {1.0f, 2.0f}));
    }
  });
  const std::string message = error_of([&] { session().together([&] { return io::read_npy(path); }); });
  CHECK(says(message, "part_" + std::to_string(missing) + ".npy"));
  if (session().size() > 1) CHECK(says(message, on_rank(missing, "")));
}

TEST_CASE("an exception in the middle of an epoch stops all; then the session goes on") {
  const auto data = parts(session().size());
  const auto& mine = data[static_cast<std::size_t>(session().rank())];
  for (int bad = 0; bad < session().size(); ++bad) {
    const FitOptions how = interrupted(session(), rank_options(), {bad, 3, [] { throw Error("now"); }});
    const std::string message = error_of([&] { fit<Large>(session(), mine, loss::Squared{}, how); });
    CHECK(message == (session().size() > 1 ? on_rank(bad, "now") : "now"));
  }
}

}  // namespace
