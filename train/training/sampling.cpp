#include "train/training/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "core/random/keyed_stream.h"
#include "nn/mode.h"
#include "train/text/text_layout.h"

namespace lockstep::train {

namespace {

// The text as tokens. Throws with every character that the alphabet lacks.
std::vector<std::int64_t> encode(const std::string& text, const std::string& alphabet) {
  std::vector<std::int64_t> tokens;
  std::string unknown;
  for (const char c : text) {
    const std::size_t token = alphabet.find(c);
    if (token != std::string::npos) {
      tokens.push_back(static_cast<std::int64_t>(token));
    } else if (unknown.find(c) == std::string::npos) {
      unknown += c;
    }
  }
  if (!unknown.empty()) {
    std::string names;
    for (const unsigned char c : unknown) {
      names += names.empty() ? "" : ", ";
      names +=
          c > 32 && c < 127 ? fmt::format("'{}'", static_cast<char>(c)) : fmt::format("byte 0x{:02x}", c);
    }
    std::string known = alphabet;
    std::erase_if(known, [](char c) { return c <= 32; });
    fail("--prompt: {} {} not in the model's alphabet: it knows blank, newline and {}", names,
         unknown.size() == 1 ? "is" : "are", known);
  }
  return tokens;
}

// Draws one of the likeliest `top_k` by softmax(logits / temperature); u in (0, 1).
std::int64_t draw(const std::vector<double>& logits, const SampleOptions& options, double u) {
  std::vector<std::int64_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater<>(),
                           [&](std::int64_t i) { return logits[static_cast<std::size_t>(i)]; });
  if (options.temperature == 0) return order[0];
  if (options.top_k > 0 && options.top_k < std::ssize(order))
    order.resize(static_cast<std::size_t>(options.top_k));
  const double largest = logits[static_cast<std::size_t>(order[0])];
  std::vector<double> cumulative;
  double sum = 0;
  for (const std::int64_t i : order) {
    sum += std::exp((logits[static_cast<std::size_t>(i)] - largest) / options.temperature);
    cumulative.push_back(sum);
  }
  const auto found = std::ranges::lower_bound(cumulative, u * sum);
  return order[static_cast<std::size_t>(std::min(found - cumulative.begin(), std::ssize(order) - 1))];
}

// Logits of the last position.
std::vector<double> next_logits(const Training& training, const std::vector<std::int64_t>& tokens,
                                std::int64_t context) {
  const std::int64_t length = std::min(context, std::ssize(tokens));
  const Tensor inputs = from_values(
      {1, length}, std::vector<std::int64_t>(tokens.end() - length, tokens.end()), training.device());
  const Tensor logits = training.model().logits(inputs, length - 1);
  return logits.to_vector();
}

using Cells = std::vector<std::string>;

std::string line_of(std::span<const std::string> cells, std::size_t width) {
  std::string text;
  for (const std::string& cell : cells) text += fmt::format("{}{:>{}}", text.empty() ? "" : " ", cell, width);
  return text;
}

// Rows of one length, each cell under that of the row above.
std::string aligned_rows(const std::vector<std::pair<const char*, Cells>>& rows, int width) {
  std::size_t widest = 0;
  for (const auto& [name, cells] : rows)
    for (const std::string& cell : cells) widest = std::max(widest, cell.size());
  const std::size_t length = rows.front().second.size(), columns = static_cast<std::size_t>(width - 8);
  const std::size_t together = std::max<std::size_t>((columns + 1) / (widest + 1), 1);
  std::string text;
  for (std::size_t begin = 0; begin < length; begin += together) {
    for (const auto& [name, cells] : rows) {
      const auto part = std::span(cells).subspan(begin, std::min(together, length - begin));
      text += fmt::format("{:<8}{}\n", name, line_of(part, widest));
    }
  }
  return text;
}

// 8 x 8 pixels in [0, 1] as characters, dark to bright.
std::string picture(const std::vector<double>& pixels, std::int64_t side) {
  constexpr std::string_view shades = " .:-=+*#%@";
  std::string text;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const auto shade = static_cast<std::size_t>(pixels[i] * static_cast<double>(shades.size() - 1) + 0.5);
    text += std::string(2, shades[shade]);
    if (static_cast<std::int64_t>(i + 1) % side == 0) text += '\n';
  }
  return text;
}

}  // namespace

void sample_text(Training& training, const SampleOptions& options, const std::function<void(char)>& emit) {
  const std::string alphabet = training.task().alphabet();
  check(!alphabet.empty(), "the task {} is no text: there is nothing to continue a prompt with",
        training.config().task);
  check(!options.prompt.empty(), "--prompt is empty: give at least one character");
  check(options.temperature >= 0 && std::isfinite(options.temperature),
        "--temperature {}: expected 0 (always the likeliest) or more", options.temperature);
  check(options.top_k >= 0, "--top-k {}: expected 0 (all) or more", options.top_k);
  std::vector<std::int64_t> tokens = encode(options.prompt, alphabet);
  for (const char c : options.prompt) emit(c);
  const nn::EvaluationMode mode;
  const NoGrad no_grad;
  const KeyedStream stream(options.seed, "sample", "text");
  for (std::int64_t i = 0; i < options.tokens; ++i) {
    const std::vector<double> logits = next_logits(training, tokens, training.task().shape().length);
    tokens.push_back(draw(logits, options, stream.uniform(static_cast<std::uint64_t>(i))));
    emit(alphabet[static_cast<std::size_t>(tokens.back())]);
  }
}

std::string show_examples(Training& training, std::int64_t count, int width) {
  const nn::EvaluationMode mode;
  const NoGrad no_grad;
  const data::TaskShape shape = training.task().shape();
  const data::Batch batch = training.task().validation(0, count);
  const Tensor all = training.model().logits(training.inputs_of(batch));
  const std::vector<double> logits = all.to_vector(), inputs = batch.inputs.to_vector();
  const std::vector<double> targets = batch.targets.to_vector();
  const std::int64_t rows = batch.inputs.size(0), classes = all.size(-1);
  const std::int64_t asked = std::ssize(inputs) / rows, answered = std::ssize(targets) / rows;
  // With an answer for every input, each stands under its input; a dot where none was asked for.
  const bool aligned = !shape.images && asked == answered;
  std::string text;
  for (std::int64_t row = 0; row < rows; ++row) {
    Cells right, answers;
    for (std::int64_t i = row * answered; i < (row + 1) * answered; ++i) {
      const double target = targets[static_cast<std::size_t>(i)];
      if (target == static_cast<double>(data::ignored)) {
        if (!aligned) continue;
        right.push_back(".");
        answers.push_back(".");
        continue;
      }
      const auto first = logits.begin() + i * classes;
      right.push_back(fmt::format("{}", target));
      answers.push_back(fmt::format("{}", std::max_element(first, first + classes) - first));
    }
    const std::vector<double> pixels(inputs.begin() + row * asked, inputs.begin() + (row + 1) * asked);
    Cells input;
    for (const double value : pixels) input.push_back(fmt::format("{}", value));
    if (aligned) {
      text += aligned_rows({{"input", input}, {"right", right}, {"answer", answers}}, width);
    } else {
      text += shape.images ? picture(pixels, shape.length) : hanging("input   ", line_of(input, 0), width);
      text += hanging("right   ", line_of(right, 0), width) + hanging("answer  ", line_of(answers, 0), width);
    }
    text += right == answers ? "\n" : "(wrong)\n\n";
  }
  return text;
}

}  // namespace lockstep::train
