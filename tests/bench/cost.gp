# SPDX-License-Identifier: GPL-2.0
# Bars: instructions per operation, both stacks (cost.dat by report.py).
set terminal svg size 900,560 font "sans,11" background "white"
set title "Instructions per operation of a guest, host and guest together (fewer is better)"
set style data histogram
set style histogram cluster gap 1
set style fill solid border -1
set logscale y
set yrange [100:*]
set grid ytics
set xtics rotate by -40 nomirror
set bmargin 8
set key top left
plot dir."/cost.dat" using 2:xtic(1) title "Backplane" linecolor rgb "#2a6f97", \
     "" using 3 title "in-tree KVM" linecolor rgb "#c9ada7"
