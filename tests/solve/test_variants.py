"""The kernel's variants, one per instruction set: chosen at import, and of one opinion."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from families import FAMILIES, table

import fastpid
from fastpid._solve.kernel import build_info, cuda_library

HELPERS = Path(__file__).resolve().parents[1] / "helpers"
VARIANTS = ["x86_64_v4", "x86_64_v3", "x86_64_v2", "generic"]

PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from families import FAMILIES, table
import fastpid
from fastpid._solve.kernel import build_info
solved = {f: fastpid.decompose(table(f, (4, 5, 3), 0)).union_information for f in FAMILIES}
print(json.dumps([build_info()["instruction_set"], solved]))
"""


def run(variant: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(HELPERS)],
        env={**os.environ, "FASTPID_ISA": variant},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_variant_solves_every_family(variant: str) -> None:
    done = run(variant)
    if done.returncode != 0:
        assert "cannot be used: built and supported by this processor are" in done.stderr
        pytest.skip(f"{variant} is not for this machine")
    name, solved = json.loads(done.stdout)
    # What `fastpid info` says is what FASTPID_ISA takes, with dashes or underscores.
    if variant != "generic":
        assert name == variant
        assert json.loads(run(variant.replace("_", "-")).stdout)[0] == name
    for family in FAMILIES:
        here = fastpid.decompose(table(family, (4, 5, 3), 0)).union_information
        assert solved[family] == pytest.approx(here, abs=1e-9)


#: What the system says of the processor, where it says it, that each level takes.
LEVELS = {
    "x86_64_v2": {"ssse3", "sse4_1", "sse4_2", "popcnt"},
    "x86_64_v3": {"avx", "avx2", "fma", "bmi1", "bmi2", "movbe", "f16c", "abm"},
    "x86_64_v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}


def test_levels_of_the_processor_are_those_that_the_system_names() -> None:
    path = Path("/proc/cpuinfo")
    if platform.machine() != "x86_64" or not path.is_file():
        pytest.skip("the system does not say")
    lines = path.read_text().splitlines()
    flags = set(next(line for line in lines if line.startswith("flags")).split())
    expected: list[str] = []
    for level, wanted in LEVELS.items():
        if not wanted <= flags:
            break
        expected.insert(0, level)
    module = importlib.import_module("fastpid._solve._kernel_x86_64_v2")
    assert list(module.processor()) == expected


def test_unknown_variant_is_refused_with_the_choices() -> None:
    done = run("pentium")
    assert done.returncode != 0
    assert "FASTPID_ISA='pentium' cannot be used" in done.stderr


def test_build_info_names_what_was_built() -> None:
    info = build_info()
    assert set(info) == {"compiler", "cxx_standard", "instruction_set", "eigen", "cuda"}
    assert info["cuda"] is (cuda_library() is not None)


#: Instructions beyond SSE4.2: 256- and 512-bit registers, masks, and anything VEX-encoded.
BEYOND_V2 = re.compile(r"%[yz]mm\d|%k[0-7]\b|\sv[a-z0-9]+\s.*%xmm\d")
BEYOND_V3 = re.compile(r"%zmm\d|%k[0-7]\b")


def _instructions(variant: str) -> list[str]:
    """Disassemble one variant's module, or skip where that cannot be done."""
    spec = importlib.util.find_spec(f"fastpid._solve._kernel_{variant}")
    if spec is None or spec.origin is None:
        pytest.skip(f"{variant} is not built here")
    if shutil.which("objdump") is None:
        pytest.skip("objdump (binutils) is not installed")
    command = ["objdump", "-d", "--no-show-raw-insn", spec.origin]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line for line in listing.splitlines() if ":\t" in line]


def test_baseline_holds_no_code_of_later_instruction_sets() -> None:
    found = _instructions("x86_64_v2")
    assert len(found) > 10_000
    assert [line for line in found if BEYOND_V2.search(line)] == []


def test_avx2_variant_holds_no_avx512() -> None:
    assert [line for line in _instructions("x86_64_v3") if BEYOND_V3.search(line)] == []


def test_the_search_for_later_instructions_finds_them() -> None:
    assert any(BEYOND_V2.search(line) for line in _instructions("x86_64_v3"))
    assert any(BEYOND_V3.search(line) for line in _instructions("x86_64_v4"))
