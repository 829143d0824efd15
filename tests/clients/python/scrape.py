"""Reads OpenMetrics text with the real, strict parser of `prometheus-client`, for the Rust tests.

    python scrape.py < TEXT

Prints one JSON object: the value of each sample by its name and labels, sorted by label. Leaves with
a trace of what is wrong if the text is not what Prometheus takes.
"""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

samples = {}
for family in text_string_to_metric_families(sys.stdin.read()):
    for sample in family.samples:
        labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
        key = f"{sample.name}{{{labels}}}"
        if key in samples:
            sys.exit(f"twice: {key}")
        samples[key] = sample.value
print(json.dumps(samples))
