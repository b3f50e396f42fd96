"""Compiles the kernel and, if FASTPID_CUDA=1, libfastpid_cuda; the rest is in pyproject.toml.

FASTPID_BUILD_JOBS: compilers at a time; as many as there are processors, by default.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pybind11.setup_helpers import Pybind11Extension
from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools.modified import newer_group

HEADERS = sorted(map(str, Path("csrc").rglob("*.hpp")))
# By kind of compiler. Of gcc, the parts of -O3 that the solvers gain from: all of it takes half as
# long again, for nothing. Products and sums are joined where the code says so (multiply_add), the
# same way in every loop. gcc 12 warns of the undefined operands inside its own AVX-512 intrinsics.
STRICT = "-fno-math-errno -ffp-contract=off -Wall -Wextra -fvisibility=hidden -pthread"
FLAGS = {
    "gcc": (
        "-O2 -ftree-vectorize -fvect-cost-model=dynamic -fpeel-loops -funswitch-loops "
        f"--param=max-inline-insns-auto=30 {STRICT} -Wno-uninitialized -Wno-maybe-uninitialized"
    ),
    "clang": f"-O2 {STRICT}",
    "msvc": "/O2 /EHsc",
}


def eigen_include() -> str:
    """Headers of the cmeel-eigen wheel, or of conda's eigen, where this environment keeps them."""
    sites = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *sys.path)
    prefixes = [Path(site, "cmeel.prefix") for site in sites]
    for prefix in (*prefixes, Path(sys.prefix), Path(sys.prefix, "Library")):
        include = prefix / "include" / "eigen3"
        if (include / "Eigen" / "Core").is_file():
            return str(include)
    raise SystemExit("fastpid needs the Eigen headers to build: pip install cmeel-eigen")


def extension(name: str, sources: list[str], **options: list) -> Pybind11Extension:
    return Pybind11Extension(
        f"fastpid._solve.{name}",
        sources,
        depends=[*sources, *HEADERS],
        cxx_std=17,
        language="c++",
        **options,
    )


def variant(name: str, flags: list[str]) -> Pybind11Extension:
    """One variant of the kernel; fastpid/_solve/kernel.py picks one at import.

    Each is a module of its own, so that the linker cannot merge code between instruction sets.
    """
    return extension(
        f"_kernel_{name}",
        ["csrc/bindings/variant.cpp"]
        + [str(path) for part in ("cpu", "exec") for path in Path("csrc", part).glob("*.cpp")],
        define_macros=[("FASTPID_MODULE", f"_kernel_{name}")],
        include_dirs=[eigen_include()],
        extra_compile_args=flags,
    )


def extensions() -> list[Pybind11Extension]:
    levels = ("v4", "v3", "v2")
    # Of the machine to build for, which need not be this one.
    system, _, machine = sysconfig.get_platform().partition("-")
    if not system.startswith("win") and machine.endswith("x86_64"):
        variants = [variant(f"x86_64_{level}", [f"-march=x86-64-{level}"]) for level in levels]
    else:
        variants = [variant("generic", [])]
    return [*variants, extension("_bindings", ["csrc/bindings/module.cpp"])]


def kind_of(compiler: Any) -> str:
    """Which of FLAGS a compiler takes."""
    if compiler.compiler_type == "msvc":
        return "msvc"
    asked = [*compiler.compiler_so_cxx, "--version"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    return "clang" if "clang" in said else "gcc"


def cuda_command(root: str) -> list[str] | None:
    """Return what compiles the CUDA library into a tree; None unless FASTPID_CUDA asks for it."""
    wanted = os.environ.get("FASTPID_CUDA", "0")
    if wanted not in ("0", "1"):
        raise SystemExit(f"FASTPID_CUDA must be 0 or 1; got {wanted!r}")
    if wanted == "0":
        return None
    home = os.environ.get("CUDA_HOME", "/usr/local/cuda")
    nvcc = shutil.which("nvcc") or shutil.which("nvcc", path=os.path.join(home, "bin"))
    if nvcc is None:
        raise SystemExit("FASTPID_CUDA=1, but nvcc is neither in PATH nor in CUDA_HOME/bin")
    library = Path(root, "fastpid", "libfastpid_cuda.so")
    library.parent.mkdir(parents=True, exist_ok=True)
    return ["bash", "csrc/cuda/build.sh", str(library), nvcc]


class BuildExt(build_ext):
    """Compiles the sources of all modules side by side, and the CUDA library beside them."""

    def run(self) -> None:
        command = cuda_command("." if self.inplace else self.build_lib)
        nvcc = subprocess.Popen(command) if command else None
        super().run()
        if nvcc is not None and nvcc.wait() != 0:
            raise SystemExit("nvcc failed; FASTPID_CUDA=0 builds without CUDA")

    def get_outputs(self) -> list[str]:
        library = [str(Path(self.build_lib, "fastpid", "libfastpid_cuda.so"))]
        return super().get_outputs() + [path for path in library if Path(path).is_file()]

    def build_extensions(self) -> None:
        if hasattr(self.compiler, "initialize"):
            self.compiler.initialize()  # MSVC's, which is lazy, and not made for threads
        kind = kind_of(self.compiler)
        for extension in self.extensions:
            extension.extra_compile_args = [*FLAGS[kind].split(), *extension.extra_compile_args]
            extension.extra_link_args += [] if kind == "msvc" else ["-pthread"]
        stale = [
            extension
            for extension in self.extensions
            if self.force or newer_group(extension.depends, self.get_ext_fullpath(extension.name))
        ]
        jobs = [(extension, source) for extension in stale for source in extension.sources]
        jobs.sort(key=lambda job: "_tables" not in job[1])  # the slowest first
        workers = int(os.environ.get("FASTPID_BUILD_JOBS", 0)) or os.cpu_count()
        with ThreadPoolExecutor(workers) as pool:
            objects = list(pool.map(lambda job: self.compile_source(*job), jobs))
        for (extension, _), compiled in zip(jobs, objects, strict=True):
            extension.extra_objects += compiled
        for extension in stale:
            extension.sources = []
        super().build_extensions()  # which links

    def compile_source(self, extension: Pybind11Extension, source: str) -> list[str]:
        return self.compiler.compile(
            [source],
            output_dir=str(Path(self.build_temp, extension.name)),
            macros=extension.define_macros,
            include_dirs=extension.include_dirs,
            extra_postargs=extension.extra_compile_args,
            depends=extension.depends,
        )


setup(ext_modules=extensions(), cmdclass={"build_ext": BuildExt})
