"""The log of a node on standard error: one line an event, as text or as JSON."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")


def start_log(level: str, form: str, *, is_worker: bool) -> None:
    """Send what is logged in this process to standard error.

    Parameters
    ----------
    level : str
        One of LEVELS: of ``pyrpc``'s own lines; those of other libraries come from "warning" up.
    form : str
        One of FORMATS.
    is_worker : bool
        Whether there are other processes that write to the same place.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else _text_lines(is_worker))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("pyrpc").setLevel(level.upper())


def _text_lines(is_worker: bool) -> logging.Formatter:
    return logging.Formatter(f"%(asctime)s %(levelname)s %(name)s{'[%(process)d]' if is_worker else ''}: %(message)s")


class JsonLines(logging.Formatter):
    """A JSON object a line: time (UTC), level, logger, pid, event, and the fields of the event."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields: dict[str, Any] = {
            "time": f"{at}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
        }
        known = getattr(record, "pyrpc", None)
        fields |= known if isinstance(known, dict) else {"event": record.getMessage()}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)
