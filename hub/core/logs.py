"""How gunicorn logs: as everything else here does, with the id of the request."""

import logging
from typing import Any

from gunicorn.glogging import Logger

from hub.core.request_ids import RequestIdFilter
from workers.contracts import LOG_FORMAT, REQUEST_ID_HEADER

# Without the query: it may hold what opens something. `{...}o` is a header of the answer.
ACCESS_FORMAT = f'[%({{{REQUEST_ID_HEADER.lower()}}}o)s] %(h)s "%(m)s %(U)s" %(s)s %(B)s bytes %(M)s ms'


class GunicornLogger(Logger):
    """Gunicorn's own words and its access log (GROVE_ACCESS_LOG=on), in the one format."""

    error_fmt = LOG_FORMAT
    # The id stands in the message: the answer has it, and nothing else is left of the request by then.
    access_fmt = "%(levelname)s %(name)s %(message)s"

    def setup(self, cfg: Any) -> None:
        cfg.set("access_log_format", ACCESS_FORMAT)
        super().setup(cfg)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            if not any(isinstance(one, RequestIdFilter) for one in handler.filters):
                handler.addFilter(RequestIdFilter())
        logging.getLogger("gunicorn.access").propagate = False
