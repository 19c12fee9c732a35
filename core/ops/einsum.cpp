#include "core/ops/einsum.h"

#include <algorithm>
#include <map>
#include <string>

#include "core/ops/elementwise.h"
#include "core/ops/embedding.h"
#include "core/ops/matmul.h"
#include "core/ops/reduce.h"
#include "core/ops/views.h"

namespace lockstep {

namespace {

// A factor and the letters of its dimensions.
struct Labelled {
  Tensor x;
  std::string letters;

  int dim_of(char letter) const { return static_cast<int>(letters.find(letter)); }
  bool has(char letter) const { return letters.find(letter) != std::string::npos; }
};

std::string without_spaces(std::string_view text) {
  std::string kept(text);
  std::erase(kept, ' ');
  return kept;
}

Labelled diagonals_taken(Labelled f) {
  for (std::size_t i = 0; i < f.letters.size(); ++i) {
    const std::size_t twin = f.letters.find(f.letters[i], i + 1);
    if (twin == std::string::npos) continue;
    const std::int64_t n = f.x.size(static_cast<int>(i));
    // One step in both dimensions at once: every (n + 1)th element of the two as one.
    std::vector<int> order;
    for (int d = 0; d < f.x.rank(); ++d) {
      if (d != static_cast<int>(i) && d != static_cast<int>(twin)) order.push_back(d);
    }
    order.push_back(static_cast<int>(i)), order.push_back(static_cast<int>(twin));
    const Tensor square = flatten(permute(f.x, order), -2);
    const char letter = f.letters[i];
    f.letters.erase(twin, 1), f.letters.erase(i, 1);
    f.letters.push_back(letter);
    f.x = slice(square, -1, 0, n * n, n + 1);
    return diagonals_taken(f);
  }
  return f;
}

Labelled summed_to(const Labelled& f, const std::string& kept) {
  Labelled left{f.x, ""};
  std::vector<int> gone;
  for (std::size_t i = 0; i < f.letters.size(); ++i) {
    if (kept.find(f.letters[i]) == std::string::npos) {
      gone.push_back(static_cast<int>(i));
    } else {
      left.letters.push_back(f.letters[i]);
    }
  }
  if (!gone.empty()) left.x = sum(f.x, gone);
  return left;
}

// The dimensions in the order of `letters`.
Tensor ordered(const Labelled& f, const std::string& letters) {
  std::vector<int> order;
  for (const char letter : letters) order.push_back(f.dim_of(letter));
  return permute(f.x, order);
}

// a b as one batch of products: the letters that both have and the rest wants are the batch.
Labelled contracted(const Labelled& a, const Labelled& b, const std::string& wanted) {
  std::string batch, inner, rows, columns;
  for (const char letter : a.letters) {
    (!b.has(letter) ? rows : wanted.find(letter) != std::string::npos ? batch : inner).push_back(letter);
  }
  for (const char letter : b.letters) {
    if (!a.has(letter)) columns.push_back(letter);
  }
  const auto sizes = [](const Labelled& f, const std::string& letters) {
    Dims shape;
    for (const char letter : letters) shape.push_back(f.x.size(f.dim_of(letter)));
    return shape;
  };
  Dims shape = sizes(a, batch);
  const std::int64_t m = sizes(a, rows).numel(), k = sizes(a, inner).numel(), n = sizes(b, columns).numel();
  Dims left = shape, right = shape;
  left.push_back(m), left.push_back(k);
  right.push_back(k), right.push_back(n);
  const Tensor product = matmul(reshape(ordered(a, batch + rows + inner), left),
                                reshape(ordered(b, batch + inner + columns), right));
  for (const std::int64_t size : sizes(a, rows)) shape.push_back(size);
  for (const std::int64_t size : sizes(b, columns)) shape.push_back(size);
  return {reshape(product, shape), batch + rows + columns};
}

}  // namespace

Tensor einsum(std::string_view equation, const std::vector<Tensor>& factors) {
  const std::string text = without_spaces(equation);
  const std::size_t arrow = text.find("->");
  std::string inputs = text.substr(0, arrow), result;
  std::vector<Labelled> f;
  std::map<char, int> uses;
  std::map<char, std::int64_t> size_of_letter;
  for (const Tensor& x : factors) {
    const std::size_t comma = inputs.find(',');
    f.push_back({x, inputs.substr(0, comma)});
    inputs = comma == std::string::npos ? "" : inputs.substr(comma + 1);
    const std::string& letters = f.back().letters;
    check(
        static_cast<int>(letters.size()) == x.rank() &&
            std::all_of(letters.begin(), letters.end(), [](unsigned char c) { return std::isalpha(c) != 0; }),
        "[einsum] \"{}\": expected one letter for each dimension, got \"{}\" for {}", equation, letters,
        describe(x));
    for (std::size_t i = 0; i < letters.size(); ++i) {
      ++uses[letters[i]];
      const std::int64_t size =
          size_of_letter.try_emplace(letters[i], x.size(static_cast<int>(i))).first->second;
      check(size == x.size(static_cast<int>(i)), "[einsum] \"{}\": {} stands for {} and for {}", equation,
            letters[i], size, x.size(static_cast<int>(i)));
    }
  }
  check(!f.empty() && inputs.empty() &&
            std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(std::min(arrow, text.size())),
                       ',') +
                    1 ==
                static_cast<std::ptrdiff_t>(f.size()),
        "[einsum] \"{}\" is not about {} factors", equation, factors.size());
  if (arrow == std::string::npos) {
    for (const auto& [letter, count] : uses) {
      if (count == 1) result.push_back(letter);
    }
  } else {
    result = text.substr(arrow + 2);
  }
  for (std::size_t i = 0; i < result.size(); ++i)
    check(uses.contains(result[i]) && result.find(result[i], i + 1) == std::string::npos,
          "[einsum] \"{}\": the result names {} twice, or no factor has it", equation, result[i]);

  Labelled y = diagonals_taken(f[0]);
  for (std::size_t i = 1; i <= f.size(); ++i) {
    std::string wanted = result;  // by the result and by the factors to come
    for (std::size_t j = i; j < f.size(); ++j) wanted += f[j].letters;
    y = summed_to(y, wanted);
    if (i == f.size()) break;
    const std::string later =
        wanted.substr(0, result.size()) + wanted.substr(result.size() + f[i].letters.size());
    const Labelled next = summed_to(diagonals_taken(f[i]), later + y.letters);
    y = contracted(y, next, later);
  }
  return ordered(y, result);
}

}  // namespace lockstep
