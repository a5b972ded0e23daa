"""The answer to a request, as http.client reads it."""

from __future__ import annotations

import http.client
import re
from functools import partial
from http.client import BadStatusLine, HTTPMessage, HTTPResponse
from typing import Any

from deliver.deadline_socket import ResponseReader

_STATUS_LINE = re.compile(rb"HTTP/\S+ +[0-9]{3}([ \r\n]|$)")


class _Headers(HTTPMessage):
    def get_content_type(self) -> str:
        """
        Whatever the answer says: of a multipart one, Python's parser looks for the boundary, which takes seconds of CPU for
        some headers, and raises TypeError or ValueError for others.
        """
        return "text/plain"


# The only way in: http.client asks its own module for it.
setattr(http.client, "parse_headers", partial(http.client.parse_headers, _class=_Headers))  # noqa: B010


class FinalResponse(HTTPResponse):
    """Skips interim responses, such as 103, which RFC 9110 tells a client to expect; http.client skips only 100."""

    def begin(self) -> None:
        super().begin()
        while self.status in range(102, 200):
            self.headers = None  # type: ignore[assignment]  # begin() does nothing while there are headers
            super().begin()
        # http.client would keep a connection that speaks another protocol from then on, or one whose answer has a transfer
        # coding that http.client does not know, so that it takes a length for the answer's end (RFC 9112, section 6.3).
        if self.status == 101 or ("transfer-encoding" in self.headers and not self.chunked):
            self.will_close = True

    def _read_status(self) -> Any:
        """http.client takes whatever `int` takes for a status: `+200` and `2_00` too."""
        # A private method: nothing public has the line as it came, and `begin` reads on at once.
        status = super()._read_status()  # type: ignore[misc]
        assert isinstance(self.fp, ResponseReader)
        if not _STATUS_LINE.match(self.fp.last_line):
            raise BadStatusLine(self.fp.last_line.decode("iso-8859-1"))
        return status
