"""Logs without personal data (T59)."""

import logging
import re

_PHONE = re.compile(r"(?<!\d)(?:\+?86)?(1[3-9]\d)\d{4}(\d{4})(?!\d)")
_TOKEN = re.compile(r"(?i)(bearer\s+|client_secret=|password=)[^\s&\"']+")


class MaskPersonalData(logging.Filter):
    """Masks phone numbers (138****0000) and tokens in the finished message."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        masked = _TOKEN.sub(r"\1***", _PHONE.sub(r"\1****\2", message))
        if masked != message:
            record.msg, record.args = masked, ()
        return True
