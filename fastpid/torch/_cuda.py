"""libfastpid_cuda: loaded when the first CUDA tensor comes, called on torch's current stream."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence

import torch
from torch import Tensor

from fastpid._base.quantities import MASS_TOLERANCE
from fastpid._solve.kernel import cuda_library
from fastpid._solve.options import SolveOptions

_INT64, _INT = ctypes.c_int64, ctypes.c_int
_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_size_t
_SIZES = ctypes.POINTER(ctypes.c_size_t)


class _Options(ctypes.Structure):
    """``struct fastpid_cuda_options`` of csrc/cuda/fastpid_cuda.h."""

    _fields_ = (
        ("method", ctypes.c_int32),
        ("max_iter", ctypes.c_int32),
        ("normalize", ctypes.c_int32),
        ("reserved", ctypes.c_int32),
        ("tol", ctypes.c_double),
        ("mass_tolerance", ctypes.c_double),
    )


_SHAPE = (_INT64, _INT, _INT, _INT)
_SOURCES = (_INT64, _INT, ctypes.POINTER(_INT), _INT, ctypes.POINTER(_Options))
_SIGNATURES = {
    "fastpid_cuda_workspace": (*_SHAPE, ctypes.POINTER(_Options), _SIZES, _SIZES),
    "fastpid_cuda_decompose": (
        *(*(_POINTER,) * 3, *_SHAPE, ctypes.POINTER(_Options)),
        *(_POINTER,) * 6,
        *(_POINTER, _SIZE, _POINTER),
    ),
    "fastpid_cuda_gradient_workspace": (*_SHAPE, _SIZES, _SIZES),
    "fastpid_cuda_gradient": (
        *(*(_POINTER,) * 3, *_SHAPE, _INT),
        *(_POINTER,) * 8,
        *(_POINTER, _SIZE, _POINTER),
    ),
    "fastpid_cuda_union_workspace": (*_SOURCES, _SIZES, _SIZES),
    "fastpid_cuda_union": (
        *(_POINTER, *_SOURCES),
        *(_POINTER,) * 3,
        *(_POINTER, _SIZE, _POINTER),
    ),
}
#: The status of a batch that is left to the CPU.
_DECLINED = -3


@functools.cache
def _library() -> ctypes.CDLL:
    path = cuda_library()
    if path is None:
        raise RuntimeError(
            "the tensor is on a CUDA device, but fastpid was built without CUDA: install it with "
            "FASTPID_CUDA=1, which needs nvcc, or pass tensor.cpu()"
        )
    library = ctypes.CDLL(str(path))
    library.fastpid_cuda_error.argtypes = (_INT,)
    library.fastpid_cuda_error.restype = ctypes.c_char_p
    for name, arguments in _SIGNATURES.items():
        function = getattr(library, name)
        function.argtypes = arguments
        function.restype = _INT
    return library


def _check(status: int) -> None:
    if status != 0:
        text = _library().fastpid_cuda_error(status).decode()
        raise RuntimeError(f"fastpid's CUDA kernel was not launched: {text} (status {status})")


def _workspace(device: torch.device, wanted: ctypes.c_size_t, least: ctypes.c_size_t) -> Tensor:
    """Memory from torch's allocator; less, for fewer blocks at a time, if it is short."""
    size = wanted.value
    while True:
        try:
            return torch.empty(size, dtype=torch.uint8, device=device)
        except torch.OutOfMemoryError:
            if size <= least.value:
                raise
            size = max(size // 2, least.value)


def _pointers(tensors: tuple[Tensor, ...]) -> tuple[int | None, ...]:
    """Return those of what belongs to p, to p_xz and to p_yz: to p alone, or to the others."""
    pointers = tuple(tensor.data_ptr() for tensor in tensors)
    return (*pointers, None, None) if len(pointers) == 1 else (None, *pointers)


def _packed(options: SolveOptions) -> _Options:
    return _Options(
        options.method, options.max_iter, options.normalize, 0, options.tol, MASS_TOLERANCE
    )


def solve(
    given: tuple[Tensor, ...], shape: tuple[int, int, int, int], options: SolveOptions
) -> tuple[Tensor, ...]:
    """Decompose tables (count, nx, ny, nz), or pairs of their marginals, of that `shape`.

    As the kernel's ``solve_tables`` and ``decompose_marginals``, with tensors on the device of what
    is given. Launched on torch's current stream of that device, and not waited for.
    """
    count, nx, ny, nz = shape
    device = given[0].device

    def empty(*sizes: int) -> Tensor:
        return torch.empty(sizes, dtype=torch.float64, device=device)

    terms = empty(5, count)
    codes = torch.empty((3, count), dtype=torch.int32, device=device)
    xz, lam = empty(count, nx, nz), empty(count, nx, nz)
    yz, mu = empty(count, ny, nz), empty(count, ny, nz)
    packed = _packed(options)
    wanted, least = ctypes.c_size_t(), ctypes.c_size_t()
    library = _library()
    with torch.cuda.device(device):
        _check(
            library.fastpid_cuda_workspace(
                *shape, ctypes.byref(packed), ctypes.byref(wanted), ctypes.byref(least)
            )
        )
        workspace = _workspace(device, wanted, least)
        _check(
            library.fastpid_cuda_decompose(
                *(*_pointers(given), *shape, ctypes.byref(packed)),
                *(t.data_ptr() for t in (terms, codes, xz, yz, lam, mu)),
                *(workspace.data_ptr(), workspace.numel()),
                torch.cuda.current_stream(device).cuda_stream,
            )
        )
    return terms, codes, xz, yz, lam, mu


def gradients(
    given: tuple[Tensor, ...],
    shape: tuple[int, int, int, int],
    solved: tuple[Tensor, ...],
    weights: Tensor,
    normalize: bool,
) -> tuple[Tensor, ...]:
    """Return the gradient by each tensor that was given; `solved` are xz, yz, lam and mu."""
    device = given[0].device
    out = tuple(map(torch.empty_like, given))
    wanted, least = ctypes.c_size_t(), ctypes.c_size_t()
    library = _library()
    with torch.cuda.device(device):
        _check(
            library.fastpid_cuda_gradient_workspace(
                *shape, ctypes.byref(wanted), ctypes.byref(least)
            )
        )
        workspace = _workspace(device, wanted, least)
        _check(
            library.fastpid_cuda_gradient(
                *(*_pointers(given), *shape, int(normalize)),
                *(t.data_ptr() for t in (*solved, weights)),
                *(*_pointers(out), workspace.data_ptr(), workspace.numel()),
                torch.cuda.current_stream(device).cuda_stream,
            )
        )
    return out


class Unions:
    """A batch of union problems of several sources, and whether the device takes it.

    Parameters
    ----------
    count : int
        Problems.
    sizes : sequence of int
        Symbols of each source.
    nz : int
        Target symbols.
    options : SolveOptions
    device : torch.device
    """

    def __init__(
        self, count: int, sizes: Sequence[int], nz: int, options: SolveOptions, device: torch.device
    ) -> None:
        self._count = count
        self._sizes = tuple(sizes)
        self._nz = nz
        self._device = device
        symbols = (_INT * len(self._sizes))(*self._sizes)
        self._problem = (count, len(self._sizes), symbols, nz, ctypes.byref(_packed(options)))
        self._wanted, self._least = ctypes.c_size_t(), ctypes.c_size_t()
        with torch.cuda.device(device):
            status = _library().fastpid_cuda_union_workspace(
                *self._problem, ctypes.byref(self._wanted), ctypes.byref(self._least)
            )
        self.taken: bool = status != _DECLINED
        if self.taken:
            _check(status)

    def solve(self, marginals: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return terms, codes and potentials of valid marginals (count, sum of sizes, nz).

        They lie as those of ``torch.ops.fastpid.union_information``. Launched on torch's current
        stream, and not waited for.
        """

        def empty(*sizes: int, dtype: torch.dtype = torch.float64) -> Tensor:
            return torch.empty(sizes, dtype=dtype, device=self._device)

        terms = empty(len(self._sizes) + 2, self._count)
        codes = empty(3, self._count, dtype=torch.int32)
        potentials = empty(self._count, sum(self._sizes), self._nz)
        with torch.cuda.device(self._device):
            workspace = _workspace(self._device, self._wanted, self._least)
            _check(
                _library().fastpid_cuda_union(
                    *(marginals.data_ptr(), *self._problem),
                    *(t.data_ptr() for t in (terms, codes, potentials)),
                    *(workspace.data_ptr(), workspace.numel()),
                    torch.cuda.current_stream(self._device).cuda_stream,
                )
            )
        return terms, codes, potentials
