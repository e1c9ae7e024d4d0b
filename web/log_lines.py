"""What reaches the log: no credential, code or link, whoever wrote the line, and not every visitor's mistake."""

from __future__ import annotations

import logging
import re
from typing import Any

GONE = "[…]"

# A secret's shape → what is shown of it. Tokens in front, for they are also found in addresses.
SHAPES = tuple(
    (re.compile(shape), shown)
    for shape, shown in (
        (r"(?i)\b(bearer|basic)[ +]+[^\s\"',;]+", rf"\1 {GONE}"),
        (r"eyJ[\w-]{6,}(?:\.[\w-]*){1,4}", GONE),  # what we sign and seal, and what identity providers do
        (r"\badmit_\w{8,}", f"admit_{GONE}"),
        (r"(/t/[^/\s?#\"']+/)[^/\s?#\"']+", rf"\1{GONE}"),  # access links
        (r"(/a/)[^/\s?#\"']+", rf"\1{GONE}"),  # shared links
        (r"(?i)([?&;](?:[a-z_]*token|code|state|signature|secret|password)=)[^&;\s\"']+", rf"\1{GONE}"),
        (r"\b(?:[A-HJKMNP-Z2-9]-?){12}[A-HJKMNP-Z2-9]\b", GONE),  # invitation codes, as models/chance.py makes them
        (r"(://)[^\s/@:]*:[^\s/@]+@", rf"\1{GONE}@"),  # the databases' passwords
        # what drivers say about the row that they refuse
        (r"(?i)(\bkey \([^)]*\)=\().*?(\)(?= |$|\.))", rf"\1{GONE}\2"),
        (r"(?i)(failing row contains \().*", rf"\1{GONE})"),
        (r"(?i)(invalid input for query argument \$\d+: ).*", rf"\1{GONE}"),
    )
)

# uvicorn's own lines about requests: an access log with addresses in it, and visitors' mistakes as our warnings
NOISE = ('%s - "WebSocket ', "Invalid HTTP request received", "Invalid UTF-8 sequence", "Unsupported upgrade request")


def scrub(text: str) -> str:
    """The text without anything that opens something."""
    for shape, shown in SHAPES:
        text = shape.sub(shown, text)
    return text


class Scrubbed(logging.Formatter):
    """Scrubs the whole line, with the text of its exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The line as it is written."""
        return scrub(super().format(record))


def is_worth_it(record: logging.LogRecord) -> bool:
    """Whether an operator can use the record."""
    return not str(record.msg).startswith(NOISE)


CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"worth": {"()": lambda: is_worth_it}},
    "formatters": {"scrubbed": {"()": Scrubbed, "format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "scrubbed",
            "filters": ["worth"],
            "stream": "ext://sys.stderr",
        }
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"uvicorn": {"level": "INFO"}, "admit": {"level": "INFO"}},
}
