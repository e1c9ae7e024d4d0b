"""W4 at 100,000: tickets read from a file by the command line, which opens the database for itself."""

from __future__ import annotations

import csv
import os
import resource
import subprocess
import time
from pathlib import Path

from bench import dataset
from bench.contenders import ADMIT, PRODUCTION
from bench.dataset import ROOT, Dataset
from bench.figures import Figure
from bench.rows import Task
from bench.servers import FIRST_CORE, NotHere, python

COMMAND = "import-tickets"
MANY = 100_000


def imported(data: Dataset, folder: Path, many: int = MANY) -> Figure:
    """Import so many tickets into a fresh copy. Raises NotHere where Admit has no such command, or it fails."""
    if COMMAND not in _run("--help").stdout:
        raise NotHere(f"W4 by import: server.py has no {COMMAND}")
    file = folder / "candidates.csv"
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(("fullName", "email"))
        writer.writerows((f"Somebody New {at}", f"new{at}@example.org") for at in range(many))
    url = dataset.copied(data, "import", folder)
    try:
        before, began = _spent(), time.perf_counter()
        done = _run(COMMAND, str(file), "--task", f"tsk_{Task(2).key}", DATABASE_URL=url)
        lasted, spent = time.perf_counter() - began, _spent() - before
    finally:
        dataset.forgotten(data, url)
        file.unlink()
    if done.returncode:
        raise NotHere(f"W4 by import: {done.stderr.strip()[-300:]}")
    held = float(done.stdout.splitlines()[-1])
    return Figure("W4 by import", ADMIT.name, rate=many / lasted, cpu=1e6 * spent / many, stall=1000 * held)


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    known = {"PATH": os.environ["PATH"], **PRODUCTION, **environment}
    command = ["taskset", "--cpu-list", str(FIRST_CORE), *python("bench.peers.import_watched"), *arguments]
    return subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, check=False)


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
