#include "core/ops/embedding.h"

#include "core/autograd.h"
#include "core/kernels.h"
#include "core/ops/comparisons.h"
#include "core/ops/elementwise.h"
#include "core/ops/views.h"

namespace lockstep {

namespace {

// table (rows, width), index (n) -> (n, width), and its adjoint.
Tensor take_rows(const Tensor& table, const Tensor& index);

// d table: dy's rows added up at their indices
Tensor add_rows(const Tensor& dy, const Tensor& index, std::int64_t rows) {
  const Tensor table = empty({rows, dy.size(1)}, dy.options());
  {
    const NoGrad no_grad;
    kernels("embedding", dy, index).add_rows(table, contiguous(dy), index);
  }
  return record("add_rows", table,
                wrt(dy, [index = saved(index)](const Tensor& dtable) { return take_rows(dtable, index()); }));
}

Tensor take_rows(const Tensor& table, const Tensor& index) {
  Tensor y = empty({index.numel(), table.size(1)}, table.options());
  {
    const NoGrad no_grad;
    kernels("embedding", table, index).take_rows(y, contiguous(table), index);
  }
  return record("take_rows", y, wrt(table, [index = saved(index), rows = table.size(0)](const Tensor& dy) {
                  return add_rows(dy, index(), rows);
                }));
}

// zeros of `shape` to which x is added at the index along dim: the adjoint of gather.
Tensor scatter_add(const Tensor& x, const Tensor& index, const Dims& shape, int dim) {
  Tensor y = zeros(shape, x.options());
  kernels("gather", x, index).scatter_add(y, x, index, dim);
  return record("scatter_add", y,
                wrt(x, [index = saved(index), dim](const Tensor& dy) { return gather(dy, index(), dim); }));
}

// The index, contiguous, all of it in [0, size). `what` begins that error.
Tensor checked_index(const char* name, const char* what, const Tensor& index, std::int64_t size) {
  check(index.dtype() == DType::i64, "[{}] expected an i64 index, got {}", name, describe(index));
  const Tensor flat = contiguous(index);
  kernels(flat).check_range(what, flat, size, {});
  return flat;
}

// (n, 1), 1 where the index is `row`.
Tensor is_row(const Tensor& index, std::int64_t row) {
  return reshape(index == static_cast<double>(row), {index.numel(), 1});
}

// embedding() in the name of an op.
Tensor rows_by_index(const char* name, const char* what, const Tensor& weight, const Tensor& index,
                     std::optional<std::int64_t> padding = {}) {
  const Tensor flat = checked_index(name, what, index, weight.size(0));
  Dims shape = index.shape();
  std::int64_t width = 1;
  for (int i = 1; i < weight.rank(); ++i) {
    shape.push_back(weight.size(i));
    width *= weight.size(i);
  }
  const Tensor rows = take_rows(reshape(weight, {weight.size(0), width}), flat);
  return reshape(padding ? where(is_row(flat, *padding), rows.detach(), rows) : rows, shape);
}

}  // namespace

Tensor embedding(const Tensor& weight, const Tensor& index, std::optional<std::int64_t> padding) {
  check(weight.rank() > 0, "[embedding] expected a table (rows, ...), got {}", describe(weight));
  return rows_by_index("embedding", "[embedding] index", weight, index, padding);
}

Tensor index_select(const Tensor& x, const Tensor& index, int dim) {
  check(index.rank() == 1, "[index_select] expected a one-dimensional index, got {}", describe(index));
  dim = normalize_dim(dim, x.rank(), "index_select");
  return transpose(rows_by_index("index_select", "[index_select] index", transpose(x, 0, dim), index), 0,
                   dim);
}

Tensor one_hot(const Tensor& index, std::int64_t classes) {
  check(classes > 0, "[one_hot] expected at least one class, got {}", classes);
  checked_index("one_hot", "[one_hot] index", index, classes);
  return to(unsqueeze(index, -1) == arange(classes, {DType::i64, index.device()}), DType::i64);
}

// dx = dy added up at the index
Tensor gather(const Tensor& x, const Tensor& index, int dim) {
  dim = normalize_dim(dim, x.rank(), "gather");
  bool fits = index.rank() == x.rank();
  for (int i = 0; fits && i < x.rank(); ++i) fits = i == dim || index.size(i) <= x.size(i);
  check(fits, "[gather] the index may be no larger than x outside dimension {}, got {} for {}", dim,
        describe(index), describe(x));
  const Tensor at = checked_index("gather", "[gather] index", index, x.size(dim));
  Tensor y = empty(index.shape(), x.options());
  kernels("gather", x, at).gather(y, x, at, dim);
  return record("gather", y, wrt(x, [at = saved(at), shape = x.shape(), dim](const Tensor& dy) {
                  return scatter_add(dy, at(), shape, dim);
                }));
}

}  // namespace lockstep
