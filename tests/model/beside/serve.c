// SPDX-License-Identifier: GPL-2.0
/*
 * The strict model as a process, for tests/model/beside/run: a line of standard
 * input is one act, the answer is a line. Numbers are hexadecimal.
 *
 *   r ADDR            memory, 8 bytes     w ADDR VALUE BYTES
 *   z ADDR BYTES      zeros
 *   R REG             a register          W REG VALUE; time passes after it,
 *                                         until the unit has nothing to do
 *   d DEVID ADDR WRITE                    a DMA: the host address, or "refused"
 *   i DEVID ADDR DATA                     a message: "refused", "passed", or
 *                                         "VECTOR TYPE LOGICAL DEST"
 *   c                 the first rule that software broke, or "-"
 *
 * Memory that the model does not have reads as zeros and keeps nothing.
 */
#include <inttypes.h>
#include <stdio.h>

#include "tests/model/amdvi_model.h"

#define SETTLED	2000	/* ticks: more commands than a ring holds */

static struct amdvi_model *m;

static void pass_time(void)
{
	unsigned int i;

	for (i = 0; i < SETTLED; i++)
		model_tick(m);
}

static void interrupt(u64 devid, u64 addr, u64 data)
{
	struct model_irq irq = { 0 };

	switch (model_interrupt(m, (u16)devid, (u32)addr, (u32)data, &irq)) {
	case MODEL_IRQ_REFUSED:
		puts("refused");
		break;
	case MODEL_IRQ_PASSED:
		puts("passed");
		break;
	case MODEL_IRQ_REMAPPED:
		printf("%x %x %x %x\n", irq.vector, irq.type, irq.logical,
		       irq.dest);
	}
}

static void dma(u64 devid, u64 addr, u64 write)
{
	hpa_t hpa;

	if (model_dma(m, (u16)devid, addr, write, &hpa))
		printf("%" PRIx64 "\n", hpa);
	else
		puts("refused");
}

static void act(char what, const u64 a[3])
{
	u64 value = 0;
	void *p;

	switch (what) {
	case 'r':
		p = model_at(m, a[0], 8);
		if (p)
			memcpy(&value, p, 8);
		printf("%" PRIx64 "\n", value);
		break;
	case 'w':
		p = model_at(m, a[0], a[2]);
		if (p)
			memcpy(p, &a[1], a[2]);
		puts("ok");
		break;
	case 'z':
		p = model_at(m, a[0], a[1]);
		if (p)
			memset(p, 0, a[1]);
		puts("ok");
		break;
	case 'R':
		printf("%" PRIx64 "\n", model_read(m, (unsigned int)a[0]));
		break;
	case 'W':
		model_write(m, (unsigned int)a[0], a[1]);
		pass_time();
		puts("ok");
		break;
	case 'd':
		dma(a[0], a[1], a[2]);
		break;
	case 'i':
		interrupt(a[0], a[1], a[2]);
		break;
	default:
		puts(m->complaint ? m->complaint : "-");
	}
}

int main(void)
{
	char line[100], what;
	u64 a[3];

	m = model_new();
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		a[0] = a[1] = a[2] = 0;
		if (sscanf(line, "%c %" SCNx64 " %" SCNx64 " %" SCNx64, &what,
			   &a[0], &a[1], &a[2]) < 1 || (what == 'w' && a[2] > 8))
			return 2;
		act(what, a);
	}
	model_free(m);
	return 0;
}
