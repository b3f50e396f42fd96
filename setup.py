"""Compiles fastpid._core; everything else about the package is in pyproject.toml."""

import platform
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
    """Compiler flags of each variant of the kernel; fastpid/_core.py picks one at import.

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
        f"fastpid._core_{variant}",
        sorted(map(str, sources)),
        define_macros=[("FASTPID_MODULE", f"_core_{variant}")],
        include_dirs=[eigen_include()],
        depends=sorted(str(path) for path in Path("csrc").rglob("*.hpp")),
        extra_compile_args=args,
        extra_link_args=[] if sys.platform == "win32" else ["-pthread"],
        cxx_std=17,
    )


class BuildExt(build_ext):
    """Keeps the object files of the variants apart: they come from the same sources."""

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
