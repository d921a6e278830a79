/* SPDX-License-Identifier: GPL-2.0 */
/*
 * smm: the AMD64 state-save area (APM2 10.2, table 10-1): from a CPU's state to
 * the 512 bytes at SMBASE + FE00h and back. Pure: the area is the caller's, who
 * reads it from the guest once; RSM restores nothing until all of it is valid.
 *
 * Known limits: always the AMD64 layout (revision 0002_0064h), also for a guest
 * whose CPUID has no long mode; no I/O restart; SVM state is never saved.
 */
#ifndef BACKPLANE_SMM_H
#define BACKPLANE_SMM_H

#include <linux/kvm.h>
#include "addr.h"

#define SMM_AREA_OFFSET	0xfe00U		/* from SMBASE */
#define SMM_AREA_BYTES	0x200U
#define SMM_ENTRY	0x8000U		/* from SMBASE */
#define SMM_RESET_BASE	0x30000U

/* Registers as enum emul_reg; cr0..efer and the segments in @s. */
struct smm_cpu {
	u64 regs[16];
	u64 rip, rflags, dr6, dr7;
	struct kvm_sregs s;
	u64 cr4_has, efer_has;	/* the bits that the CPU has */
	u32 smbase;
	bool halted;		/* was in HLT: RSM goes back there */
	bool nmi_masked, int_shadow;
};

void smm_save(u8 area[SMM_AREA_BYTES], const struct smm_cpu *cpu);

/*
 * What RSM makes of the area; @cpu->s holds what the area does not (APIC base,
 * CR2, CR8). False: the state is one the CPU cannot be in, RSM shuts down
 * (APM2 10.3.6), and @cpu is unchanged.
 */
bool smm_restore(const u8 area[SMM_AREA_BYTES], struct smm_cpu *cpu);

/* The state in which SMM begins at @cpu->smbase (APM2 10.3.2): from any other. */
void smm_enter(struct smm_cpu *cpu);

#endif
