"""XlsxWriter in constant memory and nothing else: what a spreadsheet of so many links takes at least."""

from __future__ import annotations

import base64
import os
import sys
import tempfile
import time
from pathlib import Path

from xlsxwriter import Workbook

from bench import rows
from bench.servers import own_memory

_SEALED = 150  # bytes in a shared link
_LOOK_EVERY = 1_000  # rows
_SELF = Path("/proc/self")


def main(count: int) -> None:
    """Print the seconds, the seconds of a processor, and the KB that it has grown by, as JSON."""
    held = most = own_memory(_SELF)
    began, spent = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        book = Workbook(f"{folder}/links.xlsx", {"constant_memory": True, "tmpdir": folder, **plain})
        sheet = book.add_worksheet("Links")
        write = sheet.write_string
        for at in range(count):
            code = rows.code(at)
            shown = f"{code[:4]}-{code[4:9]}-{code[9:]}"
            sealed = base64.urlsafe_b64encode(os.urandom(_SEALED)).decode()
            write(at, 0, f"Candidate {at}")
            write(at, 1, f"c{at}@example.org")
            write(at, 4, shown)
            write(at, 5, f"http://127.0.0.1:8000/t/bench-0#{shown}")
            write(at, 6, f"http://127.0.0.1:8000/l/{sealed}")
            write(at, 8, "ISSUED")
            if at % _LOOK_EVERY == 0:
                most = max(most, own_memory(_SELF))
        book.close()
    grown = (max(most, own_memory(_SELF)) - held) / 1024
    sys.stdout.write(f"[{time.perf_counter() - began}, {time.process_time() - spent}, {grown}]")


if __name__ == "__main__":
    main(int(sys.argv[1]))
