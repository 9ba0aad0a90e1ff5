// Trainer: fits a model to a dataset, the same bits for the same data, seed and settings whatever the number of
// threads. A batch is cut into fixed shards; the gradient is the sum of the shards' gradients in their order.
#pragma once

#include <algorithm>
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
#include "calibrant/train/checkpoint.hpp"
#include "calibrant/train/dataset.hpp"
#include "calibrant/train/options.hpp"
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

  /// @param start  a model to go on from (its preprocessing is kept), or nullptr for fresh weights from the seed.
  /// @throws Error if the dataset, the loss, the options or the start do not fit the network.
  Trainer(const BasicDataset<Scalar>& data, Loss loss, FitOptions options, const Model<Net, Scalar>* start = nullptr)
      : loss_(std::move(loss)), options_(std::move(options)), pool_(options_.threads) {
    options_.validate();
    loss::validate(loss_);
    if (data.n_features() != n_in)
      throw Error("training " + Net::describe() + " on " + data.source(), std::to_string(n_in) + " features",
                  std::to_string(data.n_features()));
    if (data.n_targets() != n_targets)
      throw Error("training " + Net::describe() + " on " + data.source() + " with the loss " + loss::describe(loss_),
                  std::to_string(n_targets) + " target(s)", std::to_string(data.n_targets()));
    prepare_model(data, start);
    encode(data);
    split(data);
    if (start == nullptr) {
      Random random(options_.seed, Stream::initial_weights);
      Net::template initialise<Scalar>(state_.parameters.view(), random);
    } else {
      state_.parameters = start->parameters();
    }
    state_.best = state_.parameters;
    for (int thread = 0; thread < pool_.n_threads(); ++thread) steps_.push_back(std::make_unique<Step>());
    shards_.resize(static_cast<std::size_t>(n_shards(options_.batch_size)));
    if (!options_.checkpoint.empty()) {
      data_sha256_ = io::sha256(rows_.bytes());
      resume();
    }
    // So that epochs allocate nothing.
    constexpr int usual_epochs = 4096;
    const auto n_reports = static_cast<std::size_t>(std::min(options_.epochs, usual_epochs));
    state_.reports.reserve(n_reports);
    losses_.reserve(n_reports);
    for (const EpochReport& report : state_.reports) losses_.push_back(judged_loss(report));
    order_.reserve(training_rows_.size());
    validation_sums_.resize((validation_rows_.size() + validation_block - 1) / validation_block);
  }

  /// Trains until the epochs are done, early stopping ends it, or on_epoch returns false.
  void run() {
    ProgressPrinter printer(options_.progress == ProgressLine::automatic, options_.epochs);
    bool go_on = !finished();
    while (go_on) {
      const EpochReport report = epoch();
      printer.show(report, static_cast<double>(training_rows_.size()));
      go_on = !finished();
      if (options_.on_epoch && !options_.on_epoch(report)) go_on = false;
      if (!options_.checkpoint.empty() && (!go_on || state_.epoch % options_.checkpoint_every == 0)) save();
    }
  }

  /// True when all epochs are done or early stopping says so.
  bool finished() const noexcept {
    return state_.epoch >= options_.epochs ||
           (options_.patience > 0 && state_.epoch - state_.best_epoch >= options_.patience);
  }

  /// One epoch: every training event once, in an order that is a function of seed and epoch.
  /// @throws Error on a loss or gradient that is not finite, with epoch, batch and row.
  EpochReport epoch() {
    shuffle();
    const auto n = static_cast<std::int64_t>(order_.size());
    const std::int64_t batch_size = options_.batch_size;
    const std::int64_t n_batches = (n + batch_size - 1) / batch_size;
    EpochReport report;
    report.epoch = state_.epoch + 1;
    double weighted = 0.0, total_weight = 0.0;
    for (std::int64_t batch = 0; batch < n_batches; ++batch) {
      const std::int64_t first = batch * batch_size;
      const int count = static_cast<int>(std::min(batch_size, n - first));
      const Progress progress{static_cast<std::int64_t>(state_.optimizer.step), n_batches, state_.epoch,
                              options_.epochs, losses_};
      const double factor = options_.schedule(progress);
      if (!(factor >= 0.0 && std::isfinite(factor)))
        throw Error(
            "training, epoch " + std::to_string(report.epoch) + ", batch " + std::to_string(batch + 1) + ", schedule",
            "a factor that is finite and not negative", loss::number(factor));
      report.learning_rate = factor * options_.adam.learning_rate;
      const auto [loss, weight] = batch_step(order_.data() + first, count, factor, batch);
      weighted += loss * weight;
      total_weight += weight;
    }
    report.training_loss = total_weight > 0.0 ? weighted / total_weight : 0.0;
    report.validation_loss = validation_loss();
    if (!validation_rows_.empty() && !std::isfinite(report.validation_loss))
      throw not_finite(validation_rows_.data(), static_cast<int>(validation_rows_.size()),
                       "epoch " + std::to_string(report.epoch) + ", validation", "loss");
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

  /// One optimizer step on the given events (rows of the dataset, 1 to batch_size of them), for those who choose their
  /// own batches. It belongs to no epoch: history and schedule do not see it.
  /// @return the loss of the batch before the step.
  /// @throws Error on rows that are not there, an empty or too large batch, a loss or gradient that is not finite.
  double step(std::span<const std::uint32_t> events, double schedule_factor = 1.0) {
    if (events.empty() || events.size() > static_cast<std::size_t>(options_.batch_size))
      throw Error("Trainer::step", "1 to " + std::to_string(options_.batch_size) + " events",
                  std::to_string(events.size()));
    const auto n_rows = static_cast<std::uint32_t>(training_rows_.size() + validation_rows_.size());
    for (const std::uint32_t event : events)
      if (event >= n_rows)
        throw Error("Trainer::step", "rows below " + std::to_string(n_rows), "row " + std::to_string(event));
    return batch_step(events.data(), static_cast<int>(events.size()), schedule_factor, 0).loss;
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

  std::int64_t n_training() const noexcept { return static_cast<std::int64_t>(training_rows_.size()); }
  std::int64_t n_validation() const noexcept { return static_cast<std::int64_t>(validation_rows_.size()); }

  /// Loss of the current parameters on the validation sample; NaN if there is none.
  double validation_loss() {
    if (validation_rows_.empty()) return std::numeric_limits<double>::quiet_NaN();
    return mean_loss(validation_rows_);
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

  CALIBRANT_COLD void prepare_model(const BasicDataset<Scalar>& data, const Model<Net, Scalar>* start) {
    if (start != nullptr) {
      model_ = *start;
      const auto& names = start->description.features;
      for (std::size_t i = 0; i < names.size() && i < data.features().size(); ++i)
        if (names[i] != data.features()[i].name)
          throw Error("training on " + data.source() + " from a trained model",
                      "its feature '" + names[i] + "' as number " + std::to_string(i),
                      "'" + data.features()[i].name + "'");
    } else {
      for (int i = 0; i < n_in; ++i)
        model_.inputs[static_cast<std::size_t>(i)] = data.input_transforms()[static_cast<std::size_t>(i)];
      for (int i = 0; i < n_out; ++i) {
        auto& output = model_.outputs[static_cast<std::size_t>(i)];
        output.output = options_.output;
        if (options_.output == Output::standardised) {
          const auto [mean, deviation] = data.target_moments(n_targets == n_out ? i : 0);
          output.shift = static_cast<Scalar>(mean);
          output.scale = static_cast<Scalar>(deviation > 0.0 ? deviation : 1.0);
        }
      }
    }
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

  void encode(const BasicDataset<Scalar>& data) {
    using Rows = typename Step::Rows;
    const std::int64_t n = data.n_events();
    if (n > std::numeric_limits<std::uint32_t>::max())
      throw Error("training on " + data.source(), "at most 4294967295 events", std::to_string(n));
    rows_.resize(n);
    for (std::int64_t event = 0; event < n; ++event) {
      Scalar* row = rows_.row(event);
      for (int i = 0; i < n_in; ++i) {
        row[i] = model_.inputs[static_cast<std::size_t>(i)].encode(data.feature(event, i));
        if (!is_finite(row[i]))
          throw Error("training on " + data.source() + ", row " + std::to_string(event) + ", feature '" +
                          data.features()[static_cast<std::size_t>(i)].name + "'",
                      "a finite number after the transform " +
                          std::string(to_string(model_.inputs[static_cast<std::size_t>(i)].transform)),
                      loss::number(static_cast<double>(data.feature(event, i))));
      }
      for (int i = 0; i < n_targets; ++i) {
        row[n_in + i] = model_.outputs[static_cast<std::size_t>(n_targets == n_out ? i : 0)].encode(
            data.target(event, i), data.feature(event, 0));
        if (!is_finite(row[n_in + i]))
          throw Error(
              "training on " + data.source() + ", row " + std::to_string(event) + ", target '" +
                  data.targets()[static_cast<std::size_t>(i)] + "'",
              "a finite target after the transform " +
                  std::string(to_string(model_.outputs[static_cast<std::size_t>(n_targets == n_out ? i : 0)].output)),
              loss::number(static_cast<double>(row[n_in + i])));
      }
      row[Rows::weight_column] = data.weight(event);
      unit_weights_ = unit_weights_ && data.weight(event) == Scalar(1);
    }
  }

  void split(const BasicDataset<Scalar>& data) {
    const Random random(options_.seed, Stream::split);
    const auto threshold = static_cast<std::uint64_t>(options_.validation_fraction * 4294967296.0);
    double training_weight = 0.0, validation_weight = 0.0;
    for (std::int64_t event = 0; event < data.n_events(); ++event) {
      const bool validation = random.block(data.group(event))[0] < threshold;
      (validation ? validation_rows_ : training_rows_).push_back(static_cast<std::uint32_t>(event));
      (validation ? validation_weight : training_weight) += static_cast<double>(data.weight(event));
    }
    const std::string where = "training on " + data.source();
    if (static_cast<std::int64_t>(training_rows_.size()) < options_.batch_size)
      throw Error(where, "a batch no larger than the " + std::to_string(training_rows_.size()) + " training events",
                  "batch_size " + std::to_string(options_.batch_size));
    if (!(training_weight > 0.0)) throw Error(where, "training events with a weight above zero", "none");
    if (options_.validation_fraction > 0.0 && !(validation_weight > 0.0))
      throw Error(where,
                  "validation events with a weight above zero at validation_fraction " +
                      std::to_string(options_.validation_fraction),
                  std::to_string(validation_rows_.size()) + " events, total weight zero");
    model_.description.training.n_training = n_training();
    model_.description.training.n_validation = n_validation();
  }

  void shuffle() {
    order_ = training_rows_;
    calibrant::shuffle(order_, Random(options_.seed, Stream::shuffle, static_cast<std::uint32_t>(state_.epoch)));
  }

  double judged_loss(const EpochReport& report) const noexcept {
    return validation_rows_.empty() ? report.training_loss : report.validation_loss;
  }
  /// Gathers each tile of the events first .. last of a batch and calls visit(first event of the tile).
  template <class Visit>
  void for_tiles(Step& step, const std::uint32_t* index, int first, int last, Visit&& visit) {
    for (int tile = first; tile < last; tile += Step::samples) {
      const int end = std::min(tile + Step::samples, last);
      step.gather(rows_, index + tile, end - tile);
      for (int next = end; next < std::min(end + Step::samples, last); ++next) rows_.prefetch(index[next]);
      visit(tile);
    }
  }

  /// Calls begin(step, sum), visit(step, sum, context) for each tile and end(step, sum) for every shard of a batch, on
  /// the threads of the pool.
  template <class Begin, class Visit, class End>
  void for_shards(const std::uint32_t* index, int count, Begin&& begin, Visit&& visit, End&& end) {
    pool_.run(n_shards(count), [&](int shard, int thread) noexcept {
      const FlushDenormals flush;
      ShardSum& sum = shards_[static_cast<std::size_t>(shard)];
      Step& step = *steps_[static_cast<std::size_t>(thread)];
      begin(step, sum);
      for_tiles(step, index, shard * shard_size, std::min(count, (shard + 1) * shard_size), [&](int tile) {
        visit(step, sum, TileContext{options_.seed, state_.optimizer.step, static_cast<std::uint32_t>(tile), 0});
      });
      end(step, sum);
    });
  }
  static constexpr int n_shards(int count) noexcept { return (count + shard_size - 1) / shard_size; }

  double total_weight(std::span<const std::uint32_t> events) const {
    if (unit_weights_) return static_cast<double>(events.size());
    double sum = 0.0;
    for (const std::uint32_t event : events) sum += static_cast<double>(rows_.row(event)[Step::Rows::weight_column]);
    return sum;
  }

  struct BatchResult {
    double loss, weight;
  };

  BatchResult batch_step(const std::uint32_t* index, int count, double factor, std::int64_t batch) {
    const double weight = total_weight(std::span(index, static_cast<std::size_t>(count)));
    if (!(weight > 0.0)) return {0.0, 0.0};  // nothing to learn from this batch
    const auto inverse_weight = static_cast<Scalar>(1.0 / weight);
    const auto p = static_cast<const ParametersType&>(state_.parameters).view();

    Scalar mean_slopes[max_means] = {};
    double batch_loss = 0.0;
    if constexpr (loss::BatchCoupled<Loss>) {
      for_shards(
          index, count, [](Step&, ShardSum& sum) { std::fill(std::begin(sum.means), std::end(sum.means), 0.0); },
          [&](Step& step, ShardSum& sum, const TileContext& context) { step.observe(loss_, p, context, sum.means); },
          [](Step&, ShardSum&) {});
      batch_loss = combine(n_shards(count), weight, mean_slopes);
    }

    for_shards(
        index, count, [](Step& step, ShardSum&) { step.clear(); },
        [&](Step& step, ShardSum&, const TileContext& context) {
          step.train(loss_, p, context, inverse_weight, mean_slopes);
        },
        [&](Step& step, ShardSum& sum) {
          sum.gradient.clear();
          sum.loss = step.collect(p, sum.gradient);
        });
    ParametersType& gradient = shards_[0].gradient;
    double loss_sum = shards_[0].loss;
    for (int shard = 1; shard < n_shards(count); ++shard) {
      const ShardSum& sum = shards_[static_cast<std::size_t>(shard)];
      loss_sum += sum.loss;
      for (int i = 0; i < Net::n_params; ++i) gradient[i] += sum.gradient[i];
    }
    if constexpr (!loss::BatchCoupled<Loss>) batch_loss = loss_sum / weight;
    const auto place = [&] {
      return "epoch " + std::to_string(state_.epoch + 1) + ", batch " + std::to_string(batch + 1);
    };
    if (!std::isfinite(batch_loss)) throw not_finite(index, count, place(), "loss");
    const double norm = options_.adam.step(state_.optimizer, state_.parameters, gradient, factor);
    if (!std::isfinite(norm)) throw not_finite(index, count, place(), "gradient");
    return {batch_loss, weight};
  }

  /// Value of a batch-coupled loss and its derivative with respect to the means.
  double combine(int n_sums, double weight, Scalar* mean_slopes) const {
    if constexpr (loss::BatchCoupled<Loss>) {
      constexpr std::size_t K = Loss::n_means;
      double sums[K] = {};
      for (int shard = 0; shard < n_sums; ++shard)
        for (std::size_t k = 0; k < K; ++k) sums[k] += shards_[static_cast<std::size_t>(shard)].means[k];
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

  static constexpr int validation_block = 16 * shard_size;

  /// Weighted mean loss over the validation sample, without dropout.
  double mean_loss(const std::vector<std::uint32_t>& rows) {
    constexpr int block = validation_block;
    const auto p = static_cast<const ParametersType&>(state_.parameters).view();
    const auto n = static_cast<std::int64_t>(rows.size());
    const double weight = total_weight(rows);
    double loss_sum = 0.0;
    double means[max_means] = {};
    std::vector<LossSum>& sums = validation_sums_;
    std::fill(sums.begin(), sums.end(), LossSum{});
    pool_.run(static_cast<int>(sums.size()), [&](int shard, int thread) noexcept {
      const FlushDenormals flush;
      LossSum& sum = sums[static_cast<std::size_t>(shard)];
      Step& step = *steps_[static_cast<std::size_t>(thread)];
      const std::int64_t first = static_cast<std::int64_t>(shard) * block;
      const int count = static_cast<int>(std::min<std::int64_t>(block, n - first));
      for_tiles(step, rows.data() + first, 0, count, [&](int) {
        if constexpr (loss::BatchCoupled<Loss>)
          step.evaluate(loss_, p, sum.means);
        else
          sum.loss += static_cast<double>(sum_lanes(step.evaluate(loss_, p)));
      });
    });
    for (const LossSum& sum : sums) {
      loss_sum += sum.loss;
      for (int k = 0; k < max_means; ++k) means[k] += sum.means[k];
    }
    if constexpr (loss::BatchCoupled<Loss>) {
      std::array<double, Loss::n_means> mean;
      for (std::size_t k = 0; k < mean.size(); ++k) mean[k] = means[k] / weight;
      return loss_.combine(mean);
    }
    return loss_sum / weight;
  }

  /// Finds the first row whose loss is not finite with the parameters before the step.
  CALIBRANT_COLD Error not_finite(const std::uint32_t* index, int count, const std::string& place, const char* what) {
    const auto p = static_cast<const ParametersType&>(state_.parameters).view();
    Step& step = *steps_[0];
    const auto finite = [&](int i) {
      step.gather(rows_, index + i, 1);
      if constexpr (loss::BatchCoupled<Loss>) {
        double terms[max_means] = {};
        step.evaluate(loss_, p, terms);
        return std::all_of(std::begin(terms), std::end(terms), [](double term) { return std::isfinite(term); });
      } else {
        return is_finite(step.evaluate(loss_, p)[0]);
      }
    };
    int bad = 0;
    while (bad < count && finite(bad)) ++bad;
    return Error("training, " + place +
                     (bad < count ? ", row " + std::to_string(index[bad])
                                  : "; no single row of it has a loss that is not finite"),
                 std::string("a finite ") + what,
                 "NaN or infinity (a smaller learning rate or clip_norm may help; so may a look at that row)");
  }

  /// What a checkpoint must agree with to be resumed.
  CALIBRANT_COLD Fingerprint fingerprint() const {
    const Adam& adam = options_.adam;
    return {{"architecture", Net::describe()},
            {"scalar", sizeof(Scalar) == 4 ? "float" : "double"},
            {"loss", loss::describe(loss_)},
            {"output", std::string(to_string(model_.outputs[0].output))},
            {"seed", std::to_string(options_.seed)},
            {"epochs", std::to_string(options_.epochs)},
            {"batch_size", std::to_string(options_.batch_size)},
            {"patience", std::to_string(options_.patience)},
            {"validation_fraction", loss::number(options_.validation_fraction)},
            {"learning_rate", loss::number(adam.learning_rate)},
            {"beta1", loss::number(adam.beta1)},
            {"beta2", loss::number(adam.beta2)},
            {"epsilon", loss::number(adam.epsilon)},
            {"weight_decay", loss::number(adam.weight_decay)},
            {"clip_norm", loss::number(adam.clip_norm)},
            {"data_sha256", data_sha256_},
            {"n_training", std::to_string(n_training())},
            {"n_validation", std::to_string(n_validation())}};
  }
  CALIBRANT_COLD void save() const { save_checkpoint(options_.checkpoint, state_, fingerprint()); }
  CALIBRANT_COLD void resume() { load_checkpoint(options_.checkpoint, state_, fingerprint()); }

  Loss loss_;
  FitOptions options_;
  ThreadPool pool_;
  Model<Net, Scalar> model_;
  typename Step::Rows rows_;
  bool unit_weights_ = true;
  std::vector<std::uint32_t> training_rows_, validation_rows_, order_;
  std::vector<double> losses_;  // that schedules and early stopping judge by, one per epoch
  std::vector<LossSum> validation_sums_;
  std::string data_sha256_;
  // On the heap: four times the parameters of a large net would not fit on a thread's stack.
  std::unique_ptr<TrainingState<Scalar, Net::n_params>> owned_ =
      std::make_unique<TrainingState<Scalar, Net::n_params>>();
  TrainingState<Scalar, Net::n_params>& state_ = *owned_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<ShardSum> shards_;
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

}  // namespace calibrant
