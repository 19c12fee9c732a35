#include "core/ops/views.h"

#include <numeric>
#include <optional>

#include "core/autograd.h"
#include "core/kernels.h"
#include "core/ops/reduce.h"

namespace lockstep {

namespace {

Tensor copy_as(const Tensor& x, DType dtype) {
  Tensor y = empty(x.shape(), {dtype, x.device()});
  kernels(y).copy(y, x);
  return y;
}

// Strides that give x's elements in C order under `shape`, if there are any.
std::optional<Dims> reshaped_strides(const Tensor& x, const Dims& shape) {
  if (x.is_contiguous()) return contiguous_strides(shape);
  Dims strides = shape;
  int to = shape.rank() - 1;
  for (int from = x.rank() - 1; from >= 0;) {
    // The longest run of x's dimensions, ending at `from`, that behaves like one.
    std::int64_t run = x.shape()[from], step = x.strides()[from];
    while (from > 0 && (run == 1 || x.shape()[from - 1] == 1 || x.strides()[from - 1] == run * step)) {
      if (run == 1) step = x.strides()[from - 1];
      run *= x.shape()[--from];
    }
    --from;
    while (run > 1 || (from < 0 && to >= 0)) {
      if (to < 0 || shape[to] == 0 || run % shape[to] != 0) return std::nullopt;
      strides[to] = step;
      step *= shape[to];
      run /= shape[to--];
    }
  }
  while (to >= 0) strides[to--] = 1;
  return strides;
}

}  // namespace

// dx = dy reshaped back
Tensor reshape(const Tensor& x, Dims shape) {
  const auto unknown = std::find(shape.begin(), shape.end(), -1);
  if (unknown != shape.end()) {
    const std::int64_t others = -shape.numel();  // the product with -1 in it
    check(others > 0 && x.numel() % others == 0, "[reshape] {} does not fit {}", describe(x),
          to_string(shape));
    *unknown = x.numel() / others;
  }
  shape.check_sizes("reshape");
  check(shape.numel() == x.numel(), "[reshape] {} has {} elements, {} has {}", describe(x), x.numel(),
        to_string(shape), shape.numel());
  if (shape == x.shape()) return x;
  const std::optional<Dims> strides = reshaped_strides(x, shape);
  Tensor y = strides ? x.view(shape, *strides, x.offset()) : copy_as(x, x.dtype());
  if (!strides) y = y.view(shape, contiguous_strides(shape), 0);
  return record("reshape", y, wrt(x, [from = x.shape()](const Tensor& dy) { return reshape(dy, from); }));
}

Tensor flatten(const Tensor& x, int first, int last) {
  first = normalize_dim(first, std::max(x.rank(), 1), "flatten");
  last = normalize_dim(last, std::max(x.rank(), 1), "flatten");
  check(first <= last, "[flatten] expected dimensions in order, got {} to {}", first, last);
  const std::int64_t* const size = x.shape().begin();
  const int end = std::min(last + 1, x.rank());
  Dims shape(size, size + first);
  shape.push_back(Dims(size + first, size + end).numel());
  for (int i = end; i < x.rank(); ++i) shape.push_back(size[i]);
  return reshape(x, shape);
}

// dx = dy summed over what was repeated
Tensor expand(const Tensor& x, const Dims& shape) {
  if (x.shape() == shape) return x;
  shape.check_sizes("expand");
  shape.numel();  // throws where it cannot be counted
  check(broadcast_shape(x.shape(), shape, "expand") == shape, "[expand] {} does not expand to {}",
        describe(x), to_string(shape));
  Dims strides = shape;
  const int shift = shape.rank() - x.rank();
  for (int i = 0; i < shape.rank(); ++i)
    strides[i] = i < shift || x.shape()[i - shift] == 1 ? 0 : x.strides()[i - shift];
  return record("expand", x.view(shape, strides, x.offset()),
                wrt(x, [from = x.shape()](const Tensor& dy) { return sum_to(dy, from); }));
}

// dx = dy permuted back
Tensor permute(const Tensor& x, const std::vector<int>& order) {
  check(static_cast<int>(order.size()) == x.rank(), "[permute] {} needs an order of {} dimensions, got {}",
        describe(x), x.rank(), order.size());
  Dims shape = x.shape(), strides = x.strides();
  std::vector<int> back(order.size(), -1);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const int from = normalize_dim(order[i], x.rank(), "permute");
    check(back[static_cast<std::size_t>(from)] < 0, "[permute] dimension {} is named twice", from);
    back[static_cast<std::size_t>(from)] = static_cast<int>(i);
    shape[static_cast<int>(i)] = x.shape()[from];
    strides[static_cast<int>(i)] = x.strides()[from];
  }
  return record("permute", x.view(shape, strides, x.offset()),
                wrt(x, [back](const Tensor& dy) { return permute(dy, back); }));
}

Tensor transpose(const Tensor& x, int dim0, int dim1) {
  std::vector<int> order(static_cast<std::size_t>(x.rank()));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<std::size_t>(normalize_dim(dim0, x.rank(), "transpose"))],
            order[static_cast<std::size_t>(normalize_dim(dim1, x.rank(), "transpose"))]);
  return permute(x, order);
}

// dx = dy where it was taken from, 0 elsewhere
Tensor slice(const Tensor& x, int dim, std::int64_t start, std::int64_t stop, std::int64_t step) {
  dim = normalize_dim(dim, x.rank(), "slice");
  check(step > 0 && start >= 0 && start <= stop && stop <= x.shape()[dim],
        "[slice] {}:{}:{} is out of range along dimension {} of {}", start, stop, step, dim, describe(x));
  Dims shape = x.shape(), strides = x.strides();
  shape[dim] = (stop - start + step - 1) / step;
  strides[dim] *= step;
  return record("slice", x.view(shape, strides, x.offset() + start * x.strides()[dim]),
                wrt(x, [from = x.shape(), dim, start, step](const Tensor& dy) {
                  return dy.shape() == from ? dy : unslice(dy, from, dim, start, step);
                }));
}

// dx = dy sliced
Tensor unslice(const Tensor& x, const Dims& shape, int dim, std::int64_t start, std::int64_t step) {
  dim = normalize_dim(dim, shape.rank(), "unslice");
  Tensor y = zeros(shape, x.options());
  const std::int64_t stop = x.size(dim) == 0 ? start : start + (x.size(dim) - 1) * step + 1;
  const Tensor place = slice(y, dim, start, stop, step);
  check(place.shape() == x.shape(), "[unslice] {} does not fit dimension {} of {}", describe(x), dim,
        to_string(shape));
  kernels(y).copy(place, x);
  return record("unslice", y, wrt(x, [dim, start, stop, step](const Tensor& dy) {
                  return slice(dy, dim, start, stop, step);
                }));
}

// dx = dy backwards
Tensor flip(const Tensor& x, const DimList& dims) {
  Dims strides = x.strides();
  std::int64_t offset = x.offset();
  const auto named = named_dims(dims, x.rank(), "flip");
  for (int dim = 0; dim < x.rank(); ++dim) {
    if (!named[static_cast<std::size_t>(dim)]) continue;
    offset += (x.shape()[dim] - 1) * strides[dim];
    strides[dim] = -strides[dim];
  }
  if (x.numel() == 0) offset = x.offset();
  return record("flip", x.view(x.shape(), strides, offset),
                wrt(x, [dims](const Tensor& dy) { return flip(dy, dims); }));
}

Tensor select(const Tensor& x, int dim, std::int64_t index) {
  dim = normalize_dim(dim, x.rank(), "select");
  const std::int64_t size = x.shape()[dim];
  check(index >= -size && index < size, "[select] index {} is out of range along dimension {} of {}", index,
        dim, describe(x));
  if (index < 0) index += size;
  Dims shape = x.shape();
  shape.erase(dim);
  return reshape(slice(x, dim, index, index + 1), shape);
}

Tensor Tensor::operator[](std::int64_t index) const { return select(*this, 0, index); }

Tensor squeeze(const Tensor& x, int dim) {
  dim = normalize_dim(dim, x.rank(), "squeeze");
  check(x.size(dim) == 1, "[squeeze] dimension {} of {} has more than one element", dim, describe(x));
  Dims shape = x.shape();
  shape.erase(dim);
  return reshape(x, shape);
}

Tensor unsqueeze(const Tensor& x, int dim) {
  dim = normalize_dim(dim, x.rank() + 1, "unsqueeze");
  Dims shape = x.shape();
  shape.insert(dim, 1);
  return reshape(x, shape);
}

std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes, int dim) {
  dim = normalize_dim(dim, x.rank(), "split");
  std::vector<Tensor> parts;
  std::int64_t start = 0;
  for (const std::int64_t size : sizes) {
    check(size >= 0 && size <= x.size(dim) - start,
          "[split] the sizes do not add up to the {} of dimension {} of {}", x.size(dim), dim, describe(x));
    parts.push_back(slice(x, dim, start, start + size));
    start += size;
  }
  check(start == x.size(dim), "[split] the sizes add up to {}, dimension {} of {} has {}", start, dim,
        describe(x), x.size(dim));
  return parts;
}

std::vector<Tensor> split(const Tensor& x, std::int64_t size, int dim) {
  check(size > 0, "[split] expected pieces of at least one element, got {}", size);
  std::vector<std::int64_t> sizes;
  for (std::int64_t left = x.size(dim); left > 0; left -= size) sizes.push_back(std::min(size, left));
  return split(x, sizes, dim);
}

std::vector<Tensor> chunk(const Tensor& x, std::int64_t count, int dim) {
  check(count > 0, "[chunk] expected at least one piece, got {}", count);
  return split(x, std::max<std::int64_t>(1, (x.size(dim) + count - 1) / count), dim);
}

Tensor pad(const Tensor& x, int dim, std::int64_t before, std::int64_t after, double value) {
  dim = normalize_dim(dim, x.rank(), "pad");
  check(before >= 0 && after >= 0, "[pad] expected no negative sizes, got {} and {}", before, after);
  if (before == 0 && after == 0) return x;
  Dims front = x.shape(), back = x.shape(), whole = x.shape();
  front[dim] = before, back[dim] = after;
  check(!__builtin_add_overflow(whole[dim], before, &whole[dim]) &&
            !__builtin_add_overflow(whole[dim], after, &whole[dim]),
        "[pad] {} and {} around {} are too many", before, after, describe(x));
  if (value == 0) return unslice(x, whole, dim, before);
  return cat({full(front, value, x.options()), x, full(back, value, x.options())}, dim);
}

namespace {

// cat of two, folded over the list: the gradient of each part is a slice.
class CatNode final : public tape::Node {
 public:
  CatNode(const std::vector<Tensor>& parts, int dim)
      : tape::Node("cat", std::vector<tape::Edge>(parts.begin(), parts.end())), dim_(dim) {}
  void run(const Tensor& dy, GradientSlots& slots, const std::shared_ptr<tape::Node>&) override {
    std::int64_t start = 0;
    for (std::size_t i = 0; i < edges.size(); ++i) {
      const std::int64_t stop = start + edges[i].shape[dim_];
      if (slots.needed(static_cast<int>(i))) slots.add(static_cast<int>(i), slice(dy, dim_, start, stop));
      start = stop;
    }
  }
  void release() override {}

 private:
  int dim_;
};

}  // namespace

// dparts = dy, sliced
Tensor cat(const std::vector<Tensor>& parts, int dim) {
  check(!parts.empty(), "[cat] expected at least one tensor");
  dim = normalize_dim(dim, parts[0].rank(), "cat");
  Dims shape = parts[0].shape();
  shape[dim] = 0;
  bool recorded = false;
  for (const Tensor& part : parts) {
    check(part.rank() == shape.rank() && part.dtype() == parts[0].dtype(), "[cat] {} does not go with {}",
          describe(part), describe(parts[0]));
    for (int i = 0; i < shape.rank(); ++i) {
      check(i == dim || part.shape()[i] == shape[i], "[cat] {} does not go with {} along dimension {}",
            describe(part), describe(parts[0]), dim);
    }
    shape[dim] += part.shape()[dim];
    recorded = recorded || part.requires_grad();
  }
  Tensor y = empty(shape, parts[0].options());
  std::int64_t start = 0;
  {
    const NoGrad no_grad;
    for (const Tensor& part : parts) {
      kernels("cat", y, part).copy(slice(y, dim, start, start + part.shape()[dim]), part);
      start += part.shape()[dim];
    }
  }
  if (!grad_enabled() || !recorded) return y;
  return tape::attach(std::move(y), tape::own(std::make_unique<CatNode>(parts, dim)));
}

Tensor stack(const std::vector<Tensor>& parts, int dim) {
  check(!parts.empty(), "[stack] expected at least one tensor");
  dim = normalize_dim(dim, parts[0].rank() + 1, "stack");
  std::vector<Tensor> raised;
  for (const Tensor& part : parts) {
    check(part.shape() == parts[0].shape(), "[stack] {} does not go with {}", describe(part),
          describe(parts[0]));
    Dims shape = part.shape();
    shape.insert(dim, 1);
    raised.push_back(reshape(part, shape));
  }
  return cat(raised, dim);
}

// dx = dy
Tensor clone(const Tensor& x) {
  return record("clone", copy_as(x, x.dtype()), wrt(x, [](const Tensor& dy) { return dy; }));
}

Tensor contiguous(const Tensor& x) { return !x.defined() || x.is_contiguous() ? x : clone(x); }

// dx = dy converted back
Tensor to(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor y = copy_as(x, dtype);
  if (!is_real(dtype) || !is_real(x.dtype())) return y;
  return record("to", y, wrt(x, [from = x.dtype()](const Tensor& dy) { return to(dy, from); }));
}

// dx = dy moved back
Tensor to(const Tensor& x, Device device) {
  if (!x.defined() || x.device() == device) return x;
  return record("to", moved(x, device),
                wrt(x, [from = x.device()](const Tensor& dy) { return to(dy, from); }));
}

}  // namespace lockstep
