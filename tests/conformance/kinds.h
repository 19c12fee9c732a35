#pragma once

#include <functional>
#include <map>
#include <string>

#include "tests/conformance/case.h"

namespace lockstep::conformance {

// What runs the cases of each kind: throws where a case does not pass.
using Runner = std::function<void(Case&)>;
using Kinds = std::map<std::string, Runner>;

// Each file adds its kinds; main.cpp calls them all.
void add_op(Kinds& kinds);
void add_init(Kinds& kinds);
void add_modules(Kinds& kinds);
void add_streams(Kinds& kinds);
void add_optimizer(Kinds& kinds);
void add_schedule(Kinds& kinds);
void add_training(Kinds& kinds);

}  // namespace lockstep::conformance
