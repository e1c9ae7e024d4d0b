"""`python server.py` on a machine whose clock is wrong by the seconds that the file in CLOCK_SHIFT says.

What never goes back (the monotonic clock, which limits and time-outs are counted by) is left as it is.
"""

from __future__ import annotations

import os
import runpy
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).absolute().parent.parent.parent
SHIFT = Path(os.environ["CLOCK_SHIFT"])
right = time.time


def wrong() -> float:
    """The seconds since 1970, as this machine believes."""
    return right() + float(SHIFT.read_text())


if __name__ == "__main__":
    sys.path[0] = str(ROOT)
    time.time = wrong
    from models import clock

    clock.use(lambda: datetime.fromtimestamp(wrong(), UTC))
    sys.argv[0] = str(ROOT / "server.py")
    runpy.run_path(sys.argv[0], run_name="__main__")
