// Samples of several parts: in one process and on ranks with a part each, the same bits; failures reach every rank.
#include <doctest/doctest.h>

#include <functional>
#include <set>

#include "../io/temporary_folder.hpp"
#include "../parallel/thread_ranks.hpp"
#include "rank_trainings.hpp"

using namespace small;

namespace {

using Texts = std::vector<std::string>;

TEST_CASE("one part is the dataset by itself") {
  const auto data = parts(1);
  for (const int batch_size : {100, 801}) {
    FitOptions how = options(2, batch_size);
    const auto alone = fit<Narrow>(data[0], loss::Huber{0.5}, how);
    CHECK(same_model(alone, fit<Narrow>(data, loss::Huber{0.5}, how)));
    OneRank one;
    CHECK(same_model(alone, fit<Narrow>(one, data[0], loss::Huber{0.5}, how)));
  }
}

TEST_CASE("every event of every part once an epoch, each batch with its share of each part") {
  const auto data = parts(4);
  std::int64_t n_events = 0;
  for (const auto& part : data) n_events += part.n_events();
  FitOptions how = options(1, 100);
  how.validation_fraction = 0.3;
  std::vector<std::int64_t> batches;
  how.schedule = [&](const Progress& progress) {
    batches.push_back(progress.steps_per_epoch);
    return 0.0;
  };
  // With no steps, the loss of an epoch is the weighted mean over the training events: each was seen once.
  how.output = Output::identity;
  Trainer<Narrow, double, loss::Squared> trainer(parts<double>(4), {}, how);
  CHECK(trainer.n_parts() == 4);
  CHECK(trainer.n_training() + trainer.n_validation() == n_events);
  const auto model = trainer.model();
  const double found = trainer.epoch().training_loss;
  CHECK(static_cast<std::int64_t>(batches.size()) == (trainer.n_training() + 99) / 100);
  CHECK(batches[0] == static_cast<std::int64_t>(batches.size()));
  double sum = 0.0, weight = 0.0;
  std::int64_t n = 0;
  const auto same = parts<double>(4);
  for (std::size_t part = 0; part < 4; ++part) {
    const auto words = Random(how.seed, Stream::part).block(part);
    const std::uint64_t seed = part == 0 ? how.seed : (std::uint64_t{words[0]} << 32 | words[1]);
    const Random split(seed, Stream::split);
    for (std::int64_t i = 0; i < same[part].n_events(); ++i) {
      if (split.block(same[part].group(i))[0] < static_cast<std::uint64_t>(0.3 * 4294967296.0)) continue;
      ++n;
      const double r = model({same[part].feature(i, 0), same[part].feature(i, 1)})[0] - same[part].target(i);
      sum += same[part].weight(i) * r * r;
      weight += same[part].weight(i);
    }
  }
  CHECK(n == trainer.n_training());
  CHECK(found == doctest::Approx(sum / weight).epsilon(1e-12));
  const std::vector<std::uint32_t> some{0};
  CHECK_THROWS_WITH_AS(trainer.step(some), "Trainer::step: expected a sample of one part, found 4", Error);
}

TEST_CASE("standardisation of parts is that of all events together") {
  const auto data = parts<double>(3);
  std::vector<double> all;
  for (const auto& part : data)
    for (std::int64_t i = 0; i < part.n_events(); ++i)
      all.insert(all.end(), {part.feature(i, 0), part.feature(i, 1), part.target(i)});
  const BasicDataset<double> whole(BasicTable<double>({"x", "z", "y"}, all, "all"), {{"x", Transform::logarithm}, "z"},
                                   "y");
  Trainer<Narrow, double, loss::Squared> trainer(data, {}, options(1, 100));
  const auto model = trainer.model();
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& expected = whole.input_transforms()[i];
    CHECK(model.inputs[i].shift == doctest::Approx(expected.shift).epsilon(1e-12));
    CHECK(model.inputs[i].scale == doctest::Approx(expected.scale).epsilon(1e-12));
    CHECK(model.inputs[i].low == expected.low);
    CHECK(model.inputs[i].high == expected.high);
  }
  CHECK(model.outputs[0].shift == doctest::Approx(whole.target_moments().first).epsilon(1e-12));
  CHECK(model.outputs[0].scale == doctest::Approx(whole.target_moments().second).epsilon(1e-12));
}

TEST_CASE("moments merge to those of both samples, narrow and far off too") {
  Random random(8);
  Moments first, second, both;
  for (int i = 0; i < 1000; ++i) {
    const double x = 1e6 + random.normal();  // rounded to 1e-10
    (i < 300 ? first : second).add(x);
    both.add(x);
  }
  Moments merged = first;
  merged += second;
  CHECK(merged.n == 1000.0);
  CHECK(merged.mean == doctest::Approx(both.mean).epsilon(1e-15));
  CHECK(merged.deviation() == doctest::Approx(both.deviation()).epsilon(1e-9));
  merged += Moments{};
  CHECK(merged.n == 1000.0);
  Moments none;
  none += first;
  CHECK(none.mean == first.mean);
  CHECK(none.squares == first.squares);
}

TEST_CASE("2 and 3 ranks: the bits of one process, with 1 and 2 threads, overlapped or not") {
  for (const int size : {2, 3})
    for_rank_trainings([&](auto* nothing, const auto& loss, FitOptions how) {
      using ModelType = std::remove_pointer_t<decltype(nothing)>;
      CAPTURE(size);
      const ModelType expected = in_one_process<typename ModelType::Net, typename ModelType::Scalar>(size, loss, how);
      how.threads = 2;
      CHECK(same_model(expected, in_one_process<typename ModelType::Net, typename ModelType::Scalar>(size, loss, how)));
      for (const auto& epoch : expected.description.training.epochs) CHECK(std::isfinite(epoch.training_loss));
      CHECK(run_ranks(size, [&](Ranks& ranks) { check_rank(ranks, expected, loss, how); }) ==
            Texts(static_cast<std::size_t>(size)));
    });
}

TEST_CASE("a part of a handful of events, and more parts than events in a batch") {
  FitOptions how = options(1, 3);
  how.validation_fraction = 0.0;
  const auto expected = in_one_process<Narrow>(5, loss::Absolute{}, how);
  CHECK(run_ranks(5, [&](Ranks& ranks) { check_rank(ranks, expected, loss::Absolute{}, how); }) == Texts(5));
}

TEST_CASE("a second training from a model, on ranks") {
  FitOptions how = rank_options();
  const auto first = in_one_process<Narrow>(2, loss::Squared{}, how);
  const auto data = parts(2);
  const auto expected = fit<Narrow>(data, loss::Absolute{}, how, &first);
  CHECK(run_ranks(2, [&](Ranks& ranks) {
          const auto& mine = data[static_cast<std::size_t>(ranks.rank())];
          if (!same_model(fit<Narrow>(ranks, mine, loss::Absolute{}, how, &first), expected)) throw Error("other bits");
        }) == Texts(2));
  const Texts errors = run_ranks(2, [&](Ranks& ranks) {
    const auto& mine = data[static_cast<std::size_t>(ranks.rank())];
    fit<Narrow>(ranks, mine, loss::Absolute{}, how, ranks.rank() == 0 ? &first : nullptr);
  });
  CHECK(says(errors[0], "rank 1 of 2: training on jets, start: expected ", "as on rank 0, found none"));
  CHECK(errors[1] == errors[0]);
}

// ---- failures ------------------------------------------------------------------------------------------------------

/// What each rank throws if one differs from the others; all must say the same.
std::string failure(int size, const std::function<void(Ranks&)>& work) {
  const Texts errors = run_ranks(size, work);
  CHECK(errors.size() == static_cast<std::size_t>(size));
  CHECK(std::set<std::string>(errors.begin(), errors.end()).size() == 1);
  return errors[0];
}

TEST_CASE("a row whose loss is not finite is named on every rank") {
  const auto data = parts(3);
  const auto bad = static_cast<double>(data[1].target(12));
  const auto poisoned = not_finite_at(bad);
  FitOptions how = rank_options();
  how.output = Output::identity;
  how.validation_fraction = 0.0;
  const std::string alone = error_of([&] { fit<Narrow>(data, poisoned, how); });
  CHECK(says(alone, "training, epoch 1, batch ",
             ", row " + std::to_string(data[1].source_row(12)) + " of jets: expected a finite loss"));
  CHECK(failure(3, [&](Ranks& ranks) {
          fit<Narrow>(ranks, data[static_cast<std::size_t>(ranks.rank())], poisoned, how);
        }) == "[rank 0 of 3: " + alone + "]");
}

TEST_CASE("an exception of one rank, wherever it comes from, ends the training on all") {
  const TemporaryFolder folder;
  const auto data = parts(3);
  const auto train = [&](Ranks& ranks, const FitOptions& how) {
    fit<Narrow>(ranks, data[static_cast<std::size_t>(ranks.rank())], loss::Squared{}, how);
  };
  for (int bad = 0; bad < 3; ++bad) {
    CAPTURE(bad);
    const std::string who = "[rank " + std::to_string(bad) + " of 3: ";
    CHECK(failure(3, [&](Ranks& ranks) {
            train(ranks, interrupted(ranks, rank_options(), {bad, 5, [] { throw Error("a schedule's own"); }}));
          }) == who + "a schedule's own]");
    CHECK(failure(3, [&](Ranks& ranks) {
            FitOptions how = rank_options();
            how.on_epoch = [&](const EpochReport& report) {
              if (ranks.rank() == bad && report.epoch == 2) throw std::runtime_error("no longer");
              return true;
            };
            train(ranks, how);
          }) == who + "no longer]");
    CHECK(failure(3, [&](Ranks& ranks) {
            FitOptions how = rank_options();
            if (ranks.rank() == bad) how.adam.beta1 = 2.0;
            train(ranks, how);
          }) == who + "Adam, beta1: expected a number in [0, 1), found 2.000000]");
    CHECK(failure(3, [&](Ranks& ranks) {
            const auto table = ranks.together([&] {
              if (ranks.rank() == bad) throw Error("reading jets.npy", "a file", "none");
              return jets(100);
            });
          }) == who + "reading jets.npy: expected a file, found none]");
  }
  CHECK(says(failure(3,
                     [&](Ranks& ranks) {
                       FitOptions how = rank_options();
                       how.seed = ranks.rank() == 2 ? 8 : 7;
                       train(ranks, how);
                     }),
             "rank 2 of 3: training on jets, seed: expected 7, as on rank 0, found 8"));
  // Rank 0 writes the checkpoints.
  CHECK(says(failure(3,
                     [&](Ranks& ranks) {
                       FitOptions how = rank_options();
                       how.checkpoint = folder / "no such folder/checkpoint";
                       train(ranks, how);
                     }),
             "rank 0 of 3: writing ", "no such folder"));
  const Dataset other(jets(100), {"z", "x"}, "y");
  CHECK(says(failure(3,
                     [&](Ranks& ranks) {
                       fit<Narrow>(ranks, ranks.rank() == 1 ? other : data[0], loss::Squared{}, rank_options());
                     }),
             "rank 1 of 3: training on jets, columns: expected x (logarithm, ''), z (identity, ''), target y"));
  std::vector<Dataset> mixed = data;
  mixed[1] = other;
  CHECK(says(error_of([&] { fit<Narrow>(mixed, loss::Squared{}, rank_options()); }),
             "training on jets: expected the columns of jets, x (logarithm"));
  CHECK(says(error_of([&] { fit<Narrow>(std::vector<Dataset>{}, loss::Squared{}, rank_options()); }),
             "expected one dataset or more, found none"));
}

TEST_CASE("one rank says stop: all stop after that epoch") {
  const auto data = parts(2);
  CHECK(run_ranks(2, [&](Ranks& ranks) {
          FitOptions how = rank_options();
          how.on_epoch = [&](const EpochReport& report) { return ranks.rank() == 0 || report.epoch < 2; };
          const auto model = fit<Narrow>(ranks, data[static_cast<std::size_t>(ranks.rank())], loss::Squared{}, how);
          if (model.description.training.epochs.size() != 2) throw Error("not two epochs");
        }) == Texts(2));
}

TEST_CASE("after a failure in any step the checkpoint resumes to the same bits, on ranks or in one process") {
  FitOptions how = rank_options();
  how.epochs = 4;
  const auto data = parts(3);
  const auto expected = in_one_process<Dropping>(3, loss::Huber{0.5}, how);
  const std::int64_t steps = static_cast<std::int64_t>((expected.description.training.n_training + 799) / 800);
  for (const std::int64_t at_step : {std::int64_t{0}, steps, 2 * steps + 1}) {
    CAPTURE(at_step);
    const TemporaryFolder folder;
    how.checkpoint = folder / "checkpoint";
    CHECK(failure(3, [&](Ranks& ranks) {
            fit<Dropping>(ranks, data[static_cast<std::size_t>(ranks.rank())], loss::Huber{0.5},
                          interrupted(ranks, how, {1, at_step, [] { throw Error("now"); }}));
          }) == "[rank 1 of 3: now]");
    CHECK(folder.names().size() == 1);  // there from the start
    if (at_step > steps) {
      // Another part on one rank is noticed, whichever it is.
      for (int changed = 0; changed < 3; ++changed)
        CHECK(says(failure(3,
                           [&](Ranks& ranks) {
                             const int part = ranks.rank() == changed ? (changed + 1) % 3 : ranks.rank();
                             fit<Dropping>(ranks, data[static_cast<std::size_t>(part)], loss::Huber{0.5}, how);
                           }),
                   "rank 0 of 3: resuming from ", ", data_sha256: expected "));
      CHECK(same_model(fit<Dropping>(data, loss::Huber{0.5}, how), expected));
    }
    CHECK(run_ranks(3, [&](Ranks& ranks) {
            const auto model =
                fit<Dropping>(ranks, data[static_cast<std::size_t>(ranks.rank())], loss::Huber{0.5}, how);
            if (!same_model(model, expected)) throw Error("other bits");
          }) == Texts(3));
  }
}

}  // namespace
