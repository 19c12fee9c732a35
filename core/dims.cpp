#include "core/dims.h"

#include "core/error.h"

namespace lockstep {

void Dims::push_back(std::int64_t value) { insert(rank_, value); }

void Dims::insert(int position, std::int64_t value) {
  check(rank_ < max_rank, "a tensor has at most {} dimensions; merge some with reshape", max_rank);
  ++rank_;
  std::copy_backward(begin() + position, end() - 1, end());
  (*this)[position] = value;
}

void Dims::erase(int position) {
  std::copy(begin() + position + 1, end(), begin() + position);
  --rank_;
}

void Dims::too_many() const {
  fail("a tensor of shape {} has more elements than can be counted (2^63)", to_string(*this));
}

void Dims::check_sizes(const char* op) const {
  for (const std::int64_t size : *this)
    check(size >= 0, "[{}] sizes must not be negative, got {}", op, to_string(*this));
}

std::string to_string(const Dims& dims) {
  std::string text = "(";
  for (int i = 0; i < dims.rank(); ++i) text += (i > 0 ? ", " : "") + std::to_string(dims[i]);
  return text + (dims.rank() == 1 ? ",)" : ")");
}

Dims contiguous_strides(const Dims& shape) {
  Dims strides = shape;
  std::int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    strides[i] = step;
    if (__builtin_mul_overflow(step, shape[i], &step)) shape.too_many();
  }
  return strides;
}

int normalize_dim(int dim, int rank, const char* op) {
  check(dim >= -rank && dim < rank, "[{}] dimension {} is out of range for a tensor of rank {}", op, dim,
        rank);
  return dim < 0 ? dim + rank : dim;
}

std::array<bool, Dims::max_rank> named_dims(const DimList& dims, int rank, const char* op) {
  std::array<bool, Dims::max_rank> named{};
  for (const int dim : dims) {
    bool& here = named[static_cast<std::size_t>(normalize_dim(dim, rank, op))];
    check(!here, "[{}] dimension {} is named twice", op, dim);
    here = true;
  }
  return named;
}

Dims broadcast_shape(const Dims& a, const Dims& b, const char* op) {
  if (a == b) return a;
  Dims shape = a.rank() >= b.rank() ? a : b;
  const Dims& shorter = a.rank() >= b.rank() ? b : a;
  const int shift = shape.rank() - shorter.rank();
  for (int i = 0; i < shorter.rank(); ++i) {
    std::int64_t& size = shape[i + shift];
    check(size == shorter[i] || size == 1 || shorter[i] == 1,
          "[{}] shapes do not broadcast: {} and {}: {} against {}", op, to_string(a), to_string(b), size,
          shorter[i]);
    if (size == 1) size = shorter[i];
  }
  return shape;
}

}  // namespace lockstep
