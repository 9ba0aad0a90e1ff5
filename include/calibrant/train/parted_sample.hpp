// PartedSample: the events of a training as the network sees them, in one part or several, such as files; which of
// them are for training and which for validation, in which order, and what each batch takes of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "calibrant/core/random.hpp"
#include "calibrant/io/checksum.hpp"
#include "calibrant/loss/loss.hpp"
#include "calibrant/train/dataset.hpp"
#include "calibrant/train/exchange.hpp"
#include "calibrant/train/options.hpp"
#include "calibrant/train/tile_step.hpp"

namespace calibrant {

/// A dataset that this process has. Its events are rows of the sample, one after the other.
struct SamplePart {
  std::string source;
  std::vector<std::int64_t> source_rows;  ///< empty: event i came from row i
  std::uint64_t seed;                     ///< of its split and of the order of its events
  std::uint32_t first_row, n_rows;
  std::vector<std::uint32_t> training, validation;  ///< rows
  std::vector<std::uint32_t> order;                 ///< training rows as this epoch visits them
  int first_block = 0;                              ///< of its validation sample, in sums over all parts here
};

/// What a batch takes from a part.
struct BatchShare {
  const std::uint32_t* index;  ///< rows
  int count;
  int foreseen;  ///< events from index on that are known, the next batch's too: worth reading ahead
  int position;  ///< of its first event in the batch
  int first_shard;
};

/// A batch takes its share of every part, and a share is cut into shards of `ShardSize` events, whose gradients are
/// summed by themselves. With ranks, each process has one part, and knows the sizes of the others.
template <class Scalar, int n_features, int n_targets, int ShardSize>
class PartedSample {
 public:
  using Rows = EncodedRows<Scalar, n_features, n_targets>;
  using Datasets = std::vector<const BasicDataset<Scalar>*>;

  /// Events of the validation sample that are added up by themselves.
  static constexpr int block = 16 * ShardSize;

  /// Encodes the events with the transforms of `model`.
  /// @param first_part  number, in the whole sample, of the first part here.
  /// @throws Error on a number that is not finite after its transform, naming row and column.
  template <class Model>
  CALIBRANT_COLD void encode(const Datasets& parts, const Model& model, std::uint64_t seed, int first_part) {
    first_part_ = first_part;
    std::int64_t n = 0;
    for (const auto* data : parts) n += data->n_events();
    if (n > std::numeric_limits<std::uint32_t>::max())
      throw Error("training on " + parts[0]->source(), "at most 4294967295 events", std::to_string(n));
    rows_.resize(n);
    for (const auto* data : parts) {
      SamplePart part{};
      part.source = data->source();
      part.source_rows = data->source_rows();
      // Part 0 of a sample is seeded as the only part of a sample.
      const int number = static_cast<int>(parts_.size()) + first_part;
      const auto words = Random(seed, Stream::part).block(static_cast<std::uint64_t>(number));
      part.seed = number == 0 ? seed : (std::uint64_t{words[0]} << 32 | words[1]);
      part.first_row = parts_.empty() ? 0 : parts_.back().first_row + parts_.back().n_rows;
      part.n_rows = static_cast<std::uint32_t>(data->n_events());
      encode(*data, model, part.first_row);
      parts_.push_back(std::move(part));
    }
    shares_.resize(parts_.size());
  }

  /// Decides for each event, by its group, whether it is for training or validation, and learns the sizes of all parts.
  /// @throws Error if there is too little for a batch or for validation.
  CALIBRANT_COLD void split(const Datasets& parts, const FitOptions& options, Exchange& exchange) {
    batch_size_ = options.batch_size;
    const auto threshold = static_cast<std::uint64_t>(options.validation_fraction * 4294967296.0);
    const std::vector<double> all = exchange.of_all_parts(parts.size(), [&](std::size_t number) {
      const BasicDataset<Scalar>& data = *parts[number];
      SamplePart& part = parts_[number];
      const Random random(part.seed, Stream::split);
      double training_weight = 0.0, validation_weight = 0.0;
      for (std::int64_t event = 0; event < data.n_events(); ++event) {
        const bool validation = random.block(data.group(event))[0] < threshold;
        (validation ? part.validation : part.training).push_back(part.first_row + static_cast<std::uint32_t>(event));
        (validation ? validation_weight : training_weight) += static_cast<double>(data.weight(event));
      }
      return std::vector<double>{static_cast<double>(part.training.size()), static_cast<double>(part.validation.size()),
                                 training_weight, validation_weight};
    });
    double training_weight = 0.0, validation_weight = 0.0;
    for (std::size_t at = 0; at < all.size(); at += 4) {
      sizes_.push_back(static_cast<std::int64_t>(all[at]));
      n_training_ += sizes_.back();
      n_validation_ += static_cast<std::int64_t>(all[at + 1]);
      training_weight += all[at + 2];
      validation_weight += all[at + 3];
    }
    std::string where = "training on " + parts[0]->source();
    if (n_parts() > 1) where += " and " + std::to_string(n_parts() - 1) + " more";
    if (n_training_ > std::numeric_limits<std::uint32_t>::max())
      throw Error(where, "at most 4294967295 training events", std::to_string(n_training_));
    if (n_training_ < options.batch_size)
      throw Error(where, "a batch no larger than the " + std::to_string(n_training_) + " training events",
                  "batch_size " + std::to_string(options.batch_size));
    if (!(training_weight > 0.0)) throw Error(where, "training events with a weight above zero", "none");
    if (options.validation_fraction > 0.0 && !(validation_weight > 0.0))
      throw Error(where,
                  "validation events with a weight above zero at validation_fraction " +
                      std::to_string(options.validation_fraction),
                  std::to_string(n_validation_) + " events, total weight zero");
    for (SamplePart& part : parts_) {
      part.first_block = n_blocks_;
      n_blocks_ += static_cast<int>((part.validation.size() + block - 1) / block);
      part.order.reserve(part.training.size());
    }
  }

  const Rows& rows() const noexcept { return rows_; }
  /// Those of this process: with ranks one, else all.
  const std::vector<SamplePart>& parts() const noexcept { return parts_; }
  /// Parts, also those that other ranks have; likewise their events.
  int n_parts() const noexcept { return static_cast<int>(sizes_.size()); }
  std::int64_t n_training() const noexcept { return n_training_; }
  std::int64_t n_validation() const noexcept { return n_validation_; }
  /// Of the validation sample of the parts here, and of one of them.
  int n_blocks() const noexcept { return n_blocks_; }
  int end_block(std::size_t part) const noexcept {
    return part + 1 < parts_.size() ? parts_[part + 1].first_block : n_blocks_;
  }
  /// Of each part here, of its rows as they are encoded.
  CALIBRANT_COLD std::vector<std::string> sha256() const {
    std::vector<std::string> result;
    for (const SamplePart& part : parts_) result.push_back(io::sha256(rows_.bytes(part.first_row, part.n_rows)));
    return result;
  }

  /// Puts the training events in the order in which this epoch visits them.
  void shuffle(std::uint32_t epoch) {
    for (SamplePart& part : parts_) {
      part.order = part.training;
      calibrant::shuffle(part.order, Random(part.seed, Stream::shuffle, epoch));
    }
  }
  std::int64_t n_batches() const noexcept { return (n_training_ + batch_size_ - 1) / batch_size_; }

  /// From here on the batch is number `batch` of the epoch.
  void take_batch(std::int64_t batch) noexcept {
    const auto first_part = static_cast<std::size_t>(first_part_);
    int position = 0, shards = 0;
    for (std::size_t part = 0; part < first_part + parts_.size(); ++part) {
      const std::int64_t n = sizes_[part], first = taken(batch, n);
      const auto count = static_cast<int>(taken(batch + 1, n) - first);
      if (part >= first_part) {
        // What is read ahead is a tile.
        const int foreseen = static_cast<int>(std::min<std::int64_t>(n - first, count + Tile<Scalar>::n_samples));
        shares_[part - first_part] = {parts_[part - first_part].order.data() + first, count, foreseen, position,
                                      shards};
        shards += n_shards(count);
      }
      position += count;
    }
  }
  /// The batch is these rows, which must stay where they are.
  /// @pre one part.
  void take(std::span<const std::uint32_t> events) noexcept {
    const int count = static_cast<int>(events.size());
    shares_[0] = {events.data(), count, count, 0, 0};
  }
  /// What the batch takes from the parts here.
  const std::vector<BatchShare>& shares() const noexcept { return shares_; }
  int end_shard(std::size_t part) const noexcept { return shares_[part].first_shard + n_shards(shares_[part].count); }
  /// The most that a batch has.
  int most_shards() const noexcept {
    int result = 0;
    for (const SamplePart& part : parts_) {
      const auto n = static_cast<std::int64_t>(part.training.size());
      result +=
          n_shards(static_cast<int>(std::min<std::int64_t>((batch_size_ * n + n_training_ - 1) / n_training_, n)));
    }
    return result;
  }

  /// Sums of weights, of the batch and of any rows.
  double weight_of_batch() const noexcept {
    double weight = weight_of(shares_[0]);
    for (std::size_t part = 1; part < shares_.size(); ++part) weight += weight_of(shares_[part]);
    return weight;
  }
  double weight_of(std::span<const std::uint32_t> events) const noexcept {
    if (unit_weights_) return static_cast<double>(events.size());
    double sum = 0.0;
    for (const std::uint32_t event : events) sum += static_cast<double>(rows_.row(event)[Rows::weight_column]);
    return sum;
  }

 private:
  template <class Model>
  void encode(const BasicDataset<Scalar>& data, const Model& model, std::uint32_t first_row) {
    for (std::int64_t event = 0; event < data.n_events(); ++event) {
      Scalar* row = rows_.row(first_row + event);
      for (int i = 0; i < n_features; ++i) {
        const auto& input = model.inputs[static_cast<std::size_t>(i)];
        row[i] = input.encode(data.feature(event, i));
        if (!is_finite(row[i]))
          throw not_encodable(data, event, "feature '" + data.features()[static_cast<std::size_t>(i)].name + "'",
                              "a finite number", to_string(input.transform), data.feature(event, i));
      }
      for (int i = 0; i < n_targets; ++i) {
        const auto& output = model.outputs[static_cast<std::size_t>(n_targets == Model::n_out ? i : 0)];
        row[n_features + i] = output.encode(data.target(event, i), data.feature(event, output.reference(i)));
        if (!is_finite(row[n_features + i]))
          throw not_encodable(data, event, "target '" + data.targets()[static_cast<std::size_t>(i)] + "'",
                              "a finite target", to_string(output.output), row[n_features + i]);
      }
      row[Rows::weight_column] = data.weight(event);
      unit_weights_ = unit_weights_ && data.weight(event) == Scalar(1);
    }
  }
  static CALIBRANT_COLD Error not_encodable(const BasicDataset<Scalar>& data, std::int64_t event,
                                            const std::string& column, const char* expected, std::string_view transform,
                                            Scalar found) {
    return Error("training on " + data.source() + ", row " + std::to_string(data.source_row(event)) + ", " + column,
                 std::string(expected) + " after the transform " + std::string(transform),
                 loss::number(static_cast<double>(found)));
  }

  /// Events of a part, of n training events, that are in front of a batch.
  std::int64_t taken(std::int64_t batch, std::int64_t n) const noexcept {
    const auto before = static_cast<std::uint64_t>(std::min(batch * batch_size_, n_training_));
    return static_cast<std::int64_t>(before * static_cast<std::uint64_t>(n) / static_cast<std::uint64_t>(n_training_));
  }
  double weight_of(const BatchShare& share) const noexcept {
    return weight_of(std::span(share.index, static_cast<std::size_t>(share.count)));
  }
  /// A share of no events has a shard too: its gradient is zero.
  static constexpr int n_shards(int count) noexcept { return std::max(1, (count + ShardSize - 1) / ShardSize); }

  Rows rows_;
  bool unit_weights_ = true;
  std::vector<SamplePart> parts_;
  int first_part_ = 0, n_blocks_ = 0;
  std::vector<std::int64_t> sizes_;  ///< training events of every part, also of those that other ranks have
  std::int64_t n_training_ = 0, n_validation_ = 0, batch_size_ = 1;
  std::vector<BatchShare> shares_;
};

}  // namespace calibrant
