#pragma once

#include <functional>
#include <string>

#include "core/runtime/observer.h"

// What single kernels and products take on the card.
namespace lockstep::cuda {

// Does what `issue` asks for, alone on the card, and tells the observer. `what`: the kernel, or anything else
// for a product.
void time_request(Observer& observer, const void* what, const std::function<void()>& issue);

// How often the observer wants it made.
int repetitions(Observer& observer, const void* what);

// "attention_backward" of "void lockstep::cuda::(anonymous namespace)::attention_backward_kernel<float,
// 64>(...)".
std::string short_name(std::string demangled);

}  // namespace lockstep::cuda
