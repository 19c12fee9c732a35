#!/bin/sh
# usage: refused.sh COMPILER REPOSITORY. Each object of scopes.cpp without a name is a warning of [[nodiscard]], which
# users who compile with -Werror cannot miss; with names there is none.
set -eu
compile() { "$1" -std=c++20 -fsyntax-only -Wall -Wextra -DFMT_SHARED -I"$2" -I"$2/core" $3 "$2/tests/scopes/scopes.cpp" 2>&1; }
named=$(compile "$1" "$2" -DNAMED) || { echo "$named"; exit 1; }
test -z "$named" || { echo "with names: $named"; exit 1; }
unnamed=$(compile "$1" "$2" -UNAMED) || { echo "$unnamed"; exit 1; }
for object in NoGrad EnableGrad Threads AllowTf32 Trace; do
  echo "$unnamed" | grep "warning.*nodiscard" | grep -q "$object" || { echo "$object: no warning in: $unnamed"; exit 1; }
done
if compile "$1" "$2" -Werror >/dev/null; then echo "-Werror let an object without a name pass"; exit 1; fi
