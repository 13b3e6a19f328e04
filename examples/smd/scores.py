#!/usr/bin/env python3
"""Takes the scores of the test rows out of what `lapwing replay --scores` wrote.

Usage: scores.py SCORES.csv TRAIN_ROWS COLUMN OUT.csv

COLUMN is a scorer's name, or combined. OUT.csv has the header `score` and a line for each row after the first
TRAIN_ROWS. An empty score means that the scorer cannot say; it becomes 0.5, the middle of the scale, and the number of
such rows is printed.
"""
import argparse
import csv

CANNOT_SAY = "0.5"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores")
    parser.add_argument("train_rows", type=int)
    parser.add_argument("column")
    parser.add_argument("out")
    arguments = parser.parse_args()

    with open(arguments.scores, newline="") as scores:
        reader = csv.DictReader(scores)
        if arguments.column not in reader.fieldnames:
            parser.error(f"there is no column {arguments.column}; there are {', '.join(reader.fieldnames)}")
        column = [row[arguments.column] for row in reader]
    test = column[arguments.train_rows:]
    with open(arguments.out, "w") as out:
        out.write("score\n")
        out.writelines((score or CANNOT_SAY) + "\n" for score in test)
    print(f"{len(test)} rows, {test.count('')} without a score")


if __name__ == "__main__":
    main()
