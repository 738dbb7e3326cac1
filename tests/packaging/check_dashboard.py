#!/usr/bin/env python3
"""docs/grafana-clipembedd.json against the daemon: every metric and label that it asks for is served.

    CLIPEMBEDD=PROGRAM CLIPEMBED_REFERENCE=FOLDER check_dashboard.py
"""

import json
import pathlib
import re
import sys
import urllib.error
import urllib.request

from daemon import running_daemon

ROOT = pathlib.Path(__file__).resolve().parents[2]
METRIC = re.compile(r"\b(?:clipembed|process)_[a-z_]+\b")
# Of the scraper, not the service.
SCRAPED = {"instance", "le"}


def expressions(dashboard):
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"]


def wanted_labels(expression):
    """Names in selectors and in `by (...)`."""
    selected = re.findall(r"(\w+)(?:=~?|!=|!~)\"", expression)
    grouped = re.findall(r"\bby \(([\w, ]+)\)", expression)
    return {*selected, *(name.strip() for names in grouped for name in names.split(","))} - SCRAPED


def post(url, body):
    request = urllib.request.Request(url + "/embed", data=body, headers={"Content-Type": "application/octet-stream"})
    try:
        urllib.request.urlopen(request).read()
    except urllib.error.HTTPError as error:
        error.read()


def main():
    dashboard = json.loads((ROOT / "docs/grafana-clipembedd.json").read_text())
    with running_daemon() as url:
        post(url, (ROOT / "tests/data/reference/images/small.png").read_bytes())
        post(url, b"no picture")
        metrics = urllib.request.urlopen(url + "/metrics").read().decode()
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", metrics, re.MULTILINE))
    series = {name + suffix for name, kind in types.items()
              for suffix in (["_bucket", "_sum", "_count"] if kind == "histogram" else [""])}
    labels = set(re.findall(r"[{,](\w+)=\"", metrics))

    asked = {name for expression in expressions(dashboard) for name in METRIC.findall(expression)}
    wanted = {label for expression in expressions(dashboard) for label in wanted_labels(expression)}
    # "reason" of refusals and failures is there only once there are some; a failed file was posted above.
    problems = [f"{name} is not served" for name in sorted(asked - series)]
    problems += [f"no metric has the label {label}" for label in sorted(wanted - labels)]
    if len(asked) < 10:
        problems.append(f"the dashboard asks for {len(asked)} metrics only")
    if problems:
        sys.exit("docs/grafana-clipembedd.json: " + "; ".join(problems))


if __name__ == "__main__":
    main()
