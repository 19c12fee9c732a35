#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "nn/scope.h"

// Looking inside a model: its intermediate tensors by name, with their history, and changing them.
//
//   nn::Trace trace({"blocks.*.attn.weights"});
//   const Tensor loss = cross_entropy(model(tokens), targets);
//   trace["blocks.1.attn.weights"];                              // (B, heads, T, S)
//   grad(loss, {trace["blocks.1.attn.weights"]});                // what the loss wants of them
//
//   nn::Trace knocked_out;                                       // without head 2 of the last layer
//   knocked_out.change("blocks.1.attn.heads", [](const Tensor& heads) { return without_head(heads, 2); });
//
// Names, below a block's own: attn.q, .k, .v and .heads (B, heads, T, D), attn.scores and .weights
// (B, heads, T, S), attn.output (B, T, d); mlp.hidden and .activation (B, T, mlp), mlp.output; norm1, norm2;
// resid_pre, resid_mid and resid_post (B, T, d), the residual stream before, between and after attention and
// MLP. Of a model: embedding, features (what the last layer is given) and logits. Scores are as the softmax
// gets them: scaled, and -infinity where a mask hides a key.
namespace lockstep::nn {

// While one lives, modules on this thread hand it what they compute; the innermost gets it. Without one, a
// module pays a look at a variable of its thread. Fused ops give way only to what is asked for: scores and
// weights of attention, the hidden layer of an MLP.
class Trace {
 public:
  using Change = std::function<Tensor(const Tensor&)>;

  // Names that are wanted; * stands for any letters. Without any: all there are.
  [[nodiscard]] explicit Trace(std::vector<std::string> wanted = {"*"});
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  // What goes on under that name, or under all that fit it, is what `change` gives. Throws, in the forward
  // pass, where that has another shape or type.
  void change(std::string wanted, Change change);

  // The tensor that last went on under that name. Throws where there is none, with the names there are.
  const Tensor& operator[](std::string_view name) const;
  bool has(std::string_view name) const { return seen_.contains(name); }
  // In the order in which they were first computed.
  const std::vector<std::string>& names() const { return names_; }

  // ---- for modules ----
  static Trace* current();
  bool wants(std::string_view name) const;
  // x, or what the changes make of it, kept under this name if that is wanted.
  Tensor record(const std::string& name, Tensor x);

 private:
  std::vector<std::string> wanted_;
  std::vector<std::pair<std::string, Change>> changes_;
  std::map<std::string, Tensor, std::less<>> seen_;
  std::vector<std::string> names_;
  Trace* const outer_;
};

// A module's place in a trace.
class TracePoint {
 public:
  explicit TracePoint(const Scope& scope) : path_(scope.path()) {}

  // x, or what a trace makes of it.
  Tensor operator()(std::string_view name, Tensor x) const {
    return Trace::current() ? recorded(name, std::move(x)) : x;
  }
  // Whether a trace asks for one of these.
  bool wants(std::initializer_list<std::string_view> names) const;

 private:
  std::string full(std::string_view name) const;
  Tensor recorded(std::string_view name, Tensor x) const;

  std::string path_;
};

}  // namespace lockstep::nn
