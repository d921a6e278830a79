#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
From what the bench printed to results.json, a table and the plots' data.

  report.py OUTPUT... [--json FILE] [--plot DIR] [--version NAME=TEXT]...

OUTPUT holds "stack NAME", "cost NAME N", "kb_per NAME N", "value NAME N" and
"repeat" lines, as cost-host.sh prints them. A figure is the smallest of its
repeats; repeats that differ by more than 1 % (a guest's boot: 3 %; memory:
10 %, or 2 KiB) are an error. goals.tsv beside this script says what each figure is and what it should be.
"""
import argparse
import csv
import datetime
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# Whole-system figures: thousands of interrupts fall into them by chance.
LOOSE = {"guest_boot": 0.03}


def read_outputs(paths):
    """{stack: {name: [values]}}"""
    seen, stack = {}, None
    for path in paths:
        for line in open(path):
            word = line.split()
            if len(word) == 2 and word[0] == "stack":
                stack = seen.setdefault(word[1], {})
            elif len(word) == 3 and word[0] in ("cost", "kb_per", "value") and stack is not None:
                name = word[1] if word[0] != "kb_per" else "memory_" + word[1]
                stack.setdefault(name, []).append(float(word[2]))
    return seen


def check_repeats(seen):
    bad = []
    for stack, figures in seen.items():
        for name, v in figures.items():
            if name.startswith("memory_"):
                room = max(2, min(v) * 0.1)
            else:
                room = min(v) * LOOSE.get(name, 0.01)
            if max(v) - min(v) > room:
                bad.append(f"{stack}: {name}: repeats disagree: {v}")
    return bad


def figures(seen):
    out = []
    ours, intree = seen.get("ours", {}), seen.get("intree", {})
    for row in csv.DictReader((l for l in open(os.path.join(HERE, "goals.tsv")) if l[0] != "#"),
                              delimiter="\t"):
        name, goal = row["name"], float(row["goal"]) if row["goal"] != "-" else None
        if name not in ours and name not in intree:
            continue
        a = min(ours[name]) if name in ours else None
        b = min(intree[name]) if name in intree else None
        ratio = round(a / b, 3) if a is not None and b else None
        out.append({
            "name": name, "what": row["what"], "unit": row["unit"],
            "ours": a, "in_tree": b, "ratio": ratio, "goal": goal,
            "met": None if goal is None or ratio is None else ratio <= goal,
        })
    return out


def number(x):
    if x is None:
        return "-"
    return f"{x:,.0f}" if x >= 100 or x == int(x) else f"{x:.1f}"


def table(rows):
    print(f"{'operation':<52}{'ours':>15}{'in-tree':>15}{'ratio':>7}{'goal':>6}  unit")
    for r in rows:
        mark = {True: "", False: "  missed", None: ""}[r["met"]]
        print(f"{r['what']:<52}{number(r['ours']):>15}{number(r['in_tree']):>15}"
              f"{r['ratio'] if r['ratio'] is not None else '-':>7}"
              f"{r['goal'] if r['goal'] is not None else '-':>6}  {r['unit']}{mark}")
    judged = [r for r in rows if r["met"] is not None]
    print(f"{sum(r['met'] for r in judged)} of {len(judged)} goals met")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("output", nargs="+")
    p.add_argument("--json")
    p.add_argument("--plot")
    p.add_argument("--version", action="append", default=[])
    a = p.parse_args()
    seen = read_outputs(a.output)
    rows = figures(seen)
    if not rows:
        sys.exit("report: no figure was measured")
    table(rows)
    bad = check_repeats(seen)
    for line in bad:
        print("report:", line, file=sys.stderr)
    if a.json:
        doc = {
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
            "versions": dict(v.split("=", 1) for v in a.version),
            "counted": "instructions of host and guest together, by the time stamp of an "
                       "emulated machine under -icount shift=0; one instruction is one tick",
            "figures": rows,
        }
        with open(a.json, "w") as f:
            json.dump(doc, f, indent=1)
            f.write("\n")
    if a.plot:
        with open(os.path.join(a.plot, "cost.dat"), "w") as f:
            for r in rows:
                if r["unit"] == "instructions" and r["ratio"] is not None:
                    f.write(f'"{r["name"].replace("_", " ")}"\t{r["ours"]:.0f}\t{r["in_tree"]:.0f}\t{r["ratio"]}\n')
    sys.exit(1 if bad else 0)


main()
