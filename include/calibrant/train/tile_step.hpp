// TileStep: forward, loss and backward of one tile in one go, before the next tile is touched. No activation of the
// whole batch is ever stored.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "calibrant/loss/loss.hpp"
#include "calibrant/nn/model.hpp"

namespace calibrant {

/// A training sample as the network sees it: rows of features, targets and weight, one after the other.
template <class Scalar, int n_features, int n_targets>
class EncodedRows {
 public:
  static constexpr int weight_column = n_features + n_targets;
  static constexpr int n_columns = weight_column + 1;
  /// Whole quarters of 4: a row never straddles more cache lines than it must.
  static constexpr int width = (n_columns + 3) / 4 * 4;

  /// Room for n rows, and behind them for the registers that read past the last one.
  void resize(std::int64_t n) {
    static_assert(read_ahead<Scalar, n_columns>() <= width + lanes<Scalar>);
    lines_.assign((static_cast<std::size_t>(n) * width + 2 * lanes<Scalar> - 1) / lanes<Scalar>, Line{});
  }
  Scalar* row(std::int64_t index) noexcept { return lines_.data()->values + static_cast<std::size_t>(index) * width; }
  const Scalar* row(std::int64_t index) const noexcept {
    return lines_.data()->values + static_cast<std::size_t>(index) * width;
  }
  /// Asks for a row that will be read soon: rows are visited in random order, which no processor foresees.
  void prefetch(std::int64_t index) const noexcept {
    const Scalar* const first = row(index);
    constexpr int line = virtual_register_bytes / static_cast<int>(sizeof(Scalar));
    CALIBRANT_UNROLL for (int column = 0; column < n_columns; column += line) CALIBRANT_PREFETCH(first + column);
    if constexpr (line % width != 0) CALIBRANT_PREFETCH(first + n_columns - 1);
  }
  /// Of n rows.
  std::span<const std::byte> bytes(std::int64_t first, std::int64_t n) const noexcept {
    return std::as_bytes(std::span<const Scalar>(row(first), static_cast<std::size_t>(n) * width));
  }

 private:
  struct alignas(virtual_register_bytes) Line {
    Scalar values[lanes<Scalar>] = {};
  };
  std::vector<Line> lines_;
};

/// The buffers of one thread and the arithmetic of one tile.
template <class Net, class Scalar, class Loss>
class TileStep {
 public:
  static constexpr int n_in = Net::n_in, n_out = Net::n_out, n_targets = loss::n_targets<Loss, Net::n_out>();
  using Rows = EncodedRows<Scalar, n_in, n_targets>;
  using Lanes = Tile<Scalar>;  // plain samples
  using T = std::conditional_t<loss::UsesSlope<Loss>, Dual<Lanes, 1>, Lanes>;
  static constexpr int samples = Lanes::n_samples;
  using Gradient = Parameters<Scalar, Net::n_params>;
  using ParameterView = View<const Scalar, Net::n_params>;

  /// Reads `count` rows (1 to `samples`) into lanes; lanes past them repeat the first row with weight zero.
  void gather(const Rows& rows, const std::uint32_t* index, int count) noexcept {
    const Scalar* row[samples];
    for (int s = 0; s < count; ++s) row[s] = rows.row(index[s]);
    for (int s = count; s < samples; ++s) row[s] = row[0];
    transpose_rows<Scalar, Rows::n_columns, samples>([&](int s) CALIBRANT_LAMBDA_INLINE { return row[s]; },
                                                     [&](int column)
                                                         CALIBRANT_LAMBDA_INLINE { return destination(column); });
    Scalar* weight = scalars(&weight_);
    for (int s = count; s < samples; ++s) weight[s] = Scalar(0);
    if constexpr (loss::UsesSlope<Loss>) {
      for (int k = 0; k < n_in; ++k) x_[k].tangent[0] = Lanes(Scalar(k == Loss::slope_input ? 1 : 0));
    }
  }

  void clear() noexcept {
    gradient_.clear();
    loss_ = Lanes(Scalar(0));
  }
  /// Adds this shard's gradient to `gradient` and returns the sum of its weighted losses.
  double collect(ParameterView p, Gradient& gradient) const noexcept {
    gradient_.collect(p, gradient.data());
    return static_cast<double>(sum_lanes(loss_));
  }

  /// Forward and backward of the gathered tile; cotangents carry weight * inverse_weight. For a batch-coupled loss,
  /// `mean_slopes` is d(loss)/d(means).
  void train(const Loss& loss, ParameterView p, const TileContext& context, Scalar inverse_weight,
             const Scalar* mean_slopes = nullptr) noexcept {
    forward(p, context);
    const Lanes scale = weight_ * Lanes(inverse_weight);
    T dy[n_out];
    loss_ = loss_ + weight_ * cotangent(loss, dy, mean_slopes);
    for (int i = 0; i < n_out; ++i) dy[i] = dy[i] * T(scale);
    Net::template pullback<T>(p, View<const T, n_in>(x_), View<const T, n_out>(y_), workspace_,
                              View<const T, n_out>(dy), gradient_, NoInputGradient{});
  }

  /// First pass of a batch-coupled loss: adds the weighted sums of its events.
  void observe(const Loss& loss, ParameterView p, const TileContext& context, double* sums) noexcept
      requires(loss::BatchCoupled<Loss>) {
    forward(p, context);
    add_terms(loss, sums);
  }

  /// Weighted losses of the gathered tile, without dropout and without a gradient.
  Lanes evaluate(const Loss& loss, ParameterView p) noexcept requires(!loss::BatchCoupled<Loss>) {
    Net::template forward<T>(p, View<const T, n_in>(x_), View<T, n_out>(y_));
    if constexpr (loss::UsesSlope<Loss>)
      return weight_ * loss.event(y_[0].value, y_[0].tangent[0], target_[0]);
    else
      return weight_ * loss::value(loss, View<const Lanes, n_out>(y_), View<const Lanes, n_targets>(target_));
  }
  /// The same for a batch-coupled loss: adds to its sums.
  void evaluate(const Loss& loss, ParameterView p, double* sums) noexcept requires(loss::BatchCoupled<Loss>) {
    Net::template forward<T>(p, View<const T, n_in>(x_), View<T, n_out>(y_));
    add_terms(loss, sums);
  }

 private:
  /// Where the lanes of a column of the rows go.
  Scalar* destination(int column) noexcept {
    if (column < n_in) return scalars(x_ + column);
    return column < Rows::weight_column ? scalars(target_ + (column - n_in)) : scalars(&weight_);
  }

  void forward(ParameterView p, const TileContext& context) noexcept {
    workspace_.start(context);
    Net::template forward<T>(p, View<const T, n_in>(x_), View<T, n_out>(y_), workspace_);
  }

  /// Adds the weighted terms of the tile's events to the sums of a batch-coupled loss.
  void add_terms(const Loss& loss, double* sums) const noexcept {
    const auto terms = event(loss, y_);
    for (int k = 0; k < Loss::n_means; ++k)
      sums[k] += static_cast<double>(sum_lanes(weight_ * terms[static_cast<std::size_t>(k)]));
  }

  template <class D>
  auto event(const Loss& loss, const D* prediction) const noexcept {
    if constexpr (n_out == 1 && n_targets == 1)
      return loss.event(prediction[0], D(target_[0]));
    else
      return loss.event(View<const D, n_out>(prediction), View<const D, n_targets>(converted<D>().values));
  }
  template <class D>
  struct Targets {
    D values[n_targets];
  };
  template <class D>
  Targets<D> converted() const noexcept {
    Targets<D> result;
    for (int i = 0; i < n_targets; ++i) result.values[i] = D(target_[i]);
    return result;
  }

  /// Loss per sample (zero for a batch-coupled one, whose value is not a sum) and dL/dy.
  Lanes cotangent(const Loss& loss, T* dy, const Scalar* mean_slopes) noexcept {
    if constexpr (loss::BatchCoupled<Loss>) {
      using D = Dual<Lanes, n_out>;
      D variables[n_out];
      for (int i = 0; i < n_out; ++i) variables[i] = D::variable(y_[i], i);
      const auto terms = event(loss, variables);
      for (int i = 0; i < n_out; ++i) dy[i] = Lanes(Scalar(0));
      if (mean_slopes != nullptr)
        for (int k = 0; k < Loss::n_means; ++k)
          for (int i = 0; i < n_out; ++i)
            dy[i] = fma(Lanes(mean_slopes[k]), terms[static_cast<std::size_t>(k)].tangent[i], dy[i]);
      return Lanes(Scalar(0));
    } else if constexpr (loss::UsesSlope<Loss>) {
      static_assert(n_out == 1 && n_targets == 1, "loss::OfSlope: a net with one output and one target");
      using D = Dual<Lanes, 2>;
      const D both = loss.event(D::variable(y_[0].value, 0), D::variable(y_[0].tangent[0], 1), D(target_[0]));
      // Reverse over forward: the cotangent of the slope rides as value, that of the output as tangent.
      dy[0].value = both.tangent[1];
      dy[0].tangent[0] = both.tangent[0];
      return both.value;
    } else {
      return loss::value_and_slopes(loss, View<const Lanes, n_out>(y_), View<const Lanes, n_targets>(target_),
                                    View<Lanes, n_out>(dy));
    }
  }

  T x_[n_in], y_[n_out];
  Lanes target_[n_targets], weight_, loss_;
  typename Net::template Workspace<T> workspace_;
  typename Net::template Accumulator<T> gradient_;
};

}  // namespace calibrant
