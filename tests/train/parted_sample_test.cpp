// The sample of a training: every event once an epoch, shares of the parts in proportion, groups kept together.
#include "calibrant/train/parted_sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "calibrant/nn/mlp.hpp"
#include "small_trainings.hpp"

using namespace calibrant;

namespace {

using Net = Mlp<Inputs<2>, Hidden<3>, Outputs<1>>;
constexpr int shard_size = 16;
using Sample = PartedSample<float, 2, 1, shard_size>;

struct Prepared {
  std::vector<BasicDataset<float>> data;
  Sample sample;

  Prepared(const std::vector<std::int64_t>& sizes, const FitOptions& options, const DatasetColumns& columns = {}) {
    std::uint64_t seed = 1;
    for (const std::int64_t n : sizes) data.push_back(small::dataset(n, columns, seed++));
    Sample::Datasets pointers;
    for (const auto& one : data) pointers.push_back(&one);
    Exchange alone(nullptr);
    sample.encode(pointers, Model<Net>{}, options.seed, 0);
    sample.split(pointers, options, alone);
  }
};

FitOptions options(int batch_size, double validation_fraction) {
  FitOptions result = small::options(1, batch_size);
  result.validation_fraction = validation_fraction;
  return result;
}

TEST_CASE("an epoch visits every training event of every part once, in an order of its own") {
  Prepared prepared({130, 70, 41}, options(50, 0.2));
  Sample& sample = prepared.sample;
  REQUIRE(sample.n_parts() == 3);
  CHECK(sample.n_training() + sample.n_validation() == 130 + 70 + 41);
  std::vector<std::vector<std::uint32_t>> orders;
  for (const std::uint32_t epoch : {0u, 1u}) {
    sample.shuffle(epoch);
    std::vector<std::uint32_t> visited;
    for (std::int64_t batch = 0; batch < sample.n_batches(); ++batch) {
      sample.take_batch(batch);
      int position = 0, shard = 0;
      for (std::size_t part = 0; part < sample.shares().size(); ++part) {
        const BatchShare& share = sample.shares()[part];
        CHECK(share.position == position);
        CHECK(share.first_shard == shard);
        CHECK(share.foreseen >= share.count);
        visited.insert(visited.end(), share.index, share.index + share.count);
        position += share.count;
        shard = sample.end_shard(part);
        CHECK((shard - share.first_shard) * shard_size >= share.count);
      }
      // Shares are whole events: a batch is off by less than one event for each part.
      const std::int64_t due = std::min<std::int64_t>(50, sample.n_training() - batch * 50);
      CHECK(std::abs(position - due) < sample.n_parts());
      CHECK(shard <= sample.most_shards());
      CHECK(sample.weight_of_batch() == position);
    }
    orders.push_back(visited);
    std::vector<std::uint32_t> expected;
    for (const SamplePart& part : sample.parts())
      expected.insert(expected.end(), part.training.begin(), part.training.end());
    std::sort(visited.begin(), visited.end());
    std::sort(expected.begin(), expected.end());
    CHECK(visited == expected);
  }
  CHECK(orders[0] != orders[1]);
}

TEST_CASE("each batch takes of a part what is due, to one event") {
  Prepared prepared({3000, 1000}, options(100, 0.0));
  Sample& sample = prepared.sample;
  sample.shuffle(0);
  for (std::int64_t batch = 0; batch < sample.n_batches(); ++batch) {
    sample.take_batch(batch);
    CHECK(sample.shares()[0].count == 75);
    CHECK(sample.shares()[1].count == 25);
  }
}

TEST_CASE("groups are for training or for validation as a whole, and within a part") {
  Prepared prepared({600, 600}, options(100, 0.3), {"", "g"});
  for (const SamplePart& part : prepared.sample.parts()) {
    std::set<std::uint32_t> training, validation;  // groups of three rows
    for (const std::uint32_t row : part.training) training.insert((row - part.first_row) / 3);
    for (const std::uint32_t row : part.validation) validation.insert((row - part.first_row) / 3);
    CHECK(training.size() + validation.size() == 200);
    // 60 expected, standard deviation 6.5; the seed is fixed.
    CHECK(validation.size() > 30);
    CHECK(validation.size() < 90);
  }
  const auto& parts = prepared.sample.parts();
  std::vector<std::uint32_t> second = parts[1].validation;
  for (std::uint32_t& row : second) row -= parts[1].first_row;
  CHECK(second != parts[0].validation);
}

TEST_CASE("weights are those of the rows") {
  Prepared prepared({100}, options(100, 0.0), {"w", ""});
  Sample& sample = prepared.sample;
  sample.shuffle(0);
  sample.take_batch(0);
  double expected = 0.0;
  for (const std::uint32_t row : sample.parts()[0].order) expected += static_cast<double>(prepared.data[0].weight(row));
  CHECK(sample.weight_of_batch() == expected);
  const std::vector<std::uint32_t> rows = {5, 7};
  sample.take(rows);
  CHECK(sample.shares()[0].count == 2);
  CHECK(sample.weight_of_batch() ==
        static_cast<double>(prepared.data[0].weight(5)) + static_cast<double>(prepared.data[0].weight(7)));
}

TEST_CASE("what a sample cannot be") {
  CHECK(error_of([] { Prepared({40}, options(50, 0.0)); }) ==
        "training on jets: expected a batch no larger than the 40 training events, found batch_size 50");
  CHECK(error_of([] {
          Prepared({40, 30}, options(80, 0.0));
        }) ==
        "training on jets and 1 more: expected a batch no larger than the 70 training events, found batch_size 80");
}

}  // namespace
