"""The answer to a request, as http.client reads it."""

from __future__ import annotations

import re
from http.client import BadStatusLine, HTTPResponse
from typing import Any

from deliver.deadline_socket import ResponseReader

_STATUS_LINE = re.compile(rb"HTTP/\S+ +[0-9]{3}([ \r\n]|$)")


class FinalResponse(HTTPResponse):
    """Skips interim responses, such as 103, which RFC 9110 tells a client to expect; http.client skips only 100."""

    def begin(self) -> None:
        super().begin()
        while self.status in range(102, 200):
            self.headers = None  # type: ignore[assignment]  # begin() does nothing while there are headers
            super().begin()

    def _read_status(self) -> Any:
        """http.client takes whatever `int` takes for a status: `+200` and `2_00` too."""
        status = super()._read_status()  # type: ignore[misc]
        assert isinstance(self.fp, ResponseReader)
        if not _STATUS_LINE.match(self.fp.last_line):
            raise BadStatusLine(self.fp.last_line.decode("iso-8859-1"))
        return status
