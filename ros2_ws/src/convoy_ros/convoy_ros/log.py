"""What components log through Python's logging goes to the node's log: console, log file and /rosout."""

from __future__ import annotations

import logging

from rclpy.impl.rcutils_logger import RcutilsLogger


class RosLogHandler(logging.Handler):
    """Hands records to a node's logger, which decides by ``--log-level`` what is shown."""

    def __init__(self, logger: RcutilsLogger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        # One call per level: rclpy refuses a call that is made with another level than before.
        if record.levelno >= logging.CRITICAL:
            self._logger.fatal(line)
        elif record.levelno >= logging.ERROR:
            self._logger.error(line)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(line)
        elif record.levelno >= logging.INFO:
            self._logger.info(line)
        else:
            self._logger.debug(line)


def log_to(logger: RcutilsLogger) -> None:
    """Send what all of convoy logs to a node's logger, and nowhere else."""
    root = logging.getLogger("convoy")
    root.setLevel(logging.DEBUG)
    root.propagate = False
    root.handlers[:] = [RosLogHandler(logger)]
