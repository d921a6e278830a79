/* SPDX-License-Identifier: GPL-2.0 */
/*
 * excp: what the architecture says of exceptions (APM2 8.2).
 */
#ifndef BACKPLANE_EXCP_H
#define BACKPLANE_EXCP_H

#include "env.h"

#define EXCP_DE	0
#define EXCP_DB	1
#define EXCP_NMI	2
#define EXCP_BP	3
#define EXCP_OF	4
#define EXCP_UD	6
#define EXCP_NM	7
#define EXCP_DF	8
#define EXCP_TS	10
#define EXCP_NP	11
#define EXCP_SS	12
#define EXCP_GP	13
#define EXCP_PF	14
#define EXCP_AC	17
#define EXCP_MC	18

/* Does @vector push an error code? (APM2 table 8-1) */
bool excp_has_error(u8 vector);

enum excp_merge { EXCP_SECOND, EXCP_DOUBLE_FAULT, EXCP_SHUTDOWN };

/*
 * @second was raised while @first was being delivered: deliver @second alone,
 * a double fault, or shut down (APM2 table 8-2).
 */
enum excp_merge excp_merge(u8 first, u8 second);

/* APM2 13.1.1: a guarded register was accessed; they are guarded. */
#define DR6_BD		BIT(13)
#define DR7_GD		BIT(13)

#endif
