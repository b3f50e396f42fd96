"""Compiles the kernel and, where there is nvcc, libfastpid_cuda; the rest is in pyproject.toml.

FASTPID_CUDA: "auto" (the default) builds the CUDA library if nvcc is found and able to, "1" insists
on it, "0" leaves it out. Whether a GPU is there does not matter.
"""

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension, build_ext
from setuptools import setup


def eigen_include() -> str:
    """Headers of the cmeel-eigen wheel, wherever this environment keeps them."""
    for root in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *sys.path):
        include = Path(root) / "cmeel.prefix" / "include" / "eigen3"
        if (include / "Eigen" / "Core").is_file():
            return str(include)
    raise SystemExit("fastpid needs the Eigen headers to build: pip install cmeel-eigen")


def variants() -> dict[str, list[str]]:
    """Compiler flags of each variant of the kernel; fastpid/_solve/kernel.py picks one at import.

    Each is a module of its own, so that the linker cannot merge code between instruction sets.
    """
    if sys.platform == "win32":
        return {"generic": ["/O2", "/EHsc"]}
    # gcc 12 warns of the undefined operands inside its own AVX-512 intrinsics.
    warn = ["-Wall", "-Wextra", "-Wno-maybe-uninitialized"]
    common = ["-O3", "-fno-math-errno", "-fvisibility=hidden", "-pthread", *warn]
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return {"generic": common}
    return {f"x86_64_{level}": [*common, f"-march=x86-64-{level}"] for level in ("v2", "v3", "v4")}


def extension(variant: str, args: list[str]) -> Pybind11Extension:
    sources = [path for part in ("bindings", "cpu") for path in Path("csrc", part).glob("*.cpp")]
    return Pybind11Extension(
        f"fastpid._solve._kernel_{variant}",
        sorted(map(str, sources)),
        define_macros=[("FASTPID_MODULE", f"_kernel_{variant}")],
        include_dirs=[eigen_include()],
        depends=sorted(str(path) for path in Path("csrc").rglob("*.hpp")),
        extra_compile_args=args,
        extra_link_args=[] if sys.platform == "win32" else ["-pthread"],
        cxx_std=17,
    )


def find_nvcc() -> str | None:
    """Return the CUDA compiler; None if FASTPID_CUDA or the machine says that there is none."""
    wanted = os.environ.get("FASTPID_CUDA", "auto")
    if wanted not in ("0", "1", "auto"):
        raise SystemExit(f"FASTPID_CUDA must be 0, 1 or auto; got {wanted!r}")
    if wanted == "0" or (wanted == "auto" and not sys.platform.startswith("linux")):
        return None
    home = os.environ.get("CUDA_HOME", "/usr/local/cuda")
    nvcc = shutil.which("nvcc") or shutil.which("nvcc", path=os.path.join(home, "bin"))
    if nvcc is None and wanted == "1":
        raise SystemExit("FASTPID_CUDA=1, but nvcc is neither in PATH nor in CUDA_HOME/bin")
    return nvcc


class BuildExt(build_ext):
    """Compiles the CUDA library too, and keeps the object files of the variants apart."""

    def run(self) -> None:
        nvcc = find_nvcc()
        # nvcc works while the other compilers do.
        job = subprocess.Popen(self.cuda_command(nvcc)) if nvcc else None
        super().run()
        if job is not None and job.wait() != 0:
            if os.environ.get("FASTPID_CUDA") == "1":
                raise SystemExit("nvcc failed; FASTPID_CUDA=0 builds without CUDA")
            self.warn(
                f"{nvcc} failed: fastpid is built without CUDA (FASTPID_CUDA=1 insists on it)"
            )

    def cuda_command(self, nvcc: str) -> list[str]:
        root = Path("." if self.inplace else self.build_lib)
        library = root / "fastpid" / "libfastpid_cuda.so"
        library.parent.mkdir(parents=True, exist_ok=True)
        return ["bash", "csrc/cuda/build.sh", str(library), nvcc]

    def get_outputs(self) -> list[str]:
        library = [str(Path(self.build_lib, "fastpid", "libfastpid_cuda.so"))]
        return super().get_outputs() + [path for path in library if Path(path).is_file()]

    def build_extension(self, ext: Pybind11Extension) -> None:
        shared = self.build_temp
        self.build_temp = str(Path(shared, ext.name))
        super().build_extension(ext)
        self.build_temp = shared


ParallelCompile("FASTPID_BUILD_JOBS", default=0).install()
setup(
    ext_modules=[extension(*variant) for variant in variants().items()],
    cmdclass={"build_ext": BuildExt},
)
