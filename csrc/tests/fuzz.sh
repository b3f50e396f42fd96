#!/usr/bin/env bash
# Builds and runs the fuzz target under the address and undefined-behaviour sanitizers: with
# libFuzzer if CXX is a clang, which keeps its corpus in CORPUS; else on inputs drawn at random.
#   csrc/tests/fuzz.sh [SECONDS] [EIGEN_INCLUDE_DIR]
# An input that fails is left in the working directory; give it to the same program to see it again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

cxx=${CXX:-g++}
seconds=${1:-60}
eigen=${2:-$("${PYTHON:-python3}" "$here/eigen_include.py")}
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT

flags=(-std=c++17 -O1 -g -Wall -Wextra -Werror -pthread -fno-sanitize-recover=all)
if "$cxx" --version | grep -q clang; then
  flags+=(-fsanitize=fuzzer,address,undefined)
  run=(-max_total_time="$seconds" -max_len=1024 "${CORPUS:-$build}")
else
  flags+=(-fsanitize=address,undefined -DFASTPID_FUZZ_MAIN)
  run=("$seconds" "${SEED:-0}")
fi
printf '%s\n' "$here"/../cpu/*.cpp "$here"/../exec/*.cpp "$here/fuzz_decompose.cpp" |
  xargs -P "${JOBS:-$(nproc)}" -I{} sh -c \
    'out=$1/$(basename "$2" .cpp).o; shift 2; "$@" -o "$out"' \
    sh "$build" {} "$cxx" "${flags[@]}" -isystem "$eigen" -c {}
"$cxx" "${flags[@]}" "$build"/*.o -o "$build/fuzz"
"$build/fuzz" "${run[@]}"
