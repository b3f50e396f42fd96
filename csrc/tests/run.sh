#!/usr/bin/env bash
# Builds and runs the C++ tests: all of them under the address and undefined-behaviour sanitizers,
# those of batches over threads and of blocks of threads under the thread sanitizer.
#   csrc/tests/run.sh [EIGEN_INCLUDE_DIR]
# CXX, PYTHON and JOBS (compilers at a time) may be set.
set -euo pipefail
cd "$(dirname "$0")"

cxx=${CXX:-g++}
eigen=${1:-$("${PYTHON:-python3}" eigen_include.py)}
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT

# compile NAME FLAGS... reads the sources from its input and links them as $build/NAME.
compile() {
  local name=$1
  shift
  mkdir "$build/$name.d"
  local flags=(-std=c++17 -O1 -g -Wall -Wextra -Werror -pthread "$@")
  xargs -P "${JOBS:-$(nproc)}" -I{} sh -c \
    'out=$1/$(basename "$2" .cpp).o; shift 2; "$@" -o "$out"' \
    sh "$build/$name.d" {} "$cxx" "${flags[@]}" -isystem "$eigen" -c {}
  "$cxx" "${flags[@]}" "$build/$name.d"/*.o -o "$build/$name"
}

# The slowest to compile come first.
printf '%s\n' ../cpu/*.cpp ../exec/*.cpp problem.cpp sources.cpp test_*.cpp main.cpp |
  compile address -fsanitize=address,undefined -fno-sanitize-recover=all
printf '%s\n' ../cpu/*.cpp ../exec/*.cpp problem.cpp sources.cpp test_batch.cpp \
  test_team.cpp test_host_team.cpp test_histogram.cpp test_gaussian.cpp test_many.cpp \
  test_many_batch.cpp main.cpp |
  compile thread -fsanitize=thread
printf '%s\n' missing_barrier.cpp | compile missing_barrier -fsanitize=thread

status=0
"$build/thread" >"$build/thread.log" 2>&1 &
printf '%s\n' "--- address sanitizer"
"$build/address" || status=1
printf '%s\n' "--- thread sanitizer"
wait "$!" || status=1
cat "$build/thread.log"
printf '%s\n' "--- barriers that are missing on purpose"
"$build/missing_barrier" 0 || status=1
for n in 2 7 500; do
  if TSAN_OPTIONS=halt_on_error=1 timeout 60 "$build/missing_barrier" "$n" >/dev/null 2>&1; then
    echo "nobody noticed that every ${n}th barrier was missing"
    status=1
  fi
done
exit "$status"
