#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace lockstep {

// A shape or a set of strides: up to 8 numbers without a heap allocation, because every op makes a few. What
// would make it longer throws Error; positions are not checked.
class Dims {
 public:
  static constexpr int max_rank = 8;

  Dims() = default;
  Dims(std::initializer_list<std::int64_t> values) : Dims(values.begin(), values.end()) {}
  explicit Dims(const std::vector<std::int64_t>& values) : Dims(values.begin(), values.end()) {}
  template <typename Iterator>
  Dims(Iterator first, Iterator last) {
    for (; first != last; ++first) push_back(*first);
  }

  int rank() const { return rank_; }
  bool empty() const { return rank_ == 0; }
  std::int64_t operator[](int i) const { return values_[static_cast<std::size_t>(i)]; }
  std::int64_t& operator[](int i) { return values_[static_cast<std::size_t>(i)]; }
  std::int64_t back() const { return (*this)[rank_ - 1]; }
  const std::int64_t* begin() const { return values_.data(); }
  const std::int64_t* end() const { return values_.data() + rank_; }
  std::int64_t* begin() { return values_.data(); }
  std::int64_t* end() { return values_.data() + rank_; }

  void push_back(std::int64_t value);
  void insert(int position, std::int64_t value);
  void erase(int position);
  // The product of the sizes; 1 for a scalar. Throws if it does not fit 63 bits.
  std::int64_t numel() const {
    std::int64_t n = 1;
    for (std::int64_t size : *this) {
      if (__builtin_mul_overflow(n, size, &n)) too_many();
    }
    return n;
  }

  // Throws for a negative size, in the name of `op`.
  void check_sizes(const char* op) const;

  friend bool operator==(const Dims& a, const Dims& b) {
    return a.rank_ == b.rank_ && std::equal(a.begin(), a.end(), b.begin());
  }

  [[noreturn]] void too_many() const;  // throws: the product does not fit

 private:
  std::array<std::int64_t, max_rank> values_{};
  int rank_ = 0;
};

// "(2, 3, 4)"
std::string to_string(const Dims& dims);

// Strides of a C-contiguous tensor of this shape, in elements. Throws if they do not fit 63 bits.
Dims contiguous_strides(const Dims& shape);

// dim as 0 <= dim < rank, where negative ones count from the end. Throws for one out of range; `op` names the
// caller in the error, here and below.
int normalize_dim(int dim, int rank, const char* op);

// Dimensions by number, negative ones from the end: 1, or {0, -1}, or {} where none means all of them.
class DimList {
 public:
  DimList() = default;
  DimList(int dim) : dims_{dim} {}  // NOLINT(google-explicit-constructor): sum(x, 1)
  DimList(std::initializer_list<int> dims) : dims_(dims) {}
  DimList(std::vector<int> dims) : dims_(std::move(dims)) {}  // NOLINT(google-explicit-constructor)

  bool empty() const { return dims_.empty(); }
  auto begin() const { return dims_.begin(); }
  auto end() const { return dims_.end(); }

 private:
  std::vector<int> dims_;
};

// Which of `rank` dimensions `dims` names. Throws for one that is out of range or named twice.
std::array<bool, Dims::max_rank> named_dims(const DimList& dims, int rank, const char* op);

// The shape to which both broadcast by NumPy's rule: sizes aligned at the end are equal, or one of them is 1.
// Throws where they are not.
Dims broadcast_shape(const Dims& a, const Dims& b, const char* op);

}  // namespace lockstep
