"""Imports point one way, and `import fastpid` is light."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: Floors, from the ground up: a room imports rooms below its own floor alone.
FLOORS = (
    {"_base"},
    {"gates", "information", "plot"},
    {"joint", "result"},
    {"_solve"},
    {"_many"},
    {"_pointwise", "_posteriors"},
    {"estimation"},
    {"conditions", "controller", "course", "models", "screening"},
    {"_compare", "compat", "reference", "torch"},
    {"_decompose", "_decompose_many", "_decompose_marginals", "_union_information", "gaussian"},
    {"__init__"},
    {"cli"},
    {"__main__"},
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
MODULES = sorted((ROOT / "fastpid").rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    """Dotted names below fastpid that a source file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "fastpid":
            names |= {alias.name if alias.name in FLOOR_OF else "__init__" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fastpid."):
            module = (node.module or "").removeprefix("fastpid.")
            within = ROOT / "fastpid" / module.replace(".", "/")
            submodules = {a.name for a in node.names if (within / f"{a.name}.py").is_file()}
            names |= {f"{module}.{name}" for name in submodules}
            names |= {module} if submodules != {a.name for a in node.names} else set()
        elif isinstance(node, ast.Import):
            parts = [alias.name.split(".", 1) for alias in node.names]
            names |= {[*part, "__init__"][1] for part in parts if part[0] == "fastpid"}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_imports_point_down(path: Path) -> None:
    room = path.relative_to(ROOT / "fastpid").parts[0].removesuffix(".py")
    for name in imports_of(path):
        other = name.split(".")[0]
        assert other == room or FLOOR_OF[other] < FLOOR_OF[room], f"{room} imports {name}"


def test_no_import_goes_in_a_circle() -> None:
    graph = {}
    for path in MODULES:
        name = ".".join(path.relative_to(ROOT / "fastpid").with_suffix("").parts)
        graph[name.removesuffix(".__init__")] = imports_of(path)
    tuple(graphlib.TopologicalSorter(graph).static_order())


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
        typed_only = path.name.startswith(("_decompose", "_union"))  # under TYPE_CHECKING
        in_torch = "torch" in path.relative_to(package).parts
        assert "torch" not in names or in_torch or typed_only, path


CSRC = {
    "core": {"core"},
    "core/gaussian": {"core", "gaussian"},
    "exec": {"core", "exec"},
    "cpu": {"core", "gaussian", "exec", "cpu"},
    "cuda": {"core", "exec", "cuda"},
}
FOREIGN = {
    "core": ("pybind11", "Python.h", "torch", "thread", "cuda", "Eigen", "vector", "memory"),
    "exec": ("pybind11", "Python.h", "torch", "cuda"),
    "cpu": ("pybind11", "Python.h", "torch", "cuda"),
    "cuda": ("pybind11", "Python.h", "torch", "Eigen", "thread"),
}


def test_problems_of_many_sources_are_built_on_those_of_two() -> None:
    for path in (ROOT / "csrc" / "core").glob("*.hpp"):
        assert '#include "many/' not in path.read_text(encoding="utf-8"), path.name


@pytest.mark.parametrize("layer", CSRC)
def test_cpp_includes_point_down(layer: str) -> None:
    folder = ROOT / "csrc" / layer
    files = [path for ext in ("hpp", "cpp", "h", "cu", "cuh") for path in folder.rglob(f"*.{ext}")]
    assert files
    for path in files:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith('#include "'):
                target = (path.parent / line.split('"')[1]).resolve()
                room = target.relative_to(ROOT / "csrc").parts[0]
                assert room in CSRC[layer], f"{path.name}: {line}"
            elif line.startswith("#include <"):
                header = line.split("<")[1].split(">")[0]
                assert not header.startswith(FOREIGN[layer.split("/")[0]]), f"{path.name}: {line}"


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
late = {f"fastpid.{name}" for name in ("controller", "gaussian", "joint", "estimation", "models",
                                       "screening", "plot", "torch")}
assert not late & set(sys.modules), late & set(sys.modules)
assert {"estimate", "screen", "plot", "PIDSelector"} <= set(dir(fastpid))
cov = [[2.0, 1.0, 1.0], [1.0, 2.0, 1.0], [1.0, 1.0, 1.0]]
assert fastpid.gaussian.decompose(cov, (1, 1, 1)).unique_x == 0.0
x = [0, 0, 1, 1] * 10
e = fastpid.estimate(x, x[1:] + x[:1], x, n_bootstrap=20, n_permutations=19, rng=0)
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
    fastpid.models.estimate([[0.0], [1.0]] * 20, [[1.0], [1.0]] * 20, [0, 1] * 20)
except ImportError as error:
    assert "fastpid[estimate]" in str(error), error
else:
    raise SystemExit("models were fitted without scikit-learn")
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
