#include "data/weights/weight_convert.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "data/files/stored_type.h"

namespace lockstep::data {
namespace {

using Bytes = std::vector<std::byte>;

// Where the elements of q, k and v are in the tensor that holds them all.
struct Placement {
  Arrangement arrangement;
  std::array<std::int64_t, 3> rows;  // of q, k, v
  std::int64_t columns;              // 1 for a bias
  std::array<int, 3> heads;
  std::int64_t element_bytes;

  std::int64_t begin_of(std::size_t part) const {
    return part == 0 ? 0 : begin_of(part - 1) + rows[part - 1];
  }

  // Calls f(offset in the whole, offset in the part, length), in bytes, for runs that cover the part.
  template <typename F>
  void for_each_run(std::size_t part, F&& f) const {
    const std::int64_t all = begin_of(3), row_bytes = columns * element_bytes;
    const auto head_rows = std::max<std::int64_t>(1, rows[part] / heads[part]);
    for (std::int64_t row = 0; row < rows[part]; ++row) {
      if (arrangement == Arrangement::columns) {
        for (std::int64_t column = 0; column < columns; ++column) {
          f((column * all + begin_of(part) + row) * element_bytes, row * row_bytes + column * element_bytes,
            element_bytes);
        }
        continue;
      }
      const bool by_head = arrangement == Arrangement::by_head;
      const std::int64_t whole_row =
          by_head ? (3 * (row / head_rows) + std::int64_t(part)) * head_rows + row % head_rows
                  : begin_of(part) + row;
      f(whole_row * row_bytes, row * row_bytes, row_bytes);
    }
  }
};

void copy_bytes(Bytes& to, std::int64_t to_offset, const Bytes& from, std::int64_t from_offset,
                std::int64_t length) {
  check(to_offset + length <= std::ssize(to) && from_offset + length <= std::ssize(from),
        "[convert] bytes {} to {} of {} asked for", from_offset, from_offset + length, from.size());
  if (length > 0)
    std::memcpy(to.data() + to_offset, from.data() + from_offset, static_cast<std::size_t>(length));
}

Placement placement_of(const Attention& attention, const StoredTensor& tensor, Arrangement arrangement,
                       const std::array<int, 3>& heads) {
  const bool weight = tensor.shape.size() == 2;
  const bool turned = weight && attention.layout->arrangement == Arrangement::columns;
  if (!weight && arrangement == Arrangement::columns) arrangement = Arrangement::rows;
  return {arrangement, attention.rows, weight ? tensor.shape[turned ? 0 : 1] : 1, heads,
          find_stored_type(tensor.type)->bytes};
}

// "q_proj", where what goes back to it is to be remembered.
std::string remembered(const AttentionLayout& layout) {
  return &layout == &default_layout(layout.arrangement != Arrangement::separate) ? ""
                                                                                 : std::string(layout.name);
}

// The layout to convert to: the one that the attention came from, if it is of that storage.
const AttentionLayout& target_of(const Attention& attention, bool combined) {
  const AttentionLayout* before = find_layout(attention.weights[0]->layout);
  const bool fits = before && (before->arrangement != Arrangement::separate) == combined;
  return fits ? *before : default_layout(combined);
}

StoredTensor like(const StoredTensor& source, std::string name, const AttentionLayout& from) {
  return {.name = std::move(name),
          .type = source.type,
          .parts_said = true,
          .layout = remembered(from),
          .set = source.set,
          .made = true};
}

// q, k and v, each in a tensor.
void append_separate(const Attention& attention, const std::array<int, 3>& heads,
                     std::vector<StoredTensor>& out) {
  const AttentionLayout& target = target_of(attention, false);
  for (const auto* kind : {&attention.weights, &attention.biases}) {
    if (!(*kind)[0]) continue;
    const StoredTensor& whole = *(*kind)[0];
    const char* kind_name = kind == &attention.weights ? "weight" : "bias";
    const Placement place = placement_of(attention, whole, attention.layout->arrangement, heads);
    for (std::size_t i = 0; i < 3; ++i) {
      StoredTensor part =
          like(whole, fmt::format("{}{}{}", attention.block, target.names[i], kind_name), *attention.layout);
      const std::int64_t rows = attention.rows[i];
      part.shape = whole.shape.size() == 2 ? std::vector{rows, place.columns} : std::vector{rows};
      part.parts = {{part_name(attention.block, i, kind_name), 0, rows, heads[i]}};
      part.bytes = [place, i, rows, read = whole.bytes] {
        const Bytes all = read();
        Bytes own(static_cast<std::size_t>(rows * place.columns * place.element_bytes));
        place.for_each_run(i, [&](std::int64_t from, std::int64_t to, std::int64_t length) {
          copy_bytes(own, to, all, from, length);
        });
        return own;
      };
      out.push_back(std::move(part));
    }
  }
}

// q, k and v in one tensor.
void append_combined(const Attention& attention, std::vector<StoredTensor>& out) {
  const AttentionLayout& target = target_of(attention, true);
  for (const auto* kind : {&attention.weights, &attention.biases}) {
    if (!(*kind)[0]) continue;
    const StoredTensor& first = *(*kind)[0];
    const char* kind_name = kind == &attention.weights ? "weight" : "bias";
    const Placement place = placement_of(attention, first, target.arrangement, attention.heads);
    const std::int64_t rows = place.begin_of(3);
    StoredTensor all =
        like(first, fmt::format("{}{}{}", attention.block, target.names[0], kind_name), *attention.layout);
    if (first.shape.size() == 1) {
      all.shape = {rows};
    } else if (target.arrangement == Arrangement::columns) {
      all.shape = {place.columns, rows};
    } else {
      all.shape = {rows, place.columns};
    }
    if (target.arrangement == Arrangement::rows) {
      for (std::size_t i = 0; i < 3; ++i) {
        const std::int64_t begin = place.begin_of(i);
        all.parts.push_back(
            {part_name(attention.block, i, kind_name), begin, begin + attention.rows[i], attention.heads[i]});
      }
    } else {
      all.parts = {{all.name, 0, all.rows()}};
      all.parts_said = false;  // that its rows are no parts says nothing against its being an attention
    }
    std::array<std::function<Bytes()>, 3> reads = {first.bytes, (*kind)[1]->bytes, (*kind)[2]->bytes};
    all.bytes = [place, rows, reads] {
      Bytes whole(static_cast<std::size_t>(rows * place.columns * place.element_bytes));
      for (std::size_t i = 0; i < reads.size(); ++i) {
        const Bytes own = reads[i]();
        place.for_each_run(i, [&](std::int64_t to, std::int64_t from, std::int64_t length) {
          copy_bytes(whole, to, own, from, length);
        });
      }
      return whole;
    };
    out.push_back(std::move(all));
  }
}

// The heads of q, k and v: as given where only that determines them, else as in the file.
std::array<int, 3> heads_of(const Attention& attention, int given) {
  if (attention.layout->arrangement == Arrangement::by_head) return {given, given, given};
  return attention.heads;
}

// Why an attention can't be converted; empty where it can.
std::string obstacle(const Attention& attention, bool combined, int given) {
  const Arrangement whole = combined ? target_of(attention, true).arrangement : attention.layout->arrangement;
  if (!attention.problem.empty() || whole != Arrangement::by_head) return attention.problem;
  const std::string& name = attention.weights[0]->name;
  const std::array<int, 3> heads = heads_of(attention, given);
  if (heads[0] <= 0) return fmt::format("{} is interleaved by head: say --heads, how many there are", name);
  for (std::size_t i = 0; i < 3; ++i) {
    if (attention.rows[i] == attention.rows[0] && heads[i] == heads[0] && attention.rows[i] % heads[i] == 0)
      continue;
    return fmt::format("{} has {} rows in {} heads: by head, all of q, k and v have equally many", name,
                       attention.rows[i], heads[i]);
  }
  return "";
}

std::string known_layouts() {
  std::string text;
  for (const AttentionLayout& layout : attention_layouts()) {
    text += "\n   ";
    for (const std::string_view name : layout.names) text += fmt::format(" {}weight", name);
    text += fmt::format(" ({})", layout.known_from);
  }
  return text;
}

}  // namespace

std::vector<StoredTensor> separated(const Attention& attention) {
  std::vector<StoredTensor> parts;
  append_separate(attention, attention.heads, parts);
  return parts;
}

Converted convert(const Weights& weights, AttentionStorage storage, const ConvertOptions& options) {
  const std::vector<Attention> found = find_attention(weights.tensors);
  if (found.empty())
    fail("[convert] no attention found in these names. Known are, side by side in a module:{}",
         known_layouts());
  Converted result{.weights = {{}, weights.metadata, weights.attributes}};
  std::map<const StoredTensor*, const Attention*> first;  // of those to convert
  std::set<const StoredTensor*> taken;
  const bool combined = storage == AttentionStorage::combined;
  std::string obstacles;
  for (const Attention& attention : found) {
    if (attention.combined() == combined) {
      ++result.already;
      continue;
    }
    if (attention.cross) {
      ++result.cross;
      continue;
    }
    if (const std::string why = obstacle(attention, combined, options.heads); !why.empty())
      obstacles += "\n    " + why;
    first[attention.weights[0]] = &attention;
    for (const auto* kind : {&attention.weights, &attention.biases}) taken.insert(kind->begin(), kind->end());
    ++result.changed;
  }
  check(obstacles.empty(), "[convert] nothing was converted, because not everything can be:{}", obstacles);
  check(result.changed + result.already > 0,
        "[convert] no self-attention found in these names: the {} cross attentions have no combined form",
        result.cross);
  for (const StoredTensor& tensor : weights.tensors) {
    if (const auto attention = first.find(&tensor); attention != first.end()) {
      if (combined) {
        append_combined(*attention->second, result.weights.tensors);
      } else {
        append_separate(*attention->second, heads_of(*attention->second, options.heads),
                        result.weights.tensors);
      }
    } else if (!taken.contains(&tensor)) {
      result.weights.tensors.push_back(tensor);
    }
  }
  return result;
}

}  // namespace lockstep::data
