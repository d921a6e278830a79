// SPDX-License-Identifier: GPL-2.0
/*
 * Software execution of one guest instruction: the emulator's window to the
 * guest's memory, ports and control registers, and the log that lets an
 * instruction start over after user space has answered one of its accesses.
 *
 * Called by svm's exit handlers. Devices are found on the VM's buses; who
 * they are is not known here.
 */
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <asm/debugreg.h>
#include <asm/fpu/api.h>
#include "kvm-core/emul.h"
#include "kvm-core/excp.h"
#include "kvm-core/gwalk.h"
#include "kvm-core/trace.h"
#include "kvm-core/vcpu.h"

/* ---- guest-virtual to guest-physical ------------------------------------------------ */

/* An entry in one piece, while another CPU may write it: a copy of that length may go
 * byte by byte.
 */
static int walk_read(void *ctx, gpa_t gpa, void *data, unsigned int len)
{
	struct vm *vm = ctx;
	hva_t at = current->mm == vm->mm ? vm_mem_gpa_to_hva(vm, gpa, NULL) : 0;

	if (!at)
		return -EFAULT;
	if (len == sizeof(u64))
		return get_user(*(u64 *)data, (u64 __user *)at);
	return get_user(*(u32 *)data, (u32 __user *)at);
}

static int walk_cmpxchg(void *ctx, gpa_t gpa, u64 old, u64 new_value, unsigned int len)
{
	return vm_mem_cmpxchg(ctx, gpa, &old, new_value, len);
}

int vcpu_translate(struct vcpu *v, gva_t gva, u32 access, gpa_t *gpa, u32 *error)
{
	struct gwalk_mode mode = {
		.cr0 = v->cr0, .cr3 = v->cr3, .cr4 = v->cr4, .efer = v->efer,
		.rflags = v->rflags, .pkru = v->pkru, .phys_bits = v->phys_bits,
	};
	struct gwalk_mem mem = {
		.read = walk_read, .cmpxchg = walk_cmpxchg,
		.ctx = vcpu_space(v),
	};
	struct gwalk_result r;

	if (!(v->cr0 & X86_CR0_PG)) {
		*gpa = gva;
		return 0;
	}
	r = gwalk_translate(&mode, &mem, gva, access, false);
	if (r.ok) {
		*gpa = r.gpa;
		return 0;
	}
	if (error)
		*error = r.error;
	return -EFAULT;
}
EXPORT_SYMBOL_GPL(vcpu_translate);

/* ---- devices -------------------------------------------------------------------------- */

static struct bus_hint *bus_hint(struct vcpu *v, int which, gpa_t addr)
{
	return &v->hints[which][(addr ^ addr >> 4) % ARRAY_SIZE(v->hints[0])];
}

/*
 * What the quick way, which has interrupts off, searches and asks; the run loop's way
 * answers the rest.
 */
#define QUICK_RANGES	4096
#define QUICK_DEVICES	64

static bool too_much_now(const struct bus *bus, unsigned int devices)
{
	return (bus->count > QUICK_RANGES || devices > QUICK_DEVICES) && irqs_disabled();
}

/* Who is behind an address, if one or nobody, is known without a search next time. */
static int bus_ask(struct vcpu *v, const struct bus *bus, int which, gpa_t addr,
		   unsigned int len, void *data, bool write)
{
	struct bus_hint *h = bus_hint(v, which, addr);

	if (unlikely(h->stamp != bus->stamp || h->addr != addr || h->len != len)) {
		if (too_much_now(bus, 0))
			return -EOPNOTSUPP;
		h->devices = bus_count(bus, addr, len, &h->dev);
		h->stamp = bus->stamp;
		h->addr = addr;
		h->len = len;
	}
	if (likely(h->devices == 1))
		return write ? h->dev->ops->write(h->dev, v, addr, len, data) :
			       h->dev->ops->read(h->dev, v, addr, len, data);
	if (!h->devices || too_much_now(bus, h->devices))
		return -EOPNOTSUPP;
	return write ? bus_write(bus, v, addr, len, data) :
		       bus_read(bus, v, addr, len, data);
}

static int bus_access(struct vcpu *v, int which, gpa_t addr, unsigned int len,
		      void *data, bool write)
{
	const struct bus *bus;
	int r = -EOPNOTSUPP;

	rcu_read_lock_sched();	/* devices do not sleep */
	bus = rcu_dereference_sched(v->vm->buses[which]);
	if (likely(bus))
		r = bus_ask(v, bus, which, addr, len, data, write);
	rcu_read_unlock_sched();
	return r;
}

int vcpu_kernel_device(struct vcpu *v, const struct vcpu_mmio_entry *e, void *data)
{
	if (e->pio)
		return bus_access(v, VM_BUS_PIO, e->addr, e->len, data, e->write);
	if (!vcpu_irq_mmio(v, e->addr, e->len, data, e->write))
		return 0;
	return bus_access(v, VM_BUS_MMIO, e->addr, e->len, data, e->write);
}

/* Most vCPUs never need it. User space may map it while the vCPU runs. */
u8 *vcpu_port_data(struct vcpu *v, gfp_t gfp)
{
	u8 *page = READ_ONCE(v->port_data), *other;

	if (likely(page))
		return page;
	page = (u8 *)get_zeroed_page(gfp);
	if (!page)
		return NULL;
	other = cmpxchg(&v->port_data, NULL, page);
	if (!other)
		return page;
	free_page((unsigned long)page);
	return other;
}

/* One page, once: there is no way to say no in the midst of an access. */
static u8 *port_data(struct vcpu *v)
{
	return vcpu_port_data(v, GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
}

void vcpu_exit_to_user(struct vcpu *v, const struct vcpu_mmio_entry *e)
{
	struct kvm_run *run = v->run;

	if (e->pio) {
		run->exit_reason = KVM_EXIT_IO;
		run->io.direction = e->write ? KVM_EXIT_IO_OUT : KVM_EXIT_IO_IN;
		run->io.size = e->len;
		run->io.port = e->addr;
		run->io.count = max_t(u16, e->count, 1);
		run->io.data_offset = VCPU_PORT_DATA;
		if (e->write)
			memcpy(port_data(v), e->data, e->len);
		return;
	}
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = e->addr;
	run->mmio.len = e->len;
	run->mmio.is_write = e->write;
	if (e->write)
		memcpy(run->mmio.data, e->data, e->len);
}

static void trace_access(const struct vcpu_mmio_entry *e)
{
	u64 value = 0;

	memcpy(&value, e->data, e->len);
	if (e->pio)
		trace_kvm_pio(e->write, e->addr, e->len, value);
	else
		trace_kvm_mmio(e->write, e->len, e->addr, value);
}

/* The answer that the log has already, if it is to the same question: user space
 * may have changed registers meanwhile.
 */
static bool replay(struct vcpu *v, const struct vcpu_mmio_entry *q, void *data)
{
	const struct vcpu_mmio_entry *e;

	if (v->mmio.next >= v->mmio.n)
		return false;
	e = &v->mmio.log[v->mmio.next];
	if (e->addr != q->addr || e->len != q->len || e->write != q->write ||
	    e->pio != q->pio) {
		v->mmio.n = v->mmio.next;
		return false;
	}
	v->mmio.next++;
	if (!e->write)
		memcpy(data, e->data, e->len);
	return true;
}

/* The next of the elements that user space gave at once. */
static bool take_ahead(struct vcpu *v, struct vcpu_mmio_entry *e)
{
	if (!e->pio || e->write || v->ahead.next >= v->ahead.count ||
	    (v->ahead.next + 1) * e->len > VCPU_PORT_BYTES || v->ahead.rip != v->rip)
		return false;
	memcpy(e->data, port_data(v) + v->ahead.next++ * e->len, e->len);
	return true;
}

/*
 * One device access of at most 8 bytes. If the log already has its answer,
 * give that; otherwise ask the kernel's devices, then user space. @count: how many
 * such an IN of several could take at once.
 */
static enum emul_access_result device_access(struct vcpu *v, gpa_t addr,
					     unsigned int len, void *data,
					     bool write, bool pio, u16 count)
{
	struct vcpu_mmio_entry *e, q = {
		.addr = addr, .len = len, .write = write, .pio = pio, .count = count,
	};

	if (replay(v, &q, data))
		return EMUL_ACC_OKAY;
	if (v->mmio.n == ARRAY_SIZE(v->mmio.log)) {
		vm_kill(v->vm, "one instruction touched more device registers than any may");
		return EMUL_ACC_RETRY;
	}
	e = &v->mmio.log[v->mmio.n];
	*e = q;
	if (write)
		memcpy(e->data, data, len);
	if (take_ahead(v, e) || !vcpu_kernel_device(v, e, e->data)) {
		trace_access(e);
		e->done = true;
		v->mmio.n++;
		v->mmio.next++;
		if (!write)
			memcpy(data, e->data, len);
		return EMUL_ACC_OKAY;
	}
	v->mmio.n++;
	v->mmio.active = true;
	vcpu_exit_to_user(v, e);
	return EMUL_ACC_EXIT;
}

/* ---- emulator's memory ------------------------------------------------------------------- */

static u32 access_bits(struct emul_ctxt *c, bool write)
{
	return (write ? GWALK_W : 0) | (c->cpl == 3 ? GWALK_U : 0);
}

static enum emul_access_result page_fault(struct emul_ctxt *c, gva_t la, u32 error)
{
	c->fault = (struct emul_fault){
		.vector = EXCP_PF, .has_error = true, .error = error, .cr2 = la,
	};
	return EMUL_ACC_FAULT;
}

/* Within one page. */
static enum emul_access_result physical_access(struct vcpu *v, gpa_t gpa,
					       void *data, unsigned int len,
					       bool write)
{
	enum emul_access_result r;
	unsigned int n;
	int err;

	err = write ? vm_mem_write(vcpu_space(v), gpa, data, len) :
		      vm_mem_read(vcpu_space(v), gpa, data, len);
	if (!err)
		return EMUL_ACC_OKAY;
	/* Devices see naturally bounded pieces of at most 8 bytes. */
	for (; len; len -= n, gpa += n, data += n) {
		n = min(len, 8U);
		r = device_access(v, gpa, n, data, write, false, 1);
		if (r != EMUL_ACC_OKAY)
			return r;
	}
	return EMUL_ACC_OKAY;
}

/* Both pages must be there before a byte of either moves. */
static enum emul_access_result linear_to_gpa(struct emul_ctxt *c, gva_t la,
					     unsigned int len, bool write, gpa_t gpa[2])
{
	unsigned int n, done;
	u32 error;

	for (done = 0; done < len; done += n) {
		n = min_t(unsigned int, len - done,
			  PAGE_SIZE - offset_in_page(la + done));
		if (vcpu_translate(c->priv, la + done, access_bits(c, write),
				   &gpa[!!done], &error))
			return page_fault(c, la + done, error);
	}
	return EMUL_ACC_OKAY;
}

static enum emul_access_result linear_access(struct emul_ctxt *c, gva_t la,
					     void *data, unsigned int len,
					     bool write, bool intent)
{
	struct vcpu *v = c->priv;
	enum emul_access_result r;
	unsigned int n, done;
	gpa_t gpa[2];

	r = linear_to_gpa(c, la, len, write || intent, gpa);
	if (r != EMUL_ACC_OKAY)
		return r;
	for (done = 0; done < len; done += n) {
		n = min_t(unsigned int, len - done,
			  PAGE_SIZE - offset_in_page(la + done));
		r = physical_access(v, gpa[!!done], data + done, n, write);
		if (r != EMUL_ACC_OKAY)
			return r;
	}
	return EMUL_ACC_OKAY;
}

static enum emul_access_result op_read(struct emul_ctxt *c, gva_t la, void *data,
				       unsigned int len, bool write_intent)
{
	return linear_access(c, la, data, len, false, write_intent);
}

static enum emul_access_result op_write(struct emul_ctxt *c, gva_t la,
					const void *data, unsigned int len)
{
	return linear_access(c, la, (void *)data, len, true, true);
}

/* Compare and exchange in RAM that no single host instruction covers: 16 bytes,
 * or across a page. Not atomic against other vCPUs; only an instruction that
 * also touches a device comes here.
 */
static enum emul_access_result slow_cmpxchg(struct emul_ctxt *c, gva_t la, void *old,
					    const void *new_value,
					    unsigned int len, bool *swapped)
{
	enum emul_access_result r;
	u8 now[16];

	r = linear_access(c, la, now, len, false, true);
	if (r != EMUL_ACC_OKAY)
		return r;
	*swapped = !memcmp(now, old, len);
	if (*swapped)
		return linear_access(c, la, (void *)new_value, len, true, true);
	memcpy(old, now, len);
	return EMUL_ACC_OKAY;
}

/* Atomic on RAM. A device has just been read by the same instruction: it gets
 * the plain write that ends it.
 */
static enum emul_access_result op_cmpxchg(struct emul_ctxt *c, gva_t la, void *old,
					  const void *new_value, unsigned int len,
					  bool *swapped)
{
	enum emul_access_result r;
	struct vcpu *v = c->priv;
	u64 o = 0, n = 0;
	gpa_t gpa;
	u32 error;
	int err;

	if (vcpu_translate(v, la, access_bits(c, true), &gpa, &error))
		return page_fault(c, la, error);
	if (!vm_mem_gpa_to_hva(vcpu_space(v), gpa, NULL)) {
		*swapped = true;
		return linear_access(c, la, (void *)new_value, len, true, true);
	}
	if (len > 8 || offset_in_page(la) + len > PAGE_SIZE)
		return slow_cmpxchg(c, la, old, new_value, len, swapped);
	memcpy(&o, old, len);
	memcpy(&n, new_value, len);
	err = vm_mem_cmpxchg(vcpu_space(v), gpa, &o, n, len);
	if (err && err != -EAGAIN) {	/* a read-only slot: a device's write */
		r = physical_access(v, gpa, &n, len, true);
		if (r != EMUL_ACC_OKAY)
			return r;
		err = 0;
	}
	*swapped = !err;
	memcpy(old, &o, len);
	return EMUL_ACC_OKAY;
}

static enum emul_access_result op_probe_write(struct emul_ctxt *c, gva_t la,
					      unsigned int len)
{
	struct vcpu *v = c->priv;
	gpa_t gpa;
	u32 error;

	if (vcpu_translate(v, la, access_bits(c, true), &gpa, &error))
		return page_fault(c, la, error);
	la += len - 1;
	if (offset_in_page(la) < len - 1 &&
	    vcpu_translate(v, la, access_bits(c, true), &gpa, &error))
		return page_fault(c, la & PAGE_MASK, error);
	return EMUL_ACC_OKAY;
}

static enum emul_access_result op_pio(struct emul_ctxt *c, u16 port, void *data,
				      unsigned int len, bool in)
{
	u16 count = in ? min_t(u16, c->ahead, VCPU_PORT_BYTES / len) : 1;

	return device_access(c->priv, port, len, data, !in, true, count);
}

/* ---- emulator's registers -------------------------------------------------------------------- */

/* The guest's registers are in the CPU while its thread runs. Using the FPU in
 * the kernel saves them to memory, and has them reloaded before the entry.
 */
static struct xregs_state *fpu_in_memory(struct vcpu *v)
{
	kernel_fpu_begin();
	kernel_fpu_end();
	return &v->fpu.fpstate->regs.xsave;
}

/* The upper YMM halves are the first extended component, so at the same place
 * in the standard and the compacted XSAVE form (APM2 11.5).
 */
static void op_get_xmm(struct emul_ctxt *c, unsigned int index,
		       struct emul_xmm *lo, struct emul_xmm *hi)
{
	struct xregs_state *x = fpu_in_memory(c->priv);

	memset(lo, 0, sizeof(*lo));
	memset(hi, 0, sizeof(*hi));
	if (x->header.xfeatures & XFEATURE_MASK_SSE)
		memcpy(lo, &x->i387.xmm_space[index * 4], sizeof(*lo));
	if (x->header.xfeatures & XFEATURE_MASK_YMM)
		memcpy(hi, x->extended_state_area + index * 16, sizeof(*hi));
}

/* Where the upper halves of ZMM0-15 are (APM2 11.5): at the CPU's place in the
 * standard form, behind what else is there in the compacted one.
 */
static u8 *zmm_halves(struct xregs_state *x)
{
	u32 at = sizeof(x->i387) + sizeof(x->header), size, offset, flags, none, i;

	for (i = XFEATURE_YMM; i <= XFEATURE_ZMM_Hi256; i++) {
		cpuid_count(0xd, i, &size, &offset, &flags, &none);
		if (!(x->header.xcomp_bv & XCOMP_BV_COMPACTED_FORMAT)) {
			at = offset;
			continue;
		}
		if (!(x->header.xcomp_bv & BIT_ULL(i)))
			continue;
		if (flags & BIT(1))
			at = ALIGN(at, 64);
		if (i < XFEATURE_ZMM_Hi256)
			at += size;
	}
	return (u8 *)x + at;
}

static void clear_zmm_half(struct xregs_state *x, unsigned int index)
{
	if (x->header.xfeatures & XFEATURE_MASK_ZMM_Hi256)
		memset(zmm_halves(x) + index * 32, 0, 32);
}

static void op_set_xmm(struct emul_ctxt *c, unsigned int index,
		       const struct emul_xmm *lo, const struct emul_xmm *hi, bool whole)
{
	struct vcpu *v = c->priv;
	struct xregs_state *x = fpu_in_memory(v);

	vcpu_begin_sse(x);
	memcpy((u8 *)x->i387.xmm_space + index * 16, lo, sizeof(*lo));
	if (!(v->xcr0 & XFEATURE_MASK_YMM))
		return;
	if (!(x->header.xfeatures & XFEATURE_MASK_YMM)) {
		memset(x->extended_state_area, 0, 16 * 16);
		x->header.xfeatures |= XFEATURE_MASK_YMM;
	}
	memcpy(x->extended_state_area + index * 16, hi, sizeof(*hi));
	if (whole)
		clear_zmm_half(x, index);
}

/* MMX registers are the low parts of the x87's (APM1 5.4). */
static u64 op_get_mmx(struct emul_ctxt *c, unsigned int index)
{
	struct xregs_state *x = fpu_in_memory(c->priv);
	u64 value = 0;

	if (x->header.xfeatures & XFEATURE_MASK_FP)
		memcpy(&value, (u8 *)x->i387.st_space + index * 16, sizeof(value));
	return value;
}

static void op_set_mmx(struct emul_ctxt *c, unsigned int index, u64 value)
{
	struct xregs_state *x = fpu_in_memory(c->priv);
	u8 *reg = (u8 *)x->i387.st_space + index * 16;

	if (!(x->header.xfeatures & XFEATURE_MASK_FP)) {
		memset(x->i387.st_space, 0, sizeof(x->i387.st_space));
		x->i387.cwd = 0x37f;
		x->i387.swd = 0;
		x->header.xfeatures |= XFEATURE_MASK_FP;
	}
	memcpy(reg, &value, sizeof(value));
	memset(reg + sizeof(value), 0xff, 2);
	x->i387.swd &= ~0x3800;		/* the top is register 0 */
	x->i387.twd = 0xff;		/* and all are valid */
}

static struct kvm_segment *sregs_segment(struct kvm_sregs *s, enum emul_table t)
{
	return t == EMUL_LDTR ? &s->ldt : &s->tr;
}

static struct kvm_dtable *sregs_table(struct kvm_sregs *s, enum emul_table t)
{
	return t == EMUL_GDTR ? &s->gdt : &s->idt;
}

static void op_get_table(struct emul_ctxt *c, enum emul_table t, struct emul_segment *out)
{
	const struct kvm_segment *g;
	const struct kvm_dtable *d;
	struct kvm_sregs s = { };

	vcpu_ops->get_sregs(c->priv, &s);
	if (t == EMUL_GDTR || t == EMUL_IDTR) {
		d = sregs_table(&s, t);
		*out = (struct emul_segment){ .base = d->base, .limit = d->limit };
		return;
	}
	g = sregs_segment(&s, t);
	*out = (struct emul_segment){
		.selector = g->selector, .base = g->base, .limit = g->limit,
		.attrib = g->type | g->s << 4 | g->dpl << 5 |
			  (g->present && !g->unusable) << 7 | g->avl << 8 |
			  g->l << 9 | g->db << 10 | g->g << 11,
	};
}

static void op_set_table(struct emul_ctxt *c, enum emul_table t,
			 const struct emul_segment *in)
{
	struct kvm_sregs s = { };

	vcpu_ops->get_sregs(c->priv, &s);
	if (t == EMUL_GDTR || t == EMUL_IDTR)
		*sregs_table(&s, t) = (struct kvm_dtable){
			.base = in->base, .limit = in->limit,
		};
	else
		*sregs_segment(&s, t) = (struct kvm_segment){
			.selector = in->selector, .base = in->base,
			.limit = in->limit, .type = in->attrib & 0xf,
			.dpl = in->attrib >> 5 & 3, .present = in->attrib >> 7 & 1,
			.avl = in->attrib >> 8 & 1, .g = in->attrib >> 11 & 1,
			.unusable = !(in->attrib >> 7 & 1),
		};
	vcpu_ops->set_sregs(c->priv, &s);
}

static enum emul_access_result gp_fault(struct emul_ctxt *c)
{
	c->fault = (struct emul_fault){ .vector = EXCP_GP, .has_error = true };
	return EMUL_ACC_FAULT;
}

static enum emul_access_result op_get_cr(struct emul_ctxt *c, unsigned int n, u64 *value)
{
	struct vcpu *v = c->priv;

	switch (n) {
	case 0:
		*value = v->cr0;
		return EMUL_ACC_OKAY;
	case 2:
		*value = v->cr2;
		return EMUL_ACC_OKAY;
	case 3:
		*value = v->cr3;
		return EMUL_ACC_OKAY;
	case 4:
		*value = v->cr4;
		return EMUL_ACC_OKAY;
	case 8:
		*value = vcpu_tpr_class(v);
		return EMUL_ACC_OKAY;
	default:
		c->fault = (struct emul_fault){ .vector = EXCP_UD };
		return EMUL_ACC_FAULT;
	}
}

static enum emul_access_result op_set_cr(struct emul_ctxt *c, unsigned int n, u64 value)
{
	return vcpu_set_cr(c->priv, n, value) ? gp_fault(c) : EMUL_ACC_OKAY;
}

/* DR4 and DR5 are DR6 and DR7 unless CR4.DE; with DR7.GD any access is a fault,
 * whose handler may (APM2 13.1.1).
 */
static enum emul_access_result dr_index(struct emul_ctxt *c, unsigned int *n)
{
	struct vcpu *v = c->priv;

	if (*n == 4 || *n == 5) {
		if (c->cr4 & X86_CR4_DE) {
			c->fault = (struct emul_fault){ .vector = EXCP_UD };
			return EMUL_ACC_FAULT;
		}
		*n += 2;
	}
	if (likely(!(v->dr7 & DR7_GD)))
		return EMUL_ACC_OKAY;
	v->dr7 &= ~(u64)DR7_GD;
	v->dr6 = (v->dr6 & ~(u64)DR_TRAP_BITS) | DR6_BD;
	c->fault = (struct emul_fault){ .vector = EXCP_DB };
	return EMUL_ACC_FAULT;
}

static enum emul_access_result op_get_dr(struct emul_ctxt *c, unsigned int n, u64 *value)
{
	struct vcpu *v = c->priv;
	enum emul_access_result r = dr_index(c, &n);

	if (r != EMUL_ACC_OKAY)
		return r;
	*value = n < 4 ? v->dr[n] : n == 6 ? v->dr6 : v->dr7;
	return EMUL_ACC_OKAY;
}

static enum emul_access_result op_set_dr(struct emul_ctxt *c, unsigned int n, u64 value)
{
	struct vcpu *v = c->priv;
	enum emul_access_result r = dr_index(c, &n);

	if (r != EMUL_ACC_OKAY)
		return r;
	if (n < 4) {
		v->dr[n] = value;
		return EMUL_ACC_OKAY;
	}
	if (value >> 32)
		return gp_fault(c);
	if (n == 6)
		v->dr6 = (value & 0xe00fUL) | DR6_RESERVED;
	else
		v->dr7 = (value & 0xffff2bffUL) | 0x400;
	return EMUL_ACC_OKAY;
}

/* The nested table has its own tags; the guest's are all flushed. */
static enum emul_access_result op_invlpg(struct emul_ctxt *c, gva_t la)
{
	struct vcpu *v = c->priv;

	if (v->vm->mem.smmu)
		vcpu_shadow_invlpg(v, la);
	else
		vcpu_ops->flush_tlb(v);
	return EMUL_ACC_OKAY;
}

/* The CPU tested IOPL and the TSS bitmap before it exited (APM2 15.10.2). */
static enum emul_access_result op_pio_allowed(struct emul_ctxt *c, u16 port,
					      unsigned int len)
{
	return EMUL_ACC_OKAY;
}

static const struct emul_ops vcpu_emul_ops = {
	.read = op_read,
	.write = op_write,
	.cmpxchg = op_cmpxchg,
	.probe_write = op_probe_write,
	.pio = op_pio,
	.get_xmm = op_get_xmm,
	.set_xmm = op_set_xmm,
	.get_cr = op_get_cr,
	.set_cr = op_set_cr,
	.get_dr = op_get_dr,
	.set_dr = op_set_dr,
	.invlpg = op_invlpg,
	.get_table = op_get_table,
	.set_table = op_set_table,
	.get_mmx = op_get_mmx,
	.set_mmx = op_set_mmx,
	.pio_allowed = op_pio_allowed,
};

/* ---- fetch and step ---------------------------------------------------------------------------- */

static gva_t code_address(const struct emul_ctxt *c)
{
	return emul_code_bits(c) == 64 ? c->rip :
	       (u32)(c->seg[EMUL_CS].base + c->rip);
}

/*
 * Read the instruction at rip. 0: c->bytes filled, or what there is before a page that
 * faults. -EFAULT: nothing, its first page does. c->fault has the fault, and nothing is
 * queued. -ENXIO: it is in no memory.
 */
static int fetch(struct vcpu *v, struct emul_ctxt *c)
{
	gva_t la = code_address(c);
	unsigned int n, want = sizeof(c->bytes);
	u32 error, access;
	gpa_t gpa;

	access = GWALK_I | (c->cpl == 3 ? GWALK_U : 0);
	c->nbytes = 0;
	while (c->nbytes < want) {
		n = min_t(unsigned int, want - c->nbytes,
			  PAGE_SIZE - offset_in_page(la));
		if (vcpu_translate(v, la, access, &gpa, &error)) {
			page_fault(c, la, error);
			return c->nbytes ? 0 : -EFAULT;
		}
		if (vm_mem_read(vcpu_space(v), gpa, c->bytes + c->nbytes, n))
			return c->nbytes ? 0 : -ENXIO;
		c->nbytes += n;
		la += n;
	}
	return 0;
}

static int prepare(struct vcpu *v, struct emul_ctxt *c)
{
	memcpy(c->regs, v->regs, sizeof(c->regs));
	c->rip = v->rip;
	c->rflags = v->rflags;
	vcpu_ops->get_emul_segs(v, c->seg);
	c->cr0 = v->cr0;
	c->cr4 = v->cr4;
	c->efer = v->efer;
	c->xcr0 = v->xcr0;
	c->cpl = vcpu_ops->get_cpl(v);
	c->ops = &vcpu_emul_ops;
	c->priv = v;
	return fetch(v, c);
}

static void queue_fault(struct vcpu *v, const struct emul_ctxt *c)
{
	if (c->fault.vector == EXCP_PF)
		v->cr2 = c->fault.cr2;
	vcpu_queue_exception(v, c->fault.vector, c->fault.error);
}

/* It goes on in a page that could not be fetched: that one's fault is queued. */
static bool fetch_faulted(struct vcpu *v, const struct emul_ctxt *c)
{
	if (c->length || c->fault.vector != EXCP_PF)
		return false;
	queue_fault(v, c);
	return true;
}

static void commit(struct vcpu *v, const struct emul_ctxt *c)
{
	if (unlikely(c->seg_dirty))
		vcpu_ops->set_emul_segs(v, c->seg, c->seg_dirty);
	memcpy(v->regs, c->regs, sizeof(v->regs));
	v->rip = c->rip;
	v->rflags = c->rflags;
	v->int_shadow = c->int_shadow;
}

static enum run_verdict emulation_failed(struct vcpu *v, const struct emul_ctxt *c)
{
	struct kvm_run *run = v->run;

	/* A guest's program does not end the guest. */
	if (!v->vm->exit_on_failure) {
		vcpu_queue_exception(v, EXCP_UD, 0);
		if (c->cpl)
			return RUN_AGAIN;
	}
	pr_warn_ratelimited("kvm-core: VM %u vCPU %u: no emulation for %*ph at %#llx (cs base %#llx)\n",
			    v->vm->id, v->id, c->nbytes, c->bytes, v->rip,
			    c->seg[EMUL_CS].base);
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = 1;
	run->emulation_failure.flags = 0;
	if (!c->nbytes)
		return RUN_ERROR;
	run->emulation_failure.ndata += (1 + sizeof(c->bytes) + 7) / 8;
	run->emulation_failure.flags =
		KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run->emulation_failure.insn_size = c->nbytes;
	memcpy(run->emulation_failure.insn_bytes, c->bytes, sizeof(c->bytes));
	return RUN_ERROR;
}

static enum run_verdict emulate(struct vcpu *v)
{
	struct emul_ctxt c = { };
	int err = prepare(v, &c);

	if (err == -ENXIO)
		return emulation_failed(v, &c);
	if (err) {
		queue_fault(v, &c);
		return RUN_AGAIN;
	}
	switch (emul_step(&c)) {
	case EMUL_OKAY:
	case EMUL_REP:
		commit(v, &c);
		return RUN_AGAIN;
	case EMUL_FAULT:
		queue_fault(v, &c);
		return RUN_AGAIN;
	case EMUL_EXIT:
		return RUN_USER;
	case EMUL_RETRY:
		return RUN_AGAIN;
	case EMUL_UNHANDLED:
	default:
		return fetch_faulted(v, &c) ? RUN_AGAIN : emulation_failed(v, &c);
	}
}

/* The log outlives it only while user space has an access to answer: no later
 * instruction finds answers of this one.
 */
enum run_verdict vcpu_emulate(struct vcpu *v)
{
	enum run_verdict r;

	v->stat_emulations++;
	v->mmio.next = 0;
	r = emulate(v);
	if (r != RUN_USER) {
		v->mmio.n = 0;
		v->mmio.active = false;
	}
	return r;
}
EXPORT_SYMBOL_GPL(vcpu_emulate);

unsigned int vcpu_insn_length_slow(struct vcpu *v)
{
	struct emul_ctxt c = { };
	unsigned int len;
	int err = prepare(v, &c);

	len = err ? 0 : emul_insn_length(&c);
	if (!len && !fetch_faulted(v, &c))
		vcpu_queue_exception(v, EXCP_UD, 0);
	return len;
}

/* Of RAM only, without the log: nobody would take a device's answer. */
int vcpu_patch_insn(struct vcpu *v, const u8 *bytes, unsigned int len)
{
	struct emul_ctxt c = { };
	unsigned int n, done;
	gpa_t gpa[2];
	gva_t la;
	int err = prepare(v, &c);

	if (err == -ENXIO)
		return err;
	la = code_address(&c);
	if (err || linear_to_gpa(&c, la, len, true, gpa) != EMUL_ACC_OKAY) {
		queue_fault(v, &c);
		return 0;
	}
	for (done = 0; done < len && !err; done += n) {
		n = min_t(unsigned int, len - done,
			  PAGE_SIZE - offset_in_page(la + done));
		err = vm_mem_write(vcpu_space(v), gpa[!!done], bytes + done, n);
	}
	return err;
}
EXPORT_SYMBOL_GPL(vcpu_patch_insn);

bool vcpu_insn_is(struct vcpu *v, const u8 *bytes, unsigned int len)
{
	struct emul_ctxt c = { };

	return !prepare(v, &c) && c.nbytes >= len && !memcmp(c.bytes, bytes, len);
}
EXPORT_SYMBOL_GPL(vcpu_insn_is);

/* ---- simple port I/O ------------------------------------------------------------------------------ */

static void store_in(struct vcpu *v, u32 value, unsigned int size)
{
	u64 mask = BIT_ULL(size * 8) - 1;

	/* A 32-bit result clears the upper half; smaller ones keep the rest. */
	if (size == 4)
		mask = ~0ULL;
	v->regs[EMUL_RAX] = (v->regs[EMUL_RAX] & ~mask) | (value & mask);
}

bool vcpu_quick_pio(struct vcpu *v, u16 port, unsigned int size, bool in,
		    u64 next_rip)
{
	u32 value = (u32)v->regs[EMUL_RAX];

	if (bus_access(v, VM_BUS_PIO, port, size, &value, !in))
		return false;
	v->rip = next_rip;
	trace_pio_away(!in, port, size, value);
	if (in)
		store_in(v, value, size);
	return true;
}
EXPORT_SYMBOL_GPL(vcpu_quick_pio);

enum run_verdict vcpu_pio(struct vcpu *v, u16 port, unsigned int size, bool in,
			  u64 next_rip)
{
	u32 value = (u32)v->regs[EMUL_RAX];
	struct vcpu_mmio_entry e;

	v->rflags &= ~(u64)X86_EFLAGS_RF;
	if (vcpu_quick_pio(v, port, size, in, next_rip))
		return RUN_AGAIN;
	v->pio.active = true;
	v->pio.next_rip = next_rip;
	if (!in && port == 0x7e && vm_has_quirk(v->vm, KVM_X86_QUIRK_OUT_7E_INC_RIP)) {
		v->rip = next_rip;	/* some VMMs have it so, for this port */
		v->pio.active = false;
	}
	if (!in)
		trace_pio_away(true, port, size, value);
	e = (struct vcpu_mmio_entry){
		.addr = port, .len = size, .write = !in, .pio = true,
	};
	memcpy(e.data, &value, size);
	v->pio.in = in;
	v->pio.size = size;
	v->pio.port = port;
	vcpu_exit_to_user(v, &e);
	return RUN_USER;
}
EXPORT_SYMBOL_GPL(vcpu_pio);

/* ---- user space has answered ------------------------------------------------------------------------ */

static bool take_answer(struct vcpu *v)
{
	struct vcpu_mmio_entry *e;

	v->mmio.active = false;
	if (WARN_ON_ONCE(!v->mmio.n))
		return false;
	e = &v->mmio.log[v->mmio.n - 1];
	if (!e->write)
		memcpy(e->data, e->pio ? port_data(v) : v->run->mmio.data,
		       e->len);
	e->done = true;
	trace_access(e);
	if (e->pio && !e->write && e->count > 1) {
		v->ahead.next = 1;
		v->ahead.count = e->count;
		v->ahead.rip = v->rip;
	}
	return true;
}

/* The instruction that left, from its start, and on through what was given ahead. */
static enum run_verdict emulate_answered(struct vcpu *v)
{
	enum run_verdict r;

	do {
		r = vcpu_emulate(v);
	} while (r == RUN_AGAIN && v->ahead.next < v->ahead.count &&
		 v->ahead.rip == v->rip && !v->exception.pending);
	if (r != RUN_USER)
		v->ahead.count = 0;
	return r;
}

static void complete_pio(struct vcpu *v)
{
	u32 value = 0;

	v->pio.active = false;
	v->rip = v->pio.next_rip;
	if (!v->pio.in)
		return;
	memcpy(&value, port_data(v), v->pio.size);
	trace_kvm_pio(false, v->pio.port, v->pio.size, value);
	store_in(v, value, v->pio.size);
}

/*
 * Finish the instruction that left for user space. 0: finished, run on.
 * 1: kvm_run holds its next access, or an error. < 0: errno.
 */
int vcpu_complete_io(struct vcpu *v)
{
	if (v->pio.active) {
		complete_pio(v);
		return 0;
	}
	if (v->load.active) {
		vcpu_complete_load(v);
		return 0;
	}
	if (!take_answer(v))
		return 0;
	switch (emulate_answered(v)) {
	case RUN_USER:
	case RUN_ERROR:
		return 1;
	default:
		return 0;
	}
}
