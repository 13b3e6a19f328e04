#!/usr/bin/env python3
"""Writes one machine of the Server Machine Dataset as health samples, and a configuration whose scorers read them.

Usage: convert.py MACHINE.npz FOLDER

MACHINE.npz holds `train` and `test`, a row a minute and a column a metric. FOLDER gets:
  samples.ndjson  the rows of train, then those of test, of one system of type "smd", with custom metrics m00, m01, ...
  lapwing.toml    the three scorers, set to read these metrics
The number of train rows is printed: scores.py asks for it.
"""
import argparse
import datetime
import json
import pathlib

import numpy as np

START = datetime.datetime(2026, 1, 1)
SCORERS = ("isolation_forest", "statistics", "patterns")
METRICS_MAX = 64  # what a scorer can read


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("machine", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()

    with np.load(arguments.machine) as machine:
        train, test = machine["train"], machine["test"]
    if train.shape[1] != test.shape[1] or train.shape[1] > METRICS_MAX:
        parser.error(f"train has {train.shape[1]} columns, test {test.shape[1]}; the same number up to "
                     f"{METRICS_MAX} is needed")
    metrics = [f"m{column:02}" for column in range(train.shape[1])]

    arguments.folder.mkdir(parents=True, exist_ok=True)
    with open(arguments.folder / "samples.ndjson", "w") as samples:
        for minute, row in enumerate(np.concatenate([train, test]).tolist()):
            time = START + datetime.timedelta(minutes=minute)
            # A value that is not known has no field.
            values = {name: round(value, 7) for name, value in zip(metrics, row) if np.isfinite(value)}
            sample = {"system_id": arguments.machine.stem, "system_type": "smd",
                      "timestamp": time.isoformat() + "Z", "custom_metrics": values}
            samples.write(json.dumps(sample) + "\n")
    with open(arguments.folder / "lapwing.toml", "w") as config:
        for scorer in SCORERS:
            config.write(f'[[scorers]]\nscorer_id = "{scorer}"\nsettings.metrics = {json.dumps(metrics)}\n\n')
    print(len(train))


if __name__ == "__main__":
    main()
