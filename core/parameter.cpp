#include "core/parameter.h"

namespace lockstep {

std::vector<RowRange> row_ranges(const Parameter& parameter, Granularity granularity) {
  const std::int64_t all = parameter.tensor.rank() == 0 ? 1 : parameter.tensor.size(0);
  if (granularity == Granularity::tensor || parameter.parts.empty()) return {{parameter.name, 0, all}};
  std::vector<RowRange> found;
  for (const LogicalPart& part : parameter.parts) {
    if (granularity == Granularity::part || part.heads == 1) {
      found.push_back({part.name, part.begin, part.end});
      continue;
    }
    const std::int64_t height = (part.end - part.begin) / part.heads;
    for (int head = 0; head < part.heads; ++head) {
      const std::int64_t begin = part.begin + head * height;
      found.push_back({fmt::format("{}/head {}", part.name, head), begin, begin + height});
    }
  }
  return found;
}

Tensor rows(const Tensor& tensor, const RowRange& range) {
  if (tensor.rank() == 0) return tensor.detach();
  Dims shape = tensor.shape();
  shape[0] = range.end - range.begin;
  return tensor.view(shape, tensor.strides(), tensor.offset() + range.begin * tensor.strides()[0]);
}

Granularity granularity_from(const std::string& name) {
  for (const Granularity granularity : {Granularity::tensor, Granularity::part, Granularity::head}) {
    if (name == to_string(granularity)) return granularity;
  }
  fail("expected a granularity (tensor, part or head), got \"{}\"", name);
}

std::string to_string(Granularity granularity) {
  switch (granularity) {
    case Granularity::tensor:
      return "tensor";
    case Granularity::part:
      return "part";
    case Granularity::head:
      return "head";
  }
  return "?";
}

}  // namespace lockstep
