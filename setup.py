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


def compile_args() -> list[str]:
    if sys.platform == "win32":
        return ["/O2", "/EHsc"]
    args = ["-O3", "-fno-math-errno", "-fvisibility=hidden", "-Wall", "-Wextra", "-pthread"]
    if platform.machine().lower() in ("x86_64", "amd64"):
        args.append("-march=x86-64-v2")
    return args


extension = Pybind11Extension(
    "fastpid._core",
    sorted(str(path) for part in ("bindings", "cpu") for path in Path("csrc", part).glob("*.cpp")),
    include_dirs=[eigen_include()],
    depends=sorted(str(path) for path in Path("csrc").rglob("*.hpp")),
    extra_compile_args=compile_args(),
    extra_link_args=[] if sys.platform == "win32" else ["-pthread"],
    cxx_std=17,
)

ParallelCompile("FASTPID_BUILD_JOBS", default=0).install()
setup(ext_modules=[extension], cmdclass={"build_ext": build_ext})
