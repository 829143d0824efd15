"""Sends a scenario through a real client library, unmodified, for the Rust tests.

    python drive.py CLIENT BASE_URL WRITE_KEY [SCENARIO.json]      (without a file: standard input)

CLIENT is one of those below. The scenario is described in ../README.md. Prints one line of JSON and
leaves with 1 if the library reported any error, with 2 if it was called wrongly.
"""

import json
import logging
import sys
from collections import Counter
from datetime import datetime

# The scenario speaks the names of the Segment specification, Python's libraries their own.
ARGUMENTS = {
    "anonymousId": "anonymous_id",
    "groupId": "group_id",
    "messageId": "message_id",
    "previousId": "previous_id",
    "userId": "user_id",
}


class Report:
    """What was sent, and what the library says became of it."""

    def __init__(self):
        self.by_type = Counter()
        self.message_ids = []
        self.errors = []
        self.failed = 0

    def on_error(self, error, batch):
        self.errors.append(str(error))
        self.failed += len(batch)

    def line(self):
        sent = self.by_type.total()
        return json.dumps(
            {
                "sent": sent,
                "delivered": sent - self.failed,
                "byType": self.by_type,
                "messageIds": self.message_ids,
                "errors": self.errors,
            },
            separators=(",", ":"),
        )


def segment(report, host, write_key, calls, retries):
    from segment import analytics

    listen("segment", report, retries)
    analytics.host = host
    spec(analytics, report, write_key, calls, retries)


def rudder(report, host, write_key, calls, retries):
    import rudderstack.analytics as analytics

    listen("rudderstack", report, retries)
    analytics.dataPlaneUrl = host
    # The module reads the address under its older name.
    analytics.host = host
    spec(analytics, report, write_key, calls, retries)


def listen(name, report, retries):
    """What a library drops without telling `on_error`, it still logs; but so it does what it sends again."""
    if retries == 0:
        logging.getLogger(name).addHandler(Collector(report.errors))


def spec(analytics, report, write_key, calls, retries):
    """The two libraries that speak the Segment specification."""
    analytics.write_key = write_key
    analytics.max_retries = retries
    analytics.on_error = report.on_error
    for call in calls:
        kind, arguments = translate(call)
        queued = getattr(analytics, kind)(**arguments)
        report.by_type[kind] += 1
        if queued is not None:
            is_queued, message = queued
            report.message_ids.append(message["messageId"])
            if not is_queued:
                report.on_error("the queue is full", [message])
    analytics.shutdown()


def posthog(report, host, write_key, calls, retries):
    from posthog import Posthog

    client = Posthog(write_key, host=host, gzip=True, max_retries=retries, on_error=report.on_error)
    for call in calls:
        kind = call["type"]
        group = call.get("context", {}).get("groupId")
        groups = {"groups": {"company": group}} if group else {}
        if kind == "identify":
            properties = {"$set": call["traits"]}
            sent = client.capture("$identify", distinct_id=call["userId"], properties=properties, **groups)
        elif kind == "group":
            sent = client.group_identify("company", call["groupId"], call["traits"])
        elif kind == "alias":
            sent = client.alias(call["previousId"], call["userId"])
        else:
            sent = client.capture(
                call["event"], distinct_id=call["userId"], properties=call["properties"], **groups
            )
        report.by_type[kind] += 1
        report.message_ids.append(sent)
    client.shutdown()


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


CLIENTS = {"segment": segment, "rudder": rudder, "posthog": posthog}


def main(client, host, write_key, file=None):
    with open(file or 0, encoding="utf-8") as source:
        scenario = json.load(source)
    report = Report()
    CLIENTS[client](report, host, write_key, scenario["calls"], scenario.get("maxRetries", 0))
    print(report.line())
    return 1 if report.errors else 0


if __name__ == "__main__":
    if not 4 <= len(sys.argv) <= 5 or sys.argv[1] not in CLIENTS:
        print("drive.py: call it as `python drive.py CLIENT BASE_URL WRITE_KEY [SCENARIO.json]`", file=sys.stderr)
        sys.exit(2)
    sys.exit(main(*sys.argv[1:]))
