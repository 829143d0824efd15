"""Sends a scenario through the real `segment-analytics-python`, unmodified, for the Rust tests.

    python drive.py BASE_URL WRITE_KEY [SCENARIO.json]      (without a file: standard input)

The scenario is described in ../README.md. Prints one line of JSON and leaves with 1 if the library
reported any error, with 2 if it was called wrongly.
"""

import json
import logging
import sys
from collections import Counter
from datetime import datetime

from segment import analytics

# The scenario speaks the names of the Segment specification, Python's library its own.
ARGUMENTS = {
    "anonymousId": "anonymous_id",
    "groupId": "group_id",
    "messageId": "message_id",
    "previousId": "previous_id",
    "userId": "user_id",
}


def main(host, write_key, file=None):
    with open(file or 0, encoding="utf-8") as source:
        scenario = json.load(source)

    errors = []
    failed = set()

    def on_error(error, batch):
        errors.append(str(error))
        failed.update(message["messageId"] for message in batch)

    # What the library drops without telling `on_error`, it still logs.
    logging.getLogger("segment").addHandler(Collector(errors))
    analytics.host = host
    analytics.write_key = write_key
    analytics.max_retries = scenario.get("maxRetries", 0)
    analytics.on_error = on_error

    by_type = Counter()
    message_ids = []
    for call in scenario["calls"]:
        kind, arguments = translate(call)
        queued, message = getattr(analytics, kind)(**arguments)
        by_type[kind] += 1
        message_ids.append(message["messageId"])
        if not queued:
            errors.append("the queue is full")
            failed.add(message["messageId"])
    analytics.shutdown()

    report = {
        "sent": len(message_ids),
        "delivered": sum(1 for message_id in message_ids if message_id not in failed),
        "byType": by_type,
        "messageIds": message_ids,
        "errors": errors,
    }
    print(json.dumps(report, separators=(",", ":")))
    return 1 if errors else 0


def translate(call):
    """`{"type": "track", "userId": …}` as the name of a function and its keyword arguments."""
    arguments = {ARGUMENTS.get(name, name): value for name, value in call.items()}
    kind = arguments.pop("type")
    if "timestamp" in arguments:
        # Before 3.11, `fromisoformat` does not know the `Z` of the specification.
        arguments["timestamp"] = datetime.fromisoformat(arguments["timestamp"].replace("Z", "+00:00"))
    return kind, arguments


class Collector(logging.Handler):
    """Turns the library's error log into errors of this run."""

    def __init__(self, errors):
        super().__init__(logging.ERROR)
        self.errors = errors

    def emit(self, record):
        self.errors.append(record.getMessage())


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 4:
        print("drive.py: call it as `python drive.py BASE_URL WRITE_KEY [SCENARIO.json]`", file=sys.stderr)
        sys.exit(2)
    sys.exit(main(*sys.argv[1:]))
