# SPDX-License-Identifier: GPL-2.0
# Throughput of each kind of card, and the exits that it takes (net.dat by report.py).
set terminal svg size 900,420 font "sans,11" background "white"
set style data histogram
set style histogram cluster gap 1
set style fill solid border -1
set xtics rotate by -25 nomirror
set grid ytics
set key top right
set multiplot layout 1,2
set title "TCP, Mbit/s (emulated: compare, do not quote)"
plot dir."/net.dat" using 2:xtic(1) title "sending" linecolor rgb "#2a6f97", \
     "" using 3 title "receiving" linecolor rgb "#a9d6e5"
set title "exits per second during transfer"
plot dir."/net.dat" every ::1 using 6:xtic(1) notitle linecolor rgb "#c9ada7"
