// Ensemble: several models of one architecture, averaged. A response like its members.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "calibrant/nn/model.hpp"

namespace calibrant {

/// The average of models that were trained on the same data with the same preprocessing (as fit_ensemble does).
/// Immutable; calls are const, noexcept and allocate nothing.
template <class Member_>
class Ensemble {
 public:
  using Member = Member_;
  using Net = typename Member::Net;
  using Scalar = typename Member::Scalar;
  static constexpr int n_in = Member::n_in, n_out = Member::n_out, n_theta = Member::n_theta;

  /// @throws Error if there is no member, if transforms, ranges, names or units differ between members, or as
  /// Model::validate.
  CALIBRANT_COLD explicit Ensemble(std::vector<Member> members) : members_(std::move(members)) {
    if (members_.empty()) throw Error("Ensemble", "one member or more", "none");
    const Member& first = members_[0];
    first.validate();
    for (std::size_t m = 1; m < members_.size(); ++m) {
      const Member& member = members_[m];
      const auto require = [&](bool same, const std::string& what) {
        if (!same)
          throw Error("Ensemble", "members with the same preprocessing",
                      "member " + std::to_string(m) + " that differs in " + what);
      };
      for (std::size_t i = 0; i < first.inputs.size(); ++i)
        require(member.inputs[i] == first.inputs[i], "feature " + std::to_string(i));
      for (std::size_t i = 0; i < first.outputs.size(); ++i)
        require(member.outputs[i] == first.outputs[i], "output " + std::to_string(i));
      const Description &a = member.description, &b = first.description;
      require(a.features == b.features && a.feature_units == b.feature_units && a.targets == b.targets &&
                  a.target_units == b.target_units,
              "the names or units of its features or targets");
    }
  }

  void validate() const { members_[0].validate(); }
  const std::vector<Member>& members() const noexcept { return members_; }
  const Description& description() const noexcept { return members_[0].description; }

  /// Mean over the members of each output, physical units.
  template <class T>
  void evaluate(View<const T, n_in> features, View<T, n_out> result) const noexcept {
    members_[0].evaluate(features, result);
    T one[n_out];
    for (std::size_t m = 1; m < members_.size(); ++m) {
      members_[m].evaluate(features, View<T, n_out>(one));
      for (int i = 0; i < n_out; ++i) result[i] = result[i] + one[i];
    }
    for (int i = 0; i < n_out; ++i) result[i] = result[i] * T(share());
  }
  std::array<Scalar, static_cast<std::size_t>(n_out)> operator()(
      const std::array<Scalar, static_cast<std::size_t>(n_in)>& features) const noexcept {
    std::array<Scalar, static_cast<std::size_t>(n_out)> result;
    evaluate<Scalar>(features, result);
    return result;
  }

  template <class T>
  using Encoded = typename Member::template Encoded<T>;
  template <class T>
  void encode(const T* theta, Encoded<T>& encoded) const noexcept {
    members_[0].encode(theta, encoded);
  }
  template <int Output = 0, class T>
  ValueSlope<T> response(const T& x, const Encoded<T>& encoded) const noexcept {
    ValueSlope<T> sum = members_[0].template response<Output>(x, encoded);
    for (std::size_t m = 1; m < members_.size(); ++m) {
      const ValueSlope<T> one = members_[m].template response<Output>(x, encoded);
      sum.value = sum.value + one.value;
      sum.slope = sum.slope + one.slope;
    }
    return {sum.value * T(share()), sum.slope * T(share())};
  }
  template <int Output = 0, class T>
  T response_value(const T& x, const Encoded<T>& encoded) const noexcept {
    T sum = members_[0].template response_value<Output>(x, encoded);
    for (std::size_t m = 1; m < members_.size(); ++m)
      sum = sum + members_[m].template response_value<Output>(x, encoded);
    return sum * T(share());
  }
  Range<Scalar> truth_range() const noexcept { return members_[0].truth_range(); }
  Range<Scalar> theta_range(int i) const noexcept { return members_[0].theta_range(i); }
  bool uses_theta(int i) const noexcept { return members_[0].uses_theta(i); }

 private:
  Scalar share() const noexcept { return Scalar(1) / static_cast<Scalar>(members_.size()); }
  std::vector<Member> members_;
};

}  // namespace calibrant
