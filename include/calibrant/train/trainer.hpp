// Trainer: fits a model to a dataset, or to a sample of several parts, the same bits for the same data, seed and
// settings whatever the number of threads, and whether one process has all parts or each rank one. A batch takes its
// share of each part, a share is cut into fixed shards; the gradient is the sum over parts, in their order, of the sums
// over their shards, in their order.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "calibrant/optim/adam.hpp"
#include "calibrant/parallel/pool.hpp"
#include "calibrant/parallel/ranks.hpp"
#include "calibrant/train/checkpoint.hpp"
#include "calibrant/train/dataset.hpp"
#include "calibrant/train/exchange.hpp"
#include "calibrant/train/options.hpp"
#include "calibrant/train/parted_sample.hpp"
#include "calibrant/train/progress_line.hpp"
#include "calibrant/train/tile_step.hpp"

namespace calibrant {

/// Trains Net on a dataset with a loss. `fit` does all of it in one line; the class gives the steps to those who want
/// to drive the training themselves.
template <class Net_, class Scalar_, class Loss_>
class Trainer {
 public:
  using Net = Net_;
  using Scalar = Scalar_;
  using Loss = Loss_;
  using Step = TileStep<Net, Scalar, Loss>;
  using ParametersType = Parameters<Scalar, Net::n_params>;
  static constexpr int n_in = Net::n_in, n_out = Net::n_out, n_targets = Step::n_targets;

  /// Events per shard: enough work to be worth handing to a thread and to make adding up its gradient cheap.
  static constexpr int shard_size = Net::n_params < 2000 ? 2048 : 256;
  using Sample = PartedSample<Scalar, n_in, n_targets, shard_size>;

  /// @param start  a model to go on from (its preprocessing is kept), or nullptr for fresh weights from the seed.
  /// @throws Error if the dataset, the loss, the options or the start do not fit the network.
  Trainer(const BasicDataset<Scalar>& data, Loss loss, FitOptions options, const Model<Net, Scalar>* start = nullptr)
      : Trainer(nullptr, {&data}, std::move(loss), std::move(options), start) {}

  /// A sample of several parts, such as files: each is split and shuffled by itself, and each batch takes its share of
  /// every part. Groups are within a part: equal numbers in two parts are different groups.
  Trainer(const std::vector<BasicDataset<Scalar>>& parts, Loss loss, FitOptions options,
          const Model<Net, Scalar>* start = nullptr)
      : Trainer(nullptr, pointers(parts), std::move(loss), std::move(options), start) {}

  /// Each rank has one part and makes the same calls with the same settings; all get the same model, that of one
  /// process with the parts of all ranks. Rank 0 reads and writes the checkpoint and shows the progress. Whatever
  /// throws on one rank, here or in run() or epoch(), throws a RankError on all.
  Trainer(Ranks& ranks, const BasicDataset<Scalar>& part, Loss loss, FitOptions options,
          const Model<Net, Scalar>* start = nullptr)
      : Trainer(&ranks, {&part}, std::move(loss), std::move(options), start) {}

  /// Trains until the epochs are done, early stopping ends it, or on_epoch returns false.
  void run() {
    exchange_.shared([&] {
      ProgressPrinter printer(options_.progress == ProgressLine::automatic && exchange_.is_first(), options_.epochs);
      bool go_on = !finished();
      while (go_on) {
        const EpochReport report = epoch();
        printer.show(report, static_cast<double>(n_training()));
        go_on = !finished();
        if (options_.on_epoch && !options_.on_epoch(report)) go_on = false;
        go_on = exchange_.all_agree(go_on);
        if (!options_.checkpoint.empty() && (!go_on || state_.epoch % options_.checkpoint_every == 0)) save();
      }
    });
  }

  /// True when all epochs are done or early stopping says so.
  bool finished() const noexcept {
    return state_.epoch >= options_.epochs ||
           (options_.patience > 0 && state_.epoch - state_.best_epoch >= options_.patience);
  }

  /// One epoch: every training event once, in an order that is a function of seed and epoch.
  /// @throws Error on a loss or gradient that is not finite, with epoch, batch and row.
  EpochReport epoch() {
    return exchange_.shared([&] { return train_epoch(); });
  }

  /// One optimizer step on the given events (rows of the dataset, 1 to batch_size of them), for those who choose their
  /// own batches. It belongs to no epoch: history and schedule do not see it.
  /// @return the loss of the batch before the step.
  /// @throws Error on rows that are not there, an empty or too large batch, a loss or gradient that is not finite, a
  /// sample of several parts.
  double step(std::span<const std::uint32_t> events, double schedule_factor = 1.0) {
    if (n_parts() != 1) throw Error("Trainer::step", "a sample of one part", std::to_string(n_parts()));
    if (events.empty() || events.size() > static_cast<std::size_t>(options_.batch_size))
      throw Error("Trainer::step", "1 to " + std::to_string(options_.batch_size) + " events",
                  std::to_string(events.size()));
    const auto n_rows = static_cast<std::uint32_t>(n_training() + n_validation());
    for (const std::uint32_t event : events)
      if (event >= n_rows)
        throw Error("Trainer::step", "rows below " + std::to_string(n_rows), "row " + std::to_string(event));
    sample_.take(events);
    return batch_step(sample_.weight_of_batch(), schedule_factor, 0).loss;
  }

  /// The model as it stands: the best one so far with early stopping, the last one without.
  Model<Net, Scalar> model() const {
    Model<Net, Scalar> result = model_;
    const bool best = options_.patience > 0 && state_.epoch > 0;
    result.set_parameters(best ? state_.best : state_.parameters);
    auto& record = result.description.training;
    record.epochs = state_.reports;
    record.best_epoch = best ? state_.best_epoch : state_.epoch;
    record.stopped_early = state_.epoch < options_.epochs;
    return result;
  }

  /// Events of all parts, also of those that other ranks have.
  std::int64_t n_training() const noexcept { return sample_.n_training(); }
  std::int64_t n_validation() const noexcept { return sample_.n_validation(); }
  int n_parts() const noexcept { return sample_.n_parts(); }

  /// Loss of the current parameters on the validation sample; NaN if there is none. All ranks call it together.
  double validation_loss() {
    if (n_validation() == 0) return std::numeric_limits<double>::quiet_NaN();
    return exchange_.shared([&] { return mean_loss(); });
  }

 private:
  static constexpr int max_means_of() {
    if constexpr (loss::BatchCoupled<Loss>)
      return Loss::n_means;
    else
      return 1;
  }
  static constexpr int max_means = max_means_of();

  struct LossSum {
    double loss = 0.0;
    double means[max_means] = {};
  };
  struct ShardSum : LossSum {
    ParametersType gradient;
  };

  using Datasets = typename Sample::Datasets;
  static Datasets pointers(const std::vector<BasicDataset<Scalar>>& parts) {
    Datasets result;
    for (const auto& part : parts) result.push_back(&part);
    return result;
  }

  /// @param ranks  other processes that have other parts, or nullptr.
  Trainer(Ranks* ranks, const Datasets& parts, Loss loss, FitOptions options, const Model<Net, Scalar>* start)
      : loss_(std::move(loss)), options_(std::move(options)), exchange_(ranks), pool_(options_.threads) {
    exchange_.shared([&] { prepare(parts, start); });
  }

  CALIBRANT_COLD void prepare(const Datasets& parts, const Model<Net, Scalar>* start) {
    options_.validate();
    loss::validate(loss_);
    if (parts.empty()) throw Error("training " + Net::describe(), "one dataset or more", "none");
    for (const auto* data : parts) {
      if (data->n_features() != n_in)
        throw Error("training " + Net::describe() + " on " + data->source(), std::to_string(n_in) + " features",
                    std::to_string(data->n_features()));
      if (data->n_targets() != n_targets)
        throw Error("training " + Net::describe() + " on " + data->source() + " with the loss " + loss::describe(loss_),
                    std::to_string(n_targets) + " target(s)", std::to_string(data->n_targets()));
    }
    compare(parts, start);
    prepare_model(parts, start);
    sample_.encode(parts, model_, options_.seed, exchange_.rank());
    sample_.split(parts, options_, exchange_);
    model_.description.training.n_training = n_training();
    model_.description.training.n_validation = n_validation();
    shards_.resize(static_cast<std::size_t>(sample_.most_shards()));
    if (start == nullptr) {
      Random random(options_.seed, Stream::initial_weights);
      Net::template initialise<Scalar>(state_.parameters.view(), random);
    } else {
      state_.parameters = start->parameters();
    }
    state_.best = state_.parameters;
    for (int thread = 0; thread < pool_.n_threads(); ++thread) steps_.push_back(std::make_unique<Step>());
    if (!exchange_.alone()) {
      sum_ = std::make_unique<OrderedSum<Scalar>>(exchange_.ranks(), Net::n_params, options_.overlapped);
      total_ = std::make_unique<ParametersType>();
    }
    if (!options_.checkpoint.empty()) {
      data_sha256_ = sample_.sha256();
      if (!exchange_.alone()) data_sha256_ = exchange_.ranks().all_gather(data_sha256_[0]);
      resume();
      if (state_.epoch == 0) save();  // a place that cannot be written is known before any work is done
    }
    // So that epochs allocate nothing.
    constexpr int usual_epochs = 4096;
    const auto n_reports = static_cast<std::size_t>(std::min(options_.epochs, usual_epochs));
    state_.reports.reserve(n_reports);
    losses_.reserve(n_reports);
    for (const EpochReport& report : state_.reports) losses_.push_back(judged_loss(report));
    validation_sums_.resize(static_cast<std::size_t>(sample_.n_blocks()));
  }

  // ---- several parts -----------------------------------------------------------------------------------------------

  /// Sum over all parts, in their order, of what add(part, numbers) adds to zeros.
  template <std::size_t n, class Add>
  std::array<double, n> sum_over_parts(Add&& add) {
    std::array<double, n> total{};
    for (std::size_t part = 0; part < sample_.parts().size(); ++part) {
      std::array<double, n> own{};
      add(part, own);
      for (std::size_t k = 0; k < n; ++k) total[k] = part == 0 ? own[k] : total[k] + own[k];
    }
    exchange_.add_up(total);
    return total;
  }

  /// @throws Error if parts or ranks do not fit together.
  CALIBRANT_COLD void compare(const Datasets& parts, const Model<Net, Scalar>* start) {
    for (const auto* data : parts)
      if (const std::string own = columns(*data), first = columns(*parts[0]); own != first)
        throw Error("training on " + data->source(), "the columns of " + parts[0]->source() + ", " + first, own);
    if (exchange_.alone()) return;
    Fingerprint all{{"columns", columns(*parts[0])},
                    {"start", start == nullptr ? "none" : io::sha256(std::as_bytes(start->parameters().span()))},
                    {"checkpoint", options_.checkpoint.empty() ? "none" : "some"},
                    {"overlapped", options_.overlapped ? "true" : "false"}};
    const Fingerprint of_settings = settings(options_.output);
    all.insert(all.end(), of_settings.begin(), of_settings.end());
    for (const auto& [key, value] : all)
      if (const std::string first = exchange_.ranks().all_gather(value)[0]; first != value)
        throw Error("training on " + parts[0]->source() + ", " + key, first + ", as on rank 0", value);
  }
  /// What must be the same in all parts.
  static CALIBRANT_COLD std::string columns(const BasicDataset<Scalar>& data) {
    std::string text;
    for (const auto& feature : data.features())
      text.append(feature.name)
          .append(" (")
          .append(to_string(feature.transform))
          .append(", '")
          .append(feature.unit)
          .append("'), ");
    for (const auto& target : data.targets()) text.append("target ").append(target).append(", ");
    for (const auto& unit : data.target_units()) text.append("'").append(unit).append("' ");
    return text;
  }

  // ---- preparation -------------------------------------------------------------------------------------------------

  CALIBRANT_COLD void prepare_model(const Datasets& parts, const Model<Net, Scalar>* start) {
    const BasicDataset<Scalar>& data = *parts[0];
    if (start != nullptr) {
      model_ = *start;
      const auto& names = start->description.features;
      for (std::size_t i = 0; i < names.size() && i < data.features().size(); ++i)
        if (names[i] != data.features()[i].name)
          throw Error("training on " + data.source() + " from a trained model",
                      "its feature '" + names[i] + "' as number " + std::to_string(i),
                      "'" + data.features()[i].name + "'");
    } else {
      standardise(parts);
      if constexpr (requires { Net::fit_preprocessing(model_.inputs, model_.outputs); })
        Net::fit_preprocessing(model_.inputs, model_.outputs);
    }
    model_.validate();
    if (n_targets != n_out && model_.outputs[0].output == Output::paired_ratio)
      throw Error("training " + Net::describe() + " with the loss " + loss::describe(loss_),
                  "a target for each output, for paired ratios", std::to_string(n_targets) + " target(s)");
    auto& description = model_.description;
    description = {};
    for (const auto& feature : data.features()) {
      description.features.push_back(feature.name);
      description.feature_units.push_back(feature.unit);
    }
    description.targets = data.targets();
    description.target_units = data.target_units();
    description.training.loss = loss::describe(loss_);
    description.training.seed = options_.seed;
  }

  /// Input transforms and output scales: moments and ranges of the parts, merged in their order.
  CALIBRANT_COLD void standardise(const Datasets& parts) {
    constexpr std::size_t of_feature = 5, of_target = 3, per_part = n_in * of_feature + n_targets * of_target;
    const std::vector<double> all = exchange_.of_all_parts(parts.size(), [&](std::size_t part) {
      const BasicDataset<Scalar>& data = *parts[part];
      std::vector<double> numbers;
      for (int i = 0; i < n_in; ++i) {
        const Moments& sample = data.feature_sample(i);
        const auto& fitted = data.input_transforms()[static_cast<std::size_t>(i)];
        numbers.insert(numbers.end(), {sample.n, sample.mean, sample.squares, static_cast<double>(fitted.low),
                                       static_cast<double>(fitted.high)});
      }
      for (int i = 0; i < n_targets; ++i) {
        const bool wanted = options_.output == Output::standardised;
        const Moments sample = wanted ? data.target_sample(i) : Moments{};
        numbers.insert(numbers.end(), {sample.n, sample.mean, sample.squares});
      }
      return numbers;
    });
    const auto merged = [&](std::size_t at) {
      Moments sample{all[at], all[at + 1], all[at + 2]};
      for (at += per_part; at < all.size(); at += per_part) sample += {all[at], all[at + 1], all[at + 2]};
      return sample;
    };
    for (std::size_t i = 0; i < n_in; ++i) {
      auto& input = model_.inputs[i];
      input = parts[0]->input_transforms()[i];
      const std::size_t at = i * of_feature;
      if (input.transform != Transform::ignored) {
        const Moments sample = merged(at);
        input.standardise(sample.mean, sample.deviation());
      }
      for (std::size_t part = at; part < all.size(); part += per_part) {
        input.low = std::min(input.low, static_cast<Scalar>(all[part + 3]));
        input.high = std::max(input.high, static_cast<Scalar>(all[part + 4]));
      }
    }
    for (std::size_t i = 0; i < n_out; ++i) {
      auto& output = model_.outputs[i];
      output.output = options_.output;
      if (options_.output == Output::standardised) {
        const Moments sample = merged(n_in * of_feature + (n_targets == n_out ? i : 0) * of_target);
        output.shift = static_cast<Scalar>(sample.mean);
        output.scale = static_cast<Scalar>(sample.deviation() > 0.0 ? sample.deviation() : 1.0);
      }
    }
  }

  // ---- an epoch ----------------------------------------------------------------------------------------------------

  EpochReport train_epoch() {
    sample_.shuffle(static_cast<std::uint32_t>(state_.epoch));
    const std::int64_t n_batches = sample_.n_batches();
    if (!exchange_.alone()) weigh_batches(n_batches);
    EpochReport report;
    report.epoch = state_.epoch + 1;
    double weighted = 0.0, total_weight = 0.0;
    for (std::int64_t batch = 0; batch < n_batches; ++batch) {
      sample_.take_batch(batch);
      const Progress progress{static_cast<std::int64_t>(state_.optimizer.step), n_batches, state_.epoch,
                              options_.epochs, losses_};
      const double factor = options_.schedule(progress);
      if (!(factor >= 0.0 && std::isfinite(factor))) throw bad_factor(place(batch), factor);
      report.learning_rate = factor * options_.adam.learning_rate;
      const auto [loss, weight] =
          batch_step(!exchange_.alone() ? batch_weights_[static_cast<std::size_t>(batch)] : sample_.weight_of_batch(),
                     factor, batch);
      weighted += loss * weight;
      total_weight += weight;
    }
    report.training_loss = total_weight > 0.0 ? weighted / total_weight : 0.0;
    report.validation_loss = validation_loss();
    if (n_validation() > 0 && !std::isfinite(report.validation_loss))
      throw not_finite(
          [](const SamplePart& part, const BatchShare&) { return std::span<const std::uint32_t>(part.validation); },
          place(-1), "loss");
    ++state_.epoch;
    state_.reports.push_back(report);
    const double judged = judged_loss(report);
    losses_.push_back(judged);
    if (state_.best_epoch == 0 || judged < state_.best_loss) {
      state_.best_loss = judged;
      state_.best_epoch = state_.epoch;
      if (options_.patience > 0) state_.best = state_.parameters;
    }
    return report;
  }

  /// The weights of the epoch's batches, which every event's cotangent is divided by: one exchange for all of them.
  void weigh_batches(std::int64_t n_batches) {
    batch_weights_.resize(static_cast<std::size_t>(n_batches));
    for (std::int64_t batch = 0; batch < n_batches; ++batch) {
      sample_.take_batch(batch);
      batch_weights_[static_cast<std::size_t>(batch)] = sample_.weight_of_batch();
    }
    exchange_.add_up(batch_weights_);
  }

  double judged_loss(const EpochReport& report) const noexcept {
    return n_validation() == 0 ? report.training_loss : report.validation_loss;
  }
  /// Gathers each tile of the events first .. last of a batch and calls visit(first event of the tile). The first
  /// `foreseen` events are known.
  template <class Visit>
  void for_tiles(Step& step, const std::uint32_t* index, int first, int last, int foreseen, Visit&& visit) {
    for (int tile = first; tile < last; tile += Step::samples) {
      const int end = std::min(tile + Step::samples, last);
      step.gather(sample_.rows(), index + tile, end - tile);
      for (int next = end; next < std::min(end + Step::samples, foreseen); ++next) sample_.rows().prefetch(index[next]);
      visit(tile);
    }
  }

  /// Calls begin(step, sum), visit(step, sum, context) for each tile and end(step, sum, sum of the part's first shard)
  /// for every shard of a batch, on the threads of the pool.
  template <class Begin, class Visit, class End>
  void for_shards(Begin&& begin, Visit&& visit, End&& end) {
    const std::vector<BatchShare>& shares = sample_.shares();
    pool_.run(sample_.end_shard(shares.size() - 1), [&](int shard, int thread) noexcept {
      const FlushDenormals flush;
      ShardSum& sum = shards_[static_cast<std::size_t>(shard)];
      Step& step = *steps_[static_cast<std::size_t>(thread)];
      std::size_t part = shares.size() - 1;
      while (shares[part].first_shard > shard) --part;
      const BatchShare& share = shares[part];
      const int first = (shard - share.first_shard) * shard_size;
      begin(step, sum);
      for_tiles(step, share.index, first, std::min(share.count, first + shard_size), share.foreseen, [&](int tile) {
        visit(step, sum,
              TileContext{options_.seed, state_.optimizer.step, static_cast<std::uint32_t>(share.position + tile), 0});
      });
      end(step, sum, shards_[static_cast<std::size_t>(share.first_shard)]);
    });
  }
  /// One thread adds a shard's gradient to those before as soon as it has it: the same sums in the same order.
  bool adds_as_it_goes() const noexcept { return pool_.n_threads() == 1; }
  /// Sums over the shards of a part: numbers[k] += of(shard)[k].
  template <std::size_t n, class Of>
  void add_shards(std::size_t part, std::array<double, n>& numbers, Of&& of) const {
    for (int shard = sample_.shares()[part].first_shard; shard < sample_.end_shard(part); ++shard)
      for (std::size_t k = 0; k < n; ++k) numbers[k] += of(shards_[static_cast<std::size_t>(shard)])[k];
  }
  /// Adds up the gradients in shards_[0], for the parameters first to last - 1: those of a part's shards, then the
  /// parts.
  void add_gradients(std::size_t first, std::size_t last) noexcept {
    const int n = static_cast<int>(last - first);
    const auto gradient = [&](int shard) { return shards_[static_cast<std::size_t>(shard)].gradient.data() + first; };
    for (std::size_t part = 0; part < sample_.shares().size(); ++part) {
      const int first_shard = sample_.shares()[part].first_shard;
      for (int shard = first_shard + 1; shard < sample_.end_shard(part) && !adds_as_it_goes(); ++shard)
        add_to(gradient(first_shard), gradient(shard), n);
      if (part > 0) add_to(gradient(0), gradient(first_shard), n);
    }
  }

  struct BatchResult {
    double loss, weight;
  };

  /// @param weight  of all events of the batch, also those of other ranks.
  BatchResult batch_step(double weight, double factor, std::int64_t batch) {
    if (!(weight > 0.0)) return {0.0, 0.0};  // nothing to learn from this batch
    const auto inverse_weight = static_cast<Scalar>(1.0 / weight);
    const auto p = static_cast<const ParametersType&>(state_.parameters).view();

    Scalar mean_slopes[max_means] = {};
    double batch_loss = 0.0;
    if constexpr (loss::BatchCoupled<Loss>) {
      for_shards(
          [](Step&, ShardSum& sum) { std::fill(std::begin(sum.means), std::end(sum.means), 0.0); },
          [&](Step& step, ShardSum& sum, const TileContext& context) { step.observe(loss_, p, context, sum.means); },
          [](Step&, ShardSum&, ShardSum&) {});
      batch_loss = combine(weight, mean_slopes);
    }

    for_shards([](Step& step, ShardSum&) { step.clear(); },
               [&](Step& step, ShardSum&, const TileContext& context) {
                 step.train(loss_, p, context, inverse_weight, mean_slopes);
               },
               [&](Step& step, ShardSum& sum, ShardSum& first_of_part) {
                 ShardSum& target = adds_as_it_goes() ? first_of_part : sum;
                 if (&target == &sum) target.gradient.clear();
                 sum.loss = step.collect(p, target.gradient);
               });
    if constexpr (!loss::BatchCoupled<Loss>) {
      const auto losses = sum_over_parts<1>([&](std::size_t part, std::array<double, 1>& numbers) {
        add_shards(part, numbers, [](const ShardSum& sum) { return &sum.loss; });
      });
      batch_loss = losses[0] / weight;
    }
    const auto rows = [](const SamplePart&, const BatchShare& share) {
      return std::span(share.index, static_cast<std::size_t>(share.count));
    };
    if (!std::isfinite(batch_loss)) throw not_finite(rows, place(batch), "loss");
    const ParametersType* gradient = &shards_[0].gradient;
    if (exchange_.alone()) {
      add_gradients(0, Net::n_params);
    } else {
      (*sum_)(gradient->data(), total_->data(),
              [&](std::size_t first, std::size_t last) { add_gradients(first, last); });
      gradient = total_.get();
    }
    const double norm = options_.adam.step(state_.optimizer, state_.parameters, *gradient, factor);
    if (!std::isfinite(norm)) throw not_finite(rows, place(batch), "gradient");
    return {batch_loss, weight};
  }

  /// Value of a batch-coupled loss and its derivative with respect to the means.
  double combine(double weight, Scalar* mean_slopes) {
    if constexpr (loss::BatchCoupled<Loss>) {
      constexpr std::size_t K = Loss::n_means;
      const auto sums = sum_over_parts<K>([&](std::size_t part, std::array<double, K>& numbers) {
        add_shards(part, numbers, [](const ShardSum& sum) { return sum.means; });
      });
      std::array<Dual<double, Loss::n_means>, K> means;
      for (std::size_t k = 0; k < K; ++k)
        means[k] = Dual<double, Loss::n_means>::variable(sums[k] / weight, static_cast<int>(k));
      const Dual<double, Loss::n_means> value = loss_.combine(means);
      for (std::size_t k = 0; k < K; ++k) mean_slopes[k] = static_cast<Scalar>(value.tangent[k]);
      return value.value;
    } else {
      return 0.0;
    }
  }

  /// Weighted mean loss over the validation sample, without dropout.
  double mean_loss() {
    const auto p = static_cast<const ParametersType&>(state_.parameters).view();
    const std::vector<SamplePart>& parts = sample_.parts();
    std::fill(validation_sums_.begin(), validation_sums_.end(), LossSum{});
    pool_.run(sample_.n_blocks(), [&](int number, int thread) noexcept {
      const FlushDenormals flush;
      LossSum& sum = validation_sums_[static_cast<std::size_t>(number)];
      Step& step = *steps_[static_cast<std::size_t>(thread)];
      std::size_t part = parts.size() - 1;
      while (parts[part].first_block > number) --part;
      const std::vector<std::uint32_t>& rows = parts[part].validation;
      const std::int64_t first = static_cast<std::int64_t>(number - parts[part].first_block) * Sample::block;
      const int count =
          static_cast<int>(std::min<std::int64_t>(Sample::block, static_cast<std::int64_t>(rows.size()) - first));
      for_tiles(step, rows.data() + first, 0, count, count, [&](int) {
        if constexpr (loss::BatchCoupled<Loss>)
          step.evaluate(loss_, p, sum.means);
        else
          sum.loss += static_cast<double>(sum_lanes(step.evaluate(loss_, p)));
      });
    });
    // Weight, loss, means.
    const auto total = sum_over_parts<2 + max_means>([&](std::size_t part, std::array<double, 2 + max_means>& numbers) {
      numbers[0] = sample_.weight_of(parts[part].validation);
      for (int number = parts[part].first_block; number < sample_.end_block(part); ++number) {
        const LossSum& sum = validation_sums_[static_cast<std::size_t>(number)];
        numbers[1] += sum.loss;
        for (std::size_t k = 0; k < max_means; ++k) numbers[2 + k] += sum.means[k];
      }
    });
    if constexpr (loss::BatchCoupled<Loss>) {
      std::array<double, Loss::n_means> mean;
      for (std::size_t k = 0; k < mean.size(); ++k) mean[k] = total[2 + k] / total[0];
      return loss_.combine(mean);
    } else {
      return total[1] / total[0];
    }
  }

  /// Where a training is, for messages.
  /// @param batch  -1 for the validation sample.
  CALIBRANT_COLD std::string place(std::int64_t batch) const {
    return "training, epoch " + std::to_string(state_.epoch + 1) +
           (batch < 0 ? ", validation" : ", batch " + std::to_string(batch + 1));
  }
  static CALIBRANT_COLD Error bad_factor(const std::string& place, double factor) {
    return Error(place + ", schedule", "a factor that is finite and not negative", loss::number(factor));
  }
  /// Finds the first row whose loss is not finite with the parameters before the step.
  /// @param rows_of  the rows to look at, of a part and of what the batch takes from it.
  CALIBRANT_COLD Error not_finite(std::span<const std::uint32_t> (*rows_of)(const SamplePart&, const BatchShare&),
                                  const std::string& place, const char* what) {
    const auto p = static_cast<const ParametersType&>(state_.parameters).view();
    Step& step = *steps_[0];
    const auto finite = [&](const std::uint32_t& row) {
      step.gather(sample_.rows(), &row, 1);
      if constexpr (loss::BatchCoupled<Loss>) {
        double terms[max_means] = {};
        step.evaluate(loss_, p, terms);
        return std::all_of(std::begin(terms), std::end(terms), [](double term) { return std::isfinite(term); });
      } else {
        return is_finite(step.evaluate(loss_, p)[0]);
      }
    };
    std::string row;
    const std::vector<SamplePart>& parts = sample_.parts();
    for (std::size_t part = 0; part < parts.size() && row.empty(); ++part) {
      const std::span<const std::uint32_t> rows = rows_of(parts[part], sample_.shares()[part]);
      const auto bad = std::find_if_not(rows.begin(), rows.end(), finite);
      if (bad == rows.end()) continue;
      const std::uint32_t event = *bad - parts[part].first_row;
      const auto& source_rows = parts[part].source_rows;
      row = ", row " + std::to_string(source_rows.empty() ? event : source_rows[event]);
      if (n_parts() > 1) row += " of " + parts[part].source;
    }
    if (!exchange_.alone()) {
      const std::vector<std::string> found = exchange_.ranks().all_gather(row);
      const auto first = std::find_if(found.begin(), found.end(), [](const auto& text) { return !text.empty(); });
      if (first != found.end()) row = *first;
    }
    return Error(place + (row.empty() ? "; no single row of it has a loss that is not finite" : row),
                 std::string("a finite ") + what,
                 "NaN or infinity (a smaller learning rate or clip_norm may help; so may a look at that row)");
  }

  // ---- checkpoints -------------------------------------------------------------------------------------------------

  static CALIBRANT_COLD void add(Fingerprint& all, std::string key, std::string value) {
    all.push_back({std::move(key), std::move(value)});
  }
  /// What ranks, and a checkpoint to be resumed, must agree with.
  CALIBRANT_COLD Fingerprint settings(Output output) const {
    const Adam& adam = options_.adam;
    Fingerprint all;
    add(all, "architecture", Net::describe());
    add(all, "scalar", sizeof(Scalar) == 4 ? "float" : "double");
    add(all, "loss", loss::describe(loss_));
    add(all, "output", std::string(to_string(output)));
    add(all, "seed", std::to_string(options_.seed));
    const std::pair<const char*, int> counts[] = {
        {"epochs", options_.epochs}, {"batch_size", options_.batch_size}, {"patience", options_.patience}};
    for (const auto& [key, value] : counts) add(all, key, std::to_string(value));
    const std::pair<const char*, double> numbers[] = {{"validation_fraction", options_.validation_fraction},
                                                      {"learning_rate", adam.learning_rate},
                                                      {"beta1", adam.beta1},
                                                      {"beta2", adam.beta2},
                                                      {"epsilon", adam.epsilon},
                                                      {"weight_decay", adam.weight_decay},
                                                      {"clip_norm", adam.clip_norm}};
    for (const auto& [key, value] : numbers) add(all, key, loss::number(value));
    return all;
  }
  CALIBRANT_COLD Fingerprint fingerprint() const {
    Fingerprint all = settings(model_.outputs[0].output);
    for (std::size_t part = 0; part < data_sha256_.size(); ++part)
      add(all, part == 0 ? "data_sha256" : "data_sha256." + std::to_string(part), data_sha256_[part]);
    if (n_parts() > 1) add(all, "parts", std::to_string(n_parts()));
    add(all, "n_training", std::to_string(n_training()));
    add(all, "n_validation", std::to_string(n_validation()));
    return all;
  }
  /// Returns when the file is there; rank 0 writes it.
  CALIBRANT_COLD void save() {
    if (exchange_.is_first()) save_checkpoint(options_.checkpoint, state_, fingerprint());
    if (!exchange_.alone()) exchange_.ranks().wait_for_all();
  }
  /// Rank 0 reads the file, if there is one, and gives the others what it holds.
  CALIBRANT_COLD void resume() {
    if (exchange_.is_first()) load_checkpoint(options_.checkpoint, state_, fingerprint());
    if (exchange_.alone()) return;
    std::vector<double> numbers = progress_numbers(state_);
    std::array<double, 1> n{static_cast<double>(numbers.size())};
    exchange_.ranks().broadcast(std::as_writable_bytes(std::span(n)));
    numbers.resize(static_cast<std::size_t>(n[0]));
    exchange_.ranks().broadcast(std::as_writable_bytes(std::span(numbers)));
    set_progress(state_, numbers);
    for (ParametersType* values : {&state_.parameters, &state_.best, &state_.optimizer.first, &state_.optimizer.second})
      exchange_.ranks().broadcast(std::as_writable_bytes(values->span()));
  }

  Loss loss_;
  FitOptions options_;
  Exchange exchange_;
  ThreadPool pool_;
  Model<Net, Scalar> model_;
  Sample sample_;
  std::vector<double> losses_;            ///< that schedules and early stopping judge by, one per epoch
  std::vector<LossSum> validation_sums_;  ///< of the blocks of the validation sample
  std::vector<std::string> data_sha256_;  ///< of every part
  // On the heap: four times the parameters of a large net would not fit on a thread's stack.
  std::unique_ptr<TrainingState<Scalar, Net::n_params>> owned_ =
      std::make_unique<TrainingState<Scalar, Net::n_params>>();
  TrainingState<Scalar, Net::n_params>& state_ = *owned_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<ShardSum> shards_;
  // For ranks: the sum over them, and what they have said.
  std::unique_ptr<OrderedSum<Scalar>> sum_;
  std::unique_ptr<ParametersType> total_;
  std::vector<double> batch_weights_;
};

/// Trains a network in one line: fit<Net>(dataset, loss, {.epochs = 40, .seed = 1}).
template <class Net, class Scalar, class Loss>
Model<Net, Scalar> fit(const BasicDataset<Scalar>& data, const Loss& loss, const FitOptions& options = {}) {
  Trainer<Net, Scalar, Loss> trainer(data, loss, options);
  trainer.run();
  return trainer.model();
}

/// Goes on from a trained model, keeping its preprocessing: a second pass with another loss.
template <class Net, class Scalar, class Loss>
Model<Net, Scalar> fit(const BasicDataset<Scalar>& data, const Loss& loss, const FitOptions& options,
                       const Model<Net, Scalar>& start) {
  Trainer<Net, Scalar, Loss> trainer(data, loss, options, &start);
  trainer.run();
  return trainer.model();
}

/// The same on a sample of several parts, such as files.
template <class Net, class Scalar, class Loss>
Model<Net, Scalar> fit(const std::vector<BasicDataset<Scalar>>& parts, const Loss& loss, const FitOptions& options = {},
                       const Model<Net, Scalar>* start = nullptr) {
  Trainer<Net, Scalar, Loss> trainer(parts, loss, options, start);
  trainer.run();
  return trainer.model();
}

/// The same with other processes, each of which has a part: every rank calls it, every rank gets the model, to the bits
/// of fit on all parts in one process. fit<Net>(session, my_part, loss, {.epochs = 40})
template <class Net, class Scalar, class Loss>
Model<Net, Scalar> fit(Ranks& ranks, const BasicDataset<Scalar>& part, const Loss& loss, const FitOptions& options = {},
                       const Model<Net, Scalar>* start = nullptr) {
  Trainer<Net, Scalar, Loss> trainer(ranks, part, loss, options, start);
  trainer.run();
  return trainer.model();
}

}  // namespace calibrant
