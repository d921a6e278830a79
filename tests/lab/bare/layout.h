/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bare: where things are that both assembly and C name.
 */
#ifndef BACKPLANE_TESTS_BARE_LAYOUT_H
#define BACKPLANE_TESTS_BARE_LAYOUT_H

#define NR_CPUS		16
#define WAKE_BASE	0x6000
#define REAL_REGS	0x7000
#define REAL_STACK	0x7f00
#define AP_BASE		0x8000
#define REAL_STUB	0x9000
#define REAL_BACK	0x9100
#define REAL_CODE	0xa000
#define TASK_MAIN	0x28		/* selectors in the GDT of task.c */
#define TASK_NEW	0x30
#define TASK_GATE	0x38
#define TASK_NEW16	0x48
#define TASK_HOLE	0xffc00000	/* not mapped there */
#define USER32		0xe0000000	/* a page for 32-bit programs of CPL 3 */

#endif
