// Exchange: what the processes of a training tell each other; nothing where there is one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "calibrant/parallel/ranks.hpp"

namespace calibrant {

/// The ranks of a training, or this process alone. Sums are taken in the order of the ranks: their bits are those of
/// one process that adds the same numbers.
class Exchange {
 public:
  /// @param ranks  nullptr, or all that take part; one rank is as good as none.
  explicit Exchange(Ranks* ranks) noexcept : ranks_(ranks != nullptr && ranks->size() > 1 ? ranks : nullptr) {}

  bool alone() const noexcept { return ranks_ == nullptr; }
  /// @pre not alone.
  Ranks& ranks() const noexcept { return *ranks_; }
  int rank() const noexcept { return alone() ? 0 : ranks_->rank(); }
  bool is_first() const noexcept { return rank() == 0; }

  /// Runs f; what it throws is thrown on all ranks.
  template <class F>
  decltype(auto) shared(F&& f) {
    if (alone()) return std::forward<F>(f)();
    return ranks_->shared(std::forward<F>(f));
  }

  bool all_agree(bool yes) {
    if (alone()) return yes;
    const double mine = yes ? 1.0 : 0.0;
    gather({&mine, 1});
    return std::all_of(gathered_.begin(), gathered_.end(), [](double one) { return one == 1.0; });
  }

  /// The numbers of all ranks, one after the other; they are equally many on each.
  std::vector<double> of_all(std::vector<double> here) {
    if (alone()) return here;
    gather(here);
    return gathered_;
  }

  /// numbers(part) of every part of a sample, one after the other, `n_here` of them in this process; they are equally
  /// many for each.
  template <class Numbers>
  std::vector<double> of_all_parts(std::size_t n_here, Numbers&& numbers) {
    std::vector<double> here;
    for (std::size_t part = 0; part < n_here; ++part) {
      const std::vector<double> own = numbers(part);
      here.insert(here.end(), own.begin(), own.end());
    }
    return of_all(std::move(here));
  }

  /// Replaces the numbers by their sums over the ranks.
  void add_up(std::span<double> numbers) {
    if (alone()) return;
    gather(numbers);
    const std::size_t n = numbers.size();
    std::copy(gathered_.begin(), gathered_.begin() + static_cast<std::ptrdiff_t>(n), numbers.begin());
    for (std::size_t i = n; i < gathered_.size(); ++i) numbers[i % n] += gathered_[i];
  }

 private:
  void gather(std::span<const double> mine) {
    gathered_.resize(mine.size() * static_cast<std::size_t>(ranks_->size()));
    ranks_->all_gather(mine, gathered_);
  }

  Ranks* ranks_;
  std::vector<double> gathered_;
};

}  // namespace calibrant
