// SPDX-License-Identifier: GPL-2.0
/*
 * pread and pwrite on a card's node: the regions behind the offsets. Config
 * space goes through vcfg, the MSI-X table and its pending bits through vmsix,
 * the rest of a BAR to the card in naturally aligned accesses of at most eight
 * bytes (I/O ports: four). Any offset and length within a region is served; a
 * process that reads or writes past a region's end gets a short count, then
 * -EINVAL. User memory is only touched with no lock held.
 */
#include <linux/io.h>
#include <linux/uaccess.h>
#include <uapi/linux/vfio.h>

#include "pci-assign/assign.h"

#define PIECE	64		/* bytes moved per turn of the lock */

u64 region_size(const struct card *c, unsigned int index)
{
	switch (index) {
	case VFIO_PCI_BAR0_REGION_INDEX ... VFIO_PCI_BAR5_REGION_INDEX:
		return c->params.bars[index].size;
	case VFIO_PCI_ROM_REGION_INDEX:
		return c->params.rom_size;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return c->params.size;
	case BACKPLANE_REGION_FAULTS:
		return CARD_FAULTS * sizeof(struct backplane_fault);
	case BACKPLANE_REGION_STATUS:
		return sizeof(struct backplane_status);
	default:
		return 0;
	}
}

/* ---- config space -------------------------------------------------------- */

static void apply_command(struct card *c)
{
	unsigned long flags;

	spin_lock_irqsave(&c->irq_lock, flags);
	c->guest_command = vcfg_get16(c->cfg, PCI_COMMAND);
	intr_update_line(c);
	card_update_command(c);
	spin_unlock_irqrestore(&c->irq_lock, flags);
}

static void apply_msi(struct card *c)
{
	struct vcfg *v = c->cfg;
	unsigned int mask_off = vcfg_msi_mask_off(v);
	struct vmsi_regs r = {
		.control = vcfg_get16(v, v->msi + PCI_MSI_FLAGS),
		.addr = vcfg_get32(v, v->msi + PCI_MSI_ADDRESS_LO),
		.data = vcfg_get16(v, vcfg_msi_data_off(v)),
		.mask = mask_off ? vcfg_get32(v, mask_off) : 0,
	};
	unsigned long flags;
	u32 verdict;

	if (v->msi_64)
		r.addr |= (u64)vcfg_get32(v, v->msi + PCI_MSI_ADDRESS_HI) << 32;
	spin_lock_irqsave(&c->irq_lock, flags);
	verdict = vmsi_set(&c->vmsi, &r);
	spin_unlock_irqrestore(&c->irq_lock, flags);
	if (verdict & (VMSI_START | VMSI_STOP))
		intr_sync(c);
	if (verdict & VMSI_KICK)
		intr_kick_msi(c);
}

static void apply_msix(struct card *c)
{
	u16 control = vcfg_get16(c->cfg, c->cfg->msix + PCI_MSIX_FLAGS);
	unsigned long flags;
	u32 verdict;

	spin_lock_irqsave(&c->irq_lock, flags);
	verdict = vmsix_set_control(&c->vmsix, control);
	spin_unlock_irqrestore(&c->irq_lock, flags);
	if (verdict & (VMSIX_START | VMSIX_STOP))
		intr_sync(c);
	if (verdict & VMSIX_OPENED)
		intr_opened(c, 0, c->vmsix.count);
}

/* The guest reset its own function: the whole model starts afresh. */
static void apply_reset(struct card *c)
{
	card_reset_models(c);
	if (reset_card(c))
		return;
	card_reset_models(c);
}

static void show_pending(struct card *c)
{
	unsigned int off = vcfg_msi_pending_off(c->cfg);
	unsigned long flags;
	u32 pending;

	if (!off)
		return;
	spin_lock_irqsave(&c->irq_lock, flags);
	pending = c->vmsi.pending;
	spin_unlock_irqrestore(&c->irq_lock, flags);
	vcfg_set32(c->cfg, off, pending);
}

static int config_rw(struct card *c, u64 off, u8 *buf, unsigned int n,
		     bool write)
{
	struct vcfg_hw hw = card_config(c);
	u32 did;

	if (!write) {
		show_pending(c);
		vcfg_read(c->cfg, &hw, (unsigned int)off, n, buf);
		return 0;
	}
	did = vcfg_write(c->cfg, &hw, (unsigned int)off, n, buf);
	if (did & VCFG_DID_COMMAND)
		apply_command(c);
	if (did & (VCFG_DID_COMMAND | VCFG_DID_BAR))
		ports_update(c);
	if (did & VCFG_DID_MSI)
		apply_msi(c);
	if (did & VCFG_DID_MSIX)
		apply_msix(c);
	if (did & VCFG_DID_RESET)
		apply_reset(c);
	return 0;
}

/* ---- BARs ---------------------------------------------------------------- */

static unsigned int piece_of(u64 off, u64 len, unsigned int most)
{
	unsigned int n = most;

	while (n > len || (off & (n - 1)))
		n /= 2;
	return n;
}

static void __iomem *bar_base(struct card *c, unsigned int bar)
{
	if (!c->bar[bar])
		c->bar[bar] = pci_iomap(c->pdev, bar, 0);
	return c->bar[bar];
}

static void card_read(void __iomem *at, u8 *buf, unsigned int n)
{
	u64 value;

	switch (n) {
	case 8:
		value = readq(at);
		break;
	case 4:
		value = ioread32(at);
		break;
	case 2:
		value = ioread16(at);
		break;
	default:
		value = ioread8(at);
	}
	memcpy(buf, &value, n);
}

static void card_write(void __iomem *at, const u8 *buf, unsigned int n)
{
	u64 value = 0;

	memcpy(&value, buf, n);
	switch (n) {
	case 8:
		writeq(value, at);
		break;
	case 4:
		iowrite32((u32)value, at);
		break;
	case 2:
		iowrite16((u16)value, at);
		break;
	default:
		iowrite8((u8)value, at);
	}
}

static u32 lanes_of(unsigned int shift, unsigned int n)
{
	return (n >= 4 ? U32_MAX : (1U << n * 8) - 1) << shift;
}

static void table_rw(struct card *c, u32 off, u8 *buf, unsigned int n,
		     bool write)
{
	unsigned int shift = (off & 3) * 8;
	u32 value = 0, verdict = 0;
	unsigned long flags;

	if (write)
		memcpy(&value, buf, n);
	spin_lock_irqsave(&c->irq_lock, flags);
	if (write)
		verdict = vmsix_write(&c->vmsix, off & ~3U, value << shift,
				      lanes_of(shift, n));
	else
		value = vmsix_read(&c->vmsix, off & ~3U) >> shift;
	spin_unlock_irqrestore(&c->irq_lock, flags);
	if (!write)
		memcpy(buf, &value, n);
	if (verdict & VMSIX_OPENED)
		intr_opened(c, off / VMSIX_ENTRY_SIZE, 1);
}

/* Ours, and the card's own for entries that are not armed yet. */
static void pba_read(struct card *c, void __iomem *at, u32 off, u8 *buf,
		     unsigned int n)
{
	unsigned int shift = (off & 3) * 8;
	unsigned long flags;
	u32 value;

	spin_lock_irqsave(&c->irq_lock, flags);
	value = vmsix_read_pba(&c->vmsix, off & ~3U);
	spin_unlock_irqrestore(&c->irq_lock, flags);
	if (c->intr.mode == INTR_MSIX)
		value |= ioread32(at - (off & 3));
	value >>= shift;
	memcpy(buf, &value, n);
}

static int bar_rw(struct card *c, unsigned int bar, u64 off, u8 *buf,
		  unsigned int n, bool write)
{
	bool io = c->params.bars[bar].kind == VBAR_IO;
	void __iomem *base = bar_base(c, bar);

	if (!base)
		return -ENOMEM;
	while (n) {
		struct vbar_run run = vbar_classify(&c->msix_at, bar, off, n);
		unsigned int len = piece_of(off, run.len, run.target ==
					    VBAR_CARD && !io ? 8 : 4);

		if (run.target == VBAR_TABLE)
			table_rw(c, run.offset, buf, len, write);
		else if (run.target == VBAR_PBA && !write)
			pba_read(c, base + off, run.offset, buf, len);
		else if (run.target == VBAR_CARD && write)
			card_write(base + off, buf, len);
		else if (run.target == VBAR_CARD)
			card_read(base + off, buf, len);
		off += len;
		buf += len;
		n -= len;
	}
	return 0;
}

static int rom_read(struct card *c, u64 off, u8 *buf, unsigned int n)
{
	void __iomem *rom;
	size_t size;

	memset(buf, 0xff, n);
	rom = pci_map_rom(c->pdev, &size);
	if (!rom)
		return 0;	/* no valid image: reads as an empty socket */
	if (off < size)
		memcpy_fromio(buf, rom + off, min_t(u64, n, size - off));
	pci_unmap_rom(c->pdev, rom);
	return 0;
}

/* ---- our own regions ------------------------------------------------------ */

void region_fill_status(struct card *c, struct backplane_status *s)
{
	struct card_intr *in = &c->intr;
	unsigned long flags;

	memset(s, 0, sizeof(*s));
	s->size = sizeof(*s);
	s->state = card_state(c);
	spin_lock_irqsave(&c->fault_lock, flags);
	s->faults = c->faults;
	s->faults_dropped = c->faults_dropped;
	s->policy = c->policy;
	spin_unlock_irqrestore(&c->fault_lock, flags);
	spin_lock_irqsave(&c->irq_lock, flags);
	s->irqs_hard = in->hard;
	s->irqs_fallback = in->fallback;
	s->irqs_pended = in->pended;
	s->irqs_lost = in->undeliverable;
	s->vectors_missing = in->missing;
	s->vm = c->vm ? c->vm->id : 0;
	s->domain_id = c->vm ? c->domain_id : 0;
	spin_unlock_irqrestore(&c->irq_lock, flags);
	strscpy(s->reset_method, c->reset_method, sizeof(s->reset_method));
}

static int status_read(struct card *c, u64 off, u8 *buf, unsigned int n)
{
	struct backplane_status s;

	region_fill_status(c, &s);
	memcpy(buf, (u8 *)&s + off, n);
	return 0;
}

static int policy_write(struct card *c, u64 off, const u8 *buf, unsigned int n)
{
	u32 policy;

	if (off != offsetof(struct backplane_status, policy) ||
	    n != sizeof(policy))
		return -EINVAL;
	memcpy(&policy, buf, n);
	return fault_set_policy(c, policy);
}

/* Whole records only, each handed out once. No card->lock: no models. */
static ssize_t faults_read(struct card *c, char __user *buf, size_t count)
{
	struct backplane_fault f;
	size_t done = 0;

	while (count - done >= sizeof(f) && fault_pop(c, &f)) {
		if (copy_to_user(buf + done, &f, sizeof(f)))
			return -EFAULT;
		done += sizeof(f);
	}
	return done;
}

/* ---- dispatch ------------------------------------------------------------ */

static int rw_piece(struct card *c, unsigned int index, u64 off, u8 *buf,
		    unsigned int n, bool write)
{
	switch (index) {
	case VFIO_PCI_BAR0_REGION_INDEX ... VFIO_PCI_BAR5_REGION_INDEX:
		return bar_rw(c, index, off, buf, n, write);
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return config_rw(c, off, buf, n, write);
	case VFIO_PCI_ROM_REGION_INDEX:
		return write ? -EINVAL : rom_read(c, off, buf, n);
	case BACKPLANE_REGION_STATUS:
		return write ? policy_write(c, off, buf, n) :
			       status_read(c, off, buf, n);
	default:
		return -EINVAL;
	}
}

/* One turn of the lock; the bytes are in or go to kernel memory. */
static int locked_piece(struct card *c, unsigned int index, u64 off, u8 *buf,
			unsigned int n, bool write)
{
	int err = -ENODEV;

	mutex_lock(&c->lock);
	if (c->ready && !c->gone)
		err = rw_piece(c, index, off, buf, n, write);
	mutex_unlock(&c->lock);
	return err;
}

static int user_piece(struct card *c, char __user *ubuf, unsigned int index,
		      u64 off, unsigned int n, bool write)
{
	u8 buf[PIECE];
	int err;

	if (write && copy_from_user(buf, ubuf, n))
		return -EFAULT;
	err = locked_piece(c, index, off, buf, n, write);
	if (err)
		return err;
	return !write && copy_to_user(ubuf, buf, n) ? -EFAULT : 0;
}

ssize_t region_rw(struct card *c, char __user *buf, size_t count, loff_t *pos,
		  bool write)
{
	unsigned int index = *pos >> CARD_OFFSET_SHIFT;
	u64 off = *pos & (BIT_ULL(CARD_OFFSET_SHIFT) - 1);
	u64 size = region_size(c, index);
	size_t done = 0;
	int err = 0;

	if (*pos < 0 || off >= size)
		return count ? -EINVAL : 0;
	if (index == BACKPLANE_REGION_FAULTS)
		return write ? -EINVAL : faults_read(c, buf, count);
	count = min_t(u64, count, size - off);
	while (done < count) {
		unsigned int n = min_t(size_t, count - done,
				       PIECE - (off & (PIECE - 1)));

		/* A card's registers are slow, and a BAR may be large. */
		err = fatal_signal_pending(current) ? -EINTR :
		      user_piece(c, buf + done, index, off, n, write);
		if (err)
			break;
		done += n;
		off += n;
	}
	*pos += done;
	return done ? (ssize_t)done : err;
}
