"""InfluxDB's line protocol, which versions 1 and 2 share.

See https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/. Written out here because no kept
client speaks it to both: `influxdb-client` needs 1.8 or newer, Debian has 1.6, and `influxdb`, which knows that, was
archived in 2024.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

_MEASUREMENT = str.maketrans({",": r"\,", " ": r"\ ", "\n": r"\ ", "\r": r"\ "})
# A line feed would end the line, escaped or not.
_TAG = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\=", "\n": r"\ ", "\r": r"\ "})


def line(measurement: str, tags: Mapping[str, str], fields: Mapping[str, int | float], time_ns: int) -> str:
    """One point as a line without its end; empty where no field is left.

    Tags without a value and fields that are no finite number are left out, since the server would refuse the whole
    batch for one of them. Whole numbers are written as integers.
    """
    values = [f"{key.translate(_TAG)}={_number(value)}" for key, value in fields.items() if math.isfinite(value)]
    if not values:
        return ""
    labels = [f",{key.translate(_TAG)}={_tag(value)}" for key, value in sorted(tags.items()) if value]
    return f"{measurement.translate(_MEASUREMENT)}{''.join(labels)} {','.join(values)} {time_ns}"


def _tag(value: str) -> str:
    # At the end a backslash would escape the separator, and there is no way to write one there.
    text = value.rstrip("\\")
    return (text + "/" * (len(value) - len(text))).translate(_TAG)


def _number(value: int | float) -> str:
    return f"{value}i" if isinstance(value, int) else repr(value)
