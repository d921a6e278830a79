# SPDX-License-Identifier: GPL-2.0
# Attach time against guest RAM (attach.dat by report.py).
set terminal svg size 900,420 font "sans,11" background "white"
set title "Giving a card to a running VM: instructions, by guest RAM"
set logscale xy 2
set logscale y 10
set xtics ("256 MiB" 256, "512 MiB" 512, "1 GiB" 1024, "2 GiB" 2048, "4 GiB" 4096)
set grid ytics
set key outside right
plot dir."/attach.dat" using 1:4 with linespoints title "first card, in-tree" linecolor rgb "#9d6b53", \
     "" using 1:2 with linespoints title "first card, Backplane" linecolor rgb "#2a6f97", \
     "" using 1:5 with linespoints title "one more, in-tree" linecolor rgb "#c9ada7", \
     "" using 1:3 with linespoints title "one more, Backplane" linecolor rgb "#61a5c2"
