// Objects that work until the end of their scope, without a name, which ends them at once; with -DNAMED as
// they are meant. tests/scopes/refused.sh compiles both.
#include "core/autograd.h"
#include "core/runtime/parallel.h"
#include "core/runtime/tf32.h"
#include "nn/trace.h"

using namespace lockstep;

void scopes() {
#ifdef NAMED
  const NoGrad no_grad;
  const EnableGrad enable_grad;
  const Threads threads(2);
  const AllowTf32 tf32;
  const nn::Trace trace({"blocks.*"});
#else
  NoGrad();
  EnableGrad();
  Threads(2);
  AllowTf32();
  nn::Trace({"blocks.*"});
#endif
}
