"""The page of `docs/reference` that lists what each process shows to Prometheus."""

from shared.runtime.metrics import BUCKETS_S, METRICS

HEAD = """# Metrics

*Made from the code by `make docs`; do not edit it by hand.*

With `SANDAN_METRICS_PORT` each service answers `GET /metrics` on a port of its own ([Deploy](../deploy.md#metrics)), in
Prometheus' text form, or in OpenMetrics for who asks for it. Each metric has the label `service`, and those listed.
A histogram `NAME` is shown as `NAME_bucket`, `NAME_sum` and `NAME_count`; its buckets end at {buckets} s.

| metric | kind | labels | meaning |
|---|---|---|---|
"""


def markdown() -> str:
    """Return the page."""
    rows = ""
    for name, metric in METRICS.items():
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows += f"| `{name}` | {metric.kind.__name__.lower()} | {labels} | {metric.meaning} |\n"
    return HEAD.format(buckets=", ".join(f"{bucket:g}" for bucket in BUCKETS_S)) + rows
