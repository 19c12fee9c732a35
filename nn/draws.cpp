#include "nn/draws.h"

#include <algorithm>
#include <span>

#include "core/random/keyed_stream.h"
#include "core/random/torch_stream.h"

namespace lockstep {
namespace {

KeyedStream keyed(std::uint64_t seed, std::uint64_t redraw, const std::string& name) {
  const KeyedStream stream(seed, "init", name);
  return redraw == 0 ? stream : stream.substream(redraw);
}

}  // namespace

// Calls fill(stream, span, first_index...) with the rows of the range, part by part where numbers are keyed.
template <typename Fill>
void Draws::fill(const RowRange& range, Fill fill) const {
  const Tensor& tensor = parameter_.tensor;
  const std::int64_t width =
      tensor.rank() == 0 ? 1 : tensor.numel() / std::max<std::int64_t>(tensor.size(0), 1);
  dispatch_real(tensor.dtype(), [&](auto type) {
    using T = decltype(type);
    const auto rows_at = [&](std::int64_t begin, std::int64_t end) {
      return std::span<T>(tensor.data<T>() + begin * width, static_cast<std::size_t>((end - begin) * width));
    };
    if (source_.torch) return fill(*source_.torch, rows_at(range.begin, range.end));
    for (const LogicalPart& part : parameter_.parts) {
      const std::int64_t begin = std::max(range.begin, part.begin), end = std::min(range.end, part.end);
      if (begin >= end) continue;
      fill(keyed(source_.seed, redraw_, part.name), rows_at(begin, end),
           static_cast<std::uint64_t>((begin - part.begin) * width));
    }
  });
  tensor.mark_changed();
}

void Draws::uniform(const RowRange& range, double low, double high) const {
  fill(range, [=](auto&& stream, auto out, auto... first) { stream.fill_uniform(out, low, high, first...); });
}

void Draws::normal(const RowRange& range, double mean, double std) const {
  fill(range, [=](auto&& stream, auto out, auto... first) { stream.fill_normal(out, mean, std, first...); });
}

void Draws::truncated_normal(const RowRange& range, double mean, double std, double low, double high,
                             bool by_erfinv) const {
  fill(range, [=](auto&& stream, auto out, auto... first) {
    if constexpr (sizeof...(first) == 0) {
      if (by_erfinv) return stream.fill_truncated_normal_by_erfinv(out, mean, std, low, high);
    }
    stream.fill_truncated_normal(out, mean, std, low, high, first...);
  });
}

std::vector<std::int64_t> Draws::permutation(const RowRange& range, std::int64_t n,
                                             std::int64_t index) const {
  if (source_.torch) return source_.torch->permutation(n);
  const KeyedStream stream = keyed(source_.seed, redraw_, range.name + "/order");
  return stream.substream(static_cast<std::uint64_t>(index)).permutation(n);
}

}  // namespace lockstep
