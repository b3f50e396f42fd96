#!/usr/bin/env bash
# Compiles the CUDA library; any warning is an error.
#   csrc/cuda/build.sh OUTPUT [NVCC [NVCC_OPTIONS...]]
# FASTPID_CUDA_ARCH: compute capabilities with machine code, the last one also as PTX, from which
# drivers compile for later devices; "80 90" by default.
set -euo pipefail
output=$1
nvcc=${2:-nvcc}
shift $(($# < 2 ? $# : 2))

archs=()
for arch in ${FASTPID_CUDA_ARCH:-80 90}; do
  archs+=(-gencode "arch=compute_$arch,code=sm_$arch")
done
archs+=(-gencode "arch=compute_$arch,code=compute_$arch")

# --expt-relaxed-constexpr: std::numeric_limits and std::initializer_list in device code.
exec "$nvcc" -std=c++17 -O3 --expt-relaxed-constexpr -Werror all-warnings -t 0 \
  -Xcompiler -fPIC,-fvisibility=hidden,-Wall,-Wextra -cudart static -shared \
  "${archs[@]}" "$@" "$(dirname "$0")"/*.cu -o "$output"
