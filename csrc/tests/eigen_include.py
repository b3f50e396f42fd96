"""Print where the Eigen headers of cmeel-eigen are."""

import sys
from pathlib import Path

for root in sys.path:
    include = Path(root) / "cmeel.prefix" / "include" / "eigen3"
    if (include / "Eigen" / "Core").is_file():
        print(include)
        break
else:
    sys.exit("the Eigen headers are missing: pip install cmeel-eigen")
