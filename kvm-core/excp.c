// SPDX-License-Identifier: GPL-2.0
/*
 * excp: error codes and double faults (APM2 8.2.9). Pure. The exception queue
 * of run_linux.c asks it; it knows nothing of vCPUs.
 */
#include "kvm-core/excp.h"

bool excp_has_error(u8 vector)
{
	/* DF TS NP SS GP PF AC CP VC SX */
	static const u32 with_error = BIT(8) | BIT(10) | BIT(11) | BIT(12) |
				      BIT(13) | BIT(14) | BIT(17) | BIT(21) |
				      BIT(29) | BIT(30);

	return vector < 32 && (with_error >> vector & 1);
}

static bool contributory(u8 vector)
{
	return vector == EXCP_DE || (vector >= EXCP_TS && vector <= EXCP_GP);
}

enum excp_merge excp_merge(u8 first, u8 second)
{
	bool bad = contributory(second) || second == EXCP_PF;

	if (first == EXCP_DF)
		return bad ? EXCP_SHUTDOWN : EXCP_SECOND;
	if (contributory(first) && contributory(second))
		return EXCP_DOUBLE_FAULT;
	if (first == EXCP_PF && bad)
		return EXCP_DOUBLE_FAULT;
	return EXCP_SECOND;
}
