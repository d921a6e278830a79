# SPDX-License-Identifier: GPL-2.0
"""result.py RESULTS JSON [TABLE]: the matrix's lines (name|driver|interrupt|
true or false|note) as JSON, and between the marks of a page as a table."""
import json
import sys

MARKS = ("<!-- table: made by make cards -->\n", "<!-- end of table -->\n")
cards = []
for line in open(sys.argv[1]):
    name, driver, interrupt, good, note = line.rstrip("\n").split("|", 4)
    cards.append({"card": name, "driver": driver, "interrupt": interrupt,
                  "ok": good == "true", "note": note})
with open(sys.argv[2], "w") as f:
    json.dump({"cards": cards}, f, indent=1)
    f.write("\n")
if len(sys.argv) > 3:
    text = open(sys.argv[3]).read()
    head, rest = text.split(MARKS[0])
    tail = rest.split(MARKS[1])[1]
    rows = ["| card | guest's driver | interrupt | works | what was seen |\n", "|---|---|---|---|---|\n"]
    for c in cards:
        rows.append(f"| {c['card']} | {c['driver']} | {c['interrupt']} | "
                    f"{'yes' if c['ok'] else 'NO'} | {c['note']} |\n")
    open(sys.argv[3], "w").write(head + MARKS[0] + "".join(rows) + MARKS[1] + tail)
