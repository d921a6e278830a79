# SPDX-License-Identifier: GPL-2.0
# Transfers to and from the build machine's iperf3, for the host and its guests
# (`. /lab/net-lib.sh`). Needs IPERF_PORT and SECS.
SMALL=64	# bytes in a small packet

# What the card has sent and received
packets()
{
	echo $(($(cat /sys/class/net/eth0/statistics/tx_packets) +
		$(cat /sys/class/net/eth0/statistics/rx_packets)))
}

# transfer WAY CASE: prints "rate CASE_WAY N", Mbit/s or, for small packets,
# packets a second; as the receiver counts them. The server serves one at a time.
transfer()
{
	case $1 in
	tcp_tx) _args="" ;;
	tcp_rx) _args="-R" ;;
	udp_tx) _args="-u -b 0 -l $SMALL" ;;
	udp_rx) _args="-u -b 0 -l $SMALL -R" ;;
	esac
	_try=0
	while ! timeout $((SECS + 20)) iperf3 -c 10.0.2.2 -p "$IPERF_PORT" -t "$SECS" \
		-f k $_args >/tmp/iperf.out 2>&1; do
		[ $((_try += 1)) -lt 3 ] || { cat /tmp/iperf.out; return 1; }
		sleep 1
	done
	awk -v name="$2_$1" -v size=$SMALL '
		/receiver/ { for (i = 2; i <= NF; i++) if ($i ~ /bits\/sec/) v = $(i - 1) }
		END { if (v == "") exit 1
		      printf "rate %s %.1f\n", name, name ~ /udp/ ? v * 1000 / 8 / size : v / 1000 }' \
		/tmp/iperf.out
}
