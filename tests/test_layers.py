"""Imports point one way, and `import fastpid` is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: What each module of the package may import of the package, whole layers below it only.
ALLOWED = {
    "_core": set(),
    "_validate": set(),
    "_extras": set(),
    "result": {"_extras", "_validate"},
    "information": {"_validate"},
    "gates": set(),
    "reference": {"_validate", "information", "result"},
    "_options": {"_validate"},
    "_stack": set(),
    "_progress": set(),
    "solver": {"_core", "_options", "_stack", "_validate", "result"},
    "_soft_joint": {"_validate"},
    "_columns": {"_validate"},
    "_edges": {"_columns", "_extras", "_stack"},
    "_coding": {"_columns", "_edges", "_extras"},
    "_discretizer": {"_coding", "_columns", "_edges", "_validate"},
    "_tables": {"_columns", "_edges"},
    "_samples": {"_coding", "_columns", "_discretizer", "_edges", "_tables", "_validate"},
    "_readers": {"_columns", "_samples", "_tables", "_validate"},
    "_files": {"_columns", "_extras"},
    "_streaming": {
        "_coding",
        "_columns",
        "_discretizer",
        "_edges",
        "_files",
        "_progress",
        "_samples",
        "_tables",
        "_validate",
    },
    "joint": {
        "_discretizer",
        "_edges",
        "_readers",
        "_samples",
        "_soft_joint",
        "_streaming",
        "_tables",
    },
    "_resampling": {"_core", "_options", "result", "solver"},
    "_bias": {"_options", "_resampling"},
    "uncertainty": {
        "_bias",
        "_extras",
        "_options",
        "_progress",
        "_resampling",
        "_samples",
        "_stack",
        "_tables",
        "_validate",
        "plot",  # by Estimate.plot(), when it is called
        "result",
        "solver",
    },
    "_coded_columns": {"_coding", "_columns", "_edges", "_validate"},
    "_pairs": {"_coded_columns", "_columns", "_core", "_options", "_validate", "result", "solver"},
    "_checkpoint": {"_pairs"},
    "screening": {
        "_checkpoint",
        "_coded_columns",
        "_columns",
        "_extras",
        "_options",
        "_pairs",
        "_progress",
        "_stack",
        "_validate",
        "plot",  # by Screen.plot(), when it is called
        "result",
    },
    "feature_selection": {"_coded_columns", "_pairs"},
    "_held_out": {
        "_bias",
        "_core",
        "_options",
        "_resampling",
        "_soft_joint",
        "_validate",
        "solver",
    },
    "_observations": {"_held_out", "_options", "_soft_joint", "_validate", "result"},
    "_rules": {"_observations"},
    "controller": {
        "_extras",
        "_observations",
        "_options",
        "_rules",
        "_stack",
        "_validate",
        "plot",  # by AsyncController.plot(), when it is called
        "result",
    },
    "plot": {"_extras", "controller", "result", "screening", "uncertainty"},
    "cli/__init__": {"cli"},
    "cli/_common": {"_extras", "_validate"},
    "cli/_about": {"_core", "_validate", "__version__", "cli", "decompose", "gates"},
    "cli/_read": {"cli", "joint"},
    "cli/_decompose": {"_validate", "cli", "joint", "result"},
    "cli/_estimate": {"cli", "joint", "uncertainty"},
    "cli/_screen": {"_files", "cli", "plot", "screening"},
    "__main__": {"cli"},
    "_dispatch": {"_options", "result", "solver", "torch"},
    "torch/__init__": {"torch"},
    "torch/_validate": set(),
    "torch/_cuda": {"_core", "_options", "_validate"},
    "torch/_ops": {"_core", "_options", "_validate", "result", "solver", "torch"},
    "torch/_decompose": {"_options", "result", "solver", "torch"},
    "torch/_soft_joint": {"_validate", "torch"},
    "torch/training": {"controller"},
    "torch/lightning": {"_extras", "torch"},
    "torch/transformers": {"_extras", "torch"},
}


def imports_of(path: Path) -> set[str]:
    """Names of fastpid's own modules that a source file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "fastpid":
            parts = (node.module or "").split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("fastpid."):
                    found.add(alias.name.split(".")[1])
    return found


@pytest.mark.parametrize("name", ALLOWED)
def test_python_imports_point_down(name: str) -> None:
    assert imports_of(ROOT / "fastpid" / f"{name}.py") <= ALLOWED[name]


def test_every_module_has_its_rule() -> None:
    package = ROOT / "fastpid"
    modules = {
        path.relative_to(package).with_suffix("").as_posix() for path in package.rglob("*.py")
    }
    assert modules - set(ALLOWED) == {"__init__"}


def test_only_fastpid_torch_imports_torch() -> None:
    package = ROOT / "fastpid"
    for path in package.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {
            name.name.split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for name in node.names
        } | {
            (node.module or "").split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
        }
        assert "torch" not in names or path.parent.name == "torch", path


CSRC = {
    "core": {"core"},
    "exec": {"core", "exec"},
    "cpu": {"core", "exec", "cpu"},
    "cuda": {"core", "exec", "cuda"},
}
FOREIGN = {
    "core": ("pybind11", "Python.h", "torch", "thread", "cuda", "Eigen", "vector", "memory"),
    "exec": ("pybind11", "Python.h", "torch", "cuda"),
    "cpu": ("pybind11", "Python.h", "torch", "cuda"),
    "cuda": ("pybind11", "Python.h", "torch", "Eigen", "thread"),
}


@pytest.mark.parametrize("layer", CSRC)
def test_cpp_includes_point_down(layer: str) -> None:
    folder = ROOT / "csrc" / layer
    files = [path for ext in ("hpp", "cpp", "h", "cu", "cuh") for path in folder.glob(f"*.{ext}")]
    assert files
    for path in files:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith('#include "'):
                target = (path.parent / line.split('"')[1]).resolve()
                assert target.parent.name in CSRC[layer], f"{path.name}: {line}"
            elif line.startswith("#include <"):
                header = line.split("<")[1].split(">")[0]
                assert not header.startswith(FOREIGN[layer]), f"{path.name}: {line}"


def test_import_needs_numpy_alone() -> None:
    program = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"cvxpy", "scipy", "pandas", "torch", "matplotlib", "sklearn",
                                  "tqdm", "joblib", "pyarrow", "astropy", "rich"}:
            raise ImportError(f"{name} must not be imported")
sys.meta_path.insert(0, Refuse())
import fastpid
assert fastpid.decompose(fastpid.gates.xor()).synergy == 1.0
late = {f"fastpid.{name}" for name in ("controller", "joint", "uncertainty", "screening", "plot",
                                       "torch")}
assert not late & set(sys.modules), late & set(sys.modules)
assert {"estimate", "screen", "plot", "feature_selection"} <= set(dir(fastpid))
x = [0, 0, 1, 1] * 10
e = fastpid.estimate(x, x[1:] + x[:1], x, bootstrap=9, permutations=9, seed=0)
assert e.table.n_samples == 40
try:
    fastpid.plot.atoms(fastpid.decompose(fastpid.gates.xor()))
except ImportError as error:
    assert "fastpid[plot]" in str(error), error
else:
    raise SystemExit("a plot was drawn without matplotlib")
try:
    fastpid.reference.cvx_pid(fastpid.gates.xor())
except ImportError as error:
    assert "fastpid[reference]" in str(error), error
else:
    raise SystemExit("cvx_pid ran without cvxpy")
try:
    fastpid.torch
except ImportError as error:
    assert "fastpid[torch]" in str(error), error
else:
    raise SystemExit("fastpid.torch came without torch")
try:
    fastpid.decompose(fastpid.gates.xor()).to_frame()
except ImportError as error:
    assert "pip install" in str(error), error
else:
    raise SystemExit("to_frame ran without pandas")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
