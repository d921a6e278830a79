#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
From what the bench printed to results.json, a table and the plots' data.

  report.py OUTPUT... [--json FILE] [--plot DIR] [--version NAME=TEXT]...

OUTPUT holds "stack NAME", "cost NAME N", "kb_per NAME N", "value NAME N",
"rate NAME N" and "repeat" lines, as the *-host.sh print them. A figure is the
smallest of its repeats; repeats that differ by more than 1 % (a guest's boot:
3 %; memory: 10 %, or 2 KiB) are an error. Rates are wall-clock: they have no
such bound, and a figure is the median.

goals.tsv beside this script says what each figure is and what it should be. To
add one: print its line in one of the jobs, and give it a row there.
"""
import argparse
import csv
import datetime
import json
import os
import statistics
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# Whole-system figures: thousands of interrupts fall into them by chance.
LOOSE = {"guest_boot": 0.03, "shadow_fork": 0.03}
# What a goal's text begins with, longest first: what is judged, and how.
RULES = (("value>=", "ours", False), ("value<=", "ours", True),
         (">=", "ratio", False), ("", "ratio", True))
SIZES = (256, 512, 1024, 2048, 4096)


def read_outputs(paths):
    """{stack: {name: [values]}}, and the names of the rates"""
    seen, rates, stack = {}, set(), None
    for path in paths:
        for line in open(path):
            word = line.split()
            if len(word) == 2 and word[0] == "stack":
                stack = seen.setdefault(word[1], {})
            elif len(word) == 3 and word[0] in ("cost", "kb_per", "value", "rate") and stack is not None:
                name = word[1] if word[0] != "kb_per" else "memory_" + word[1]
                stack.setdefault(name, []).append(float(word[2]))
                if word[0] == "rate":
                    rates.add(name)
    return seen, rates


def check_repeats(seen, rates):
    bad = []
    for stack, figures in seen.items():
        for name, v in figures.items():
            if name in rates:
                continue
            if name.startswith("memory_"):
                room = max(2, min(v) * 0.1)
            else:
                room = min(v) * LOOSE.get(name, 0.01)
            if max(v) - min(v) > room:
                bad.append(f"{stack}: {name}: repeats disagree: {v}")
    return bad


def summary(seen, rates):
    """{stack: {name: value}}, with what follows from several figures"""
    out = {}
    for stack, figures in seen.items():
        f = out[stack] = {name: statistics.median(v) if name in rates else min(v)
                          for name, v in figures.items()}
        for way in ("tcp_tx", "tcp_rx", "udp_tx", "udp_rx"):
            for mine in ("assigned", "own"):
                for other in ("native", "rtl8139"):
                    if f"{mine}_{way}" in f and f.get(f"{other}_{way}"):
                        f[f"{mine}_to_{other}_{way}"] = f[f"{mine}_{way}"] / f[f"{other}_{way}"]
        many = [f[f"attach_{n}m"] for n in SIZES if f"attach_{n}m" in f]
        if many:
            f["attach_spread"] = max(many) / min(many)
    return out


def judge(goal, ours, ratio):
    for start, what, most in RULES:
        if goal.startswith(start):
            x = ours if what == "ours" else ratio
            if x is None:
                return None
            limit = float(goal[len(start):])
            return x <= limit if most else x >= limit


def figures(got):
    out = []
    ours, intree = got.get("ours", {}), got.get("intree", {})
    for row in csv.DictReader((l for l in open(os.path.join(HERE, "goals.tsv")) if l[0] != "#"),
                              delimiter="\t"):
        name, goal = row["name"], row["goal"] if row["goal"] != "-" else None
        if name not in ours and name not in intree:
            continue
        a, b = ours.get(name), intree.get(name)
        ratio = round(a / b, 3) if a is not None and b else None
        out.append({
            "name": name, "what": row["what"], "unit": row["unit"],
            "ours": None if a is None else round(a, 3),
            "in_tree": None if b is None else round(b, 3), "ratio": ratio,
            "goal": goal if goal is None or not goal.replace(".", "").isdigit() else float(goal),
            "met": None if goal is None else judge(goal, a, ratio),
        })
    return out


def number(x):
    if x is None:
        return "-"
    return f"{x:,.0f}" if abs(x) >= 100 or x == int(x) else f"{x:.2f}"


def table(rows):
    print(f"{'figure':<58}{'ours':>15}{'in-tree':>15}{'ratio':>7}{'goal':>11}  unit")
    for r in rows:
        mark = {True: "", False: "  missed", None: ""}[r["met"]]
        print(f"{r['what']:<58}{number(r['ours']):>15}{number(r['in_tree']):>15}"
              f"{r['ratio'] if r['ratio'] is not None else '-':>7}"
              f"{r['goal'] if r['goal'] is not None else '-':>11}  {r['unit']}{mark}")
    judged = [r for r in rows if r["met"] is not None]
    print(f"{sum(r['met'] for r in judged)} of {len(judged)} goals met")


def write_lines(path, lines):
    with open(path, "w") as f:
        f.writelines(l + "\n" for l in lines)


def plots(rows, got, where):
    """Data for cost.gp, net.gp and attach.gp"""
    write_lines(os.path.join(where, "cost.dat"), (
        f'"{r["name"].replace("_", " ")}"\t{r["ours"]:.0f}\t{r["in_tree"]:.0f}\t{r["ratio"]}'
        for r in rows if r["unit"] == "instructions" and r["ratio"] is not None
        and not r["name"].startswith("attach")))
    ours, intree = got.get("ours", {}), got.get("intree", {})
    nan = float("nan")
    if "attach_first_256m" in ours:
        write_lines(os.path.join(where, "attach.dat"), (
            "\t".join(f"{x:.0f}" for x in (n, *(s.get(f"{k}_{n}m", nan) for s in (ours, intree)
                                             for k in ("attach_first", "attach"))))
            for n in SIZES))
    if "native_tcp_tx" in ours:
        cards = (("native", ours, "host"), ("assigned", ours, "assigned"),
                 ("assigned", intree, "assigned (in-tree)"),
                 ("own", ours, "assigned, own CPUs"),
                 ("own", intree, "own CPUs (in-tree)"),
                 ("virtio", ours, "virtio-net"), ("rtl8139", ours, "RTL8139"))
        keys = ("tcp_tx", "tcp_rx", "udp_tx", "udp_rx", "exits")
        write_lines(os.path.join(where, "net.dat"), (
            f'"{what}"\t' + "\t".join(f'{s.get(f"{card}_{k}", nan):.0f}' for k in keys)
            for card, s, what in cards))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("output", nargs="+")
    p.add_argument("--json")
    p.add_argument("--plot")
    p.add_argument("--version", action="append", default=[])
    a = p.parse_args()
    seen, rates = read_outputs(a.output)
    got = summary(seen, rates)
    rows = figures(got)
    if not rows:
        sys.exit("report: no figure was measured")
    table(rows)
    bad = check_repeats(seen, rates)
    for line in bad:
        print("report:", line, file=sys.stderr)
    if a.json:
        doc = {
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
            "versions": dict(v.split("=", 1) for v in a.version),
            "counted": "instructions of host and guest together, by the time stamp of an "
                       "emulated machine under -icount shift=0; one instruction is one tick. "
                       "Mbit/s, packets and exits per second are by the clock: medians, on "
                       "an emulated machine with two CPUs, of no meaning but beside each other",
            "goals": "0.3: ours is at most 0.3 of the in-tree stack's figure; >=1.3: at least "
                     "1.3 times; value>=, value<=: ours itself",
            "figures": rows,
        }
        with open(a.json, "w") as f:
            json.dump(doc, f, indent=1)
            f.write("\n")
    if a.plot:
        plots(rows, got, a.plot)
    sys.exit(1 if bad else 0)


main()
