// Ranks: exchanges in order, sums to the same bits however they are made, failures that reach everyone.
#include "calibrant/parallel/ranks.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "calibrant/core/random.hpp"
#include "thread_ranks.hpp"

using namespace calibrant;

namespace {

using Texts = std::vector<std::string>;

TEST_CASE("numbers, texts and bytes of all ranks, in their order") {
  for (const int size : {1, 2, 3, 5}) {
    CAPTURE(size);
    const Texts errors = run_ranks(size, [&](Ranks& ranks) {
      const double mine[] = {10.0 * ranks.rank(), 10.0 * ranks.rank() + 1.0};
      std::vector<double> all(2 * static_cast<std::size_t>(size));
      ranks.all_gather(mine, all);
      for (int r = 0; r < size; ++r)
        for (int k = 0; k < 2; ++k)
          if (all[static_cast<std::size_t>(2 * r + k)] != 10.0 * r + k) throw Error("a wrong number");
      const auto texts = ranks.all_gather(std::string(static_cast<std::size_t>(ranks.rank()), 'x'));
      for (std::size_t r = 0; r < texts.size(); ++r)
        if (texts[r] != std::string(r, 'x')) throw Error("a wrong text");
      double of_first = ranks.rank() == 0 ? 7.0 : 0.0;
      ranks.broadcast(std::as_writable_bytes(std::span(&of_first, 1)));
      if (of_first != 7.0) throw Error("a wrong byte");
      ranks.wait_for_all();
      if (ranks.together([&] { return ranks.rank() + 1; }) != ranks.rank() + 1) throw Error("a wrong result");
    });
    CHECK(errors == Texts(static_cast<std::size_t>(size)));
  }
}

template <class Scalar>
void check_sums(int size, std::size_t n, bool overlapped) {
  CAPTURE(size);
  CAPTURE(n);
  CAPTURE(overlapped);
  std::vector<std::vector<Scalar>> terms(static_cast<std::size_t>(size)), sums(static_cast<std::size_t>(size));
  std::vector<Scalar> expected(n);
  for (int r = 0; r < size; ++r) {
    Random random(17, Stream::user, static_cast<std::uint32_t>(r));
    for (std::size_t i = 0; i < n; ++i) {
      const auto x = static_cast<Scalar>(std::exp(5.0 * random.normal()) * random.normal());
      terms[static_cast<std::size_t>(r)].push_back(x);
      expected[i] = r == 0 ? x : expected[i] + x;
    }
  }
  std::vector<long> sent(static_cast<std::size_t>(size));
  const Texts errors = run_ranks(size, [&](ThreadRank& ranks) {
    OrderedSum<Scalar> sum(ranks, n, overlapped);
    const auto own = static_cast<std::size_t>(ranks.rank());
    for (int time = 0; time < 2; ++time) {
      std::vector<Scalar> mine(n), total(n);
      std::vector<int> made(n);
      sum(mine.data(), total.data(), [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) {
          mine[i] = terms[own][i];
          ++made[i];
        }
      });
      if (made != std::vector<int>(n, 1)) throw Error("not every number was made once");
      sums[own] = total;
      if (time == 0) sent[own] = ranks.sent_bytes();
    }
  });
  CHECK(errors == Texts(static_cast<std::size_t>(size)));
  for (const auto& one : sums) CHECK((std::memcmp(one.data(), expected.data(), n * sizeof(Scalar)) == 0));
  // The traffic: all to all for few numbers and for two ranks, slices for many.
  const double each = static_cast<double>(n * sizeof(Scalar)) * (size - 1);
  const bool sliced = size > 2 && n * sizeof(Scalar) >= 65536;
  for (const long bytes : sent) CHECK(static_cast<double>(bytes) <= (sliced ? 2.0 * each / size + 128.0 * size : each));
}

TEST_CASE("ordered sums have the bits of adding in order") {
  for (const int size : {2, 3, 4})
    for (const std::size_t n : {1u, 15u, 1000u, 20000u, 70001u})
      for (const bool overlapped : {false, true}) {
        check_sums<float>(size, n, overlapped);
        check_sums<double>(size, n, overlapped);
      }
}

TEST_CASE("what one rank throws, all throw; then work may go on") {
  const Texts errors = run_ranks(3, [](Ranks& ranks) {
    const auto message_of = [&](auto&& f) {
      try {
        f();
      } catch (const RankError& error) {
        return std::string(error.what());
      }
      return std::string("nothing");
    };
    const auto expect = [](const std::string& found, const std::string& expected) {
      if (found != expected) throw Error("the message", expected, found);
    };
    for (int bad = 0; bad < 3; ++bad) {
      const auto work = [&] {
        if (ranks.rank() == bad) throw Error("reading file " + std::to_string(bad), "a file", "none");
      };
      const std::string expected = "rank " + std::to_string(bad) + " of 3: reading file " + std::to_string(bad) +
                                   ": expected a file, found none";
      expect(message_of([&] { ranks.together(work); }), expected);
      // In the middle of a sum, whose messages are under way; nested scopes say it once.
      expect(message_of([&] {
               ranks.shared([&] {
                 ranks.shared(work);
                 std::vector<float> mine(30000), total(30000);
                 OrderedSum<float> sum(ranks, mine.size(), true);
                 sum(mine.data(), total.data(), [](std::size_t, std::size_t) {});
               });
             }),
             expected);
    }
    // All fail: the lowest rank is named, on each.
    expect(message_of([&] { ranks.together([&] { throw Error("I am " + std::to_string(ranks.rank())); }); }),
           "rank 0 of 3: I am 0");
    expect(message_of([&] {
             ranks.together([&] {
               if (ranks.rank() == 2) throw 5;
             });
           }),
           "rank 2 of 3: an exception that is not a std::exception");
    expect(message_of([&] {
             ranks.together([&] {
               if (ranks.rank() == 1) throw Error("");
             });
           }),
           "rank 1 of 3: an error without a message");
    // Ranks that do different things.
    const std::string mixed = message_of([&] {
      double number[3];
      if (ranks.rank() == 1)
        ranks.all_gather({number, 1}, number);
      else
        ranks.wait_for_all();
    });
    if (mixed.find("of 3: expected the ranks to do the same, found rank ") == std::string::npos)
      throw Error("the message", "one about ranks that do different things", mixed);
    expect(message_of([&] { ranks.together([] {}); }), "nothing");
  });
  CHECK(errors == Texts(3));
}

TEST_CASE("a rank that ends early does not keep the others waiting") {
  for (const int size : {2, 3, 4})
    for (int gone = 0; gone < size; ++gone) {
      CAPTURE(size);
      CAPTURE(gone);
      const std::string who = "[rank " + std::to_string(gone) + " of " + std::to_string(size) + ": ";
      Texts errors = run_ranks(size, [&](Ranks& ranks) {
        if (ranks.rank() == gone) return;
        try {
          ranks.wait_for_all();
        } catch (const RankError&) {
        }
        ranks.wait_for_all();  // again: it is still not there
      });
      Texts expected(static_cast<std::size_t>(size), who + "it has ended its work, while others go on]");
      expected[static_cast<std::size_t>(gone)] = "";
      for (int r = 0; r < size; ++r)
        CHECK(errors[static_cast<std::size_t>(r)].substr(0, who.size()) ==
              expected[static_cast<std::size_t>(r)].substr(0, who.size()));
      CHECK(errors.size() == static_cast<std::size_t>(size));

      errors = run_ranks(size, [&](Ranks& ranks) {
        if (ranks.rank() == gone) throw Error("outside of together");
        ranks.wait_for_all();
      });
      expected.assign(static_cast<std::size_t>(size), who + "an exception ended its work]");
      expected[static_cast<std::size_t>(gone)] = "outside of together";
      CHECK(errors == expected);
    }
}

TEST_CASE("one rank: its own exceptions, no messages") {
  OneRank one;
  CHECK(one.size() == 1);
  CHECK_THROWS_WITH_AS(one.together([] { throw Error("as it was"); }), "as it was", Error);
  CHECK(one.together([] { return 3; }) == 3);
  const double mine = 2.0;
  double all = 0.0;
  one.all_gather({&mine, 1}, {&all, 1});
  CHECK(all == 2.0);
}

}  // namespace
