// SPDX-License-Identifier: GPL-2.0
/*
 * I/O ports without exits (APM2 15.10.1). A port instruction carries no address
 * that could be translated, so the guest's BAR must have the number that the
 * host's has: then the card's ports are opened in the VM's I/O permission map.
 * At any other number they exit and go through the node's region, as ever. The
 * PCI core gave us the BAR's range whole and alone (pci_request_regions), and
 * its last port is the card's: nothing else is ever opened.
 *
 * Called when the guest wrote its command register or a BAR, around resets,
 * and before the card leaves the VM. It must not know how svm keeps the map.
 */
#include "pci-assign/assign.h"

#define PORTS_END	0x10000

/* Has the guest placed this BAR where the host has it, and switched it on? */
static bool is_wanted(struct card *c, unsigned int bar)
{
	u64 start = pci_resource_start(c->pdev, bar);
	u64 size = c->params.bars[bar].size;
	u32 guest;

	if (c->params.bars[bar].kind != VBAR_IO || !c->vm || c->broken ||
	    !(c->guest_command & PCI_COMMAND_IO))
		return false;
	guest = vcfg_get32(c->cfg, PCI_BASE_ADDRESS_0 + bar * 4);
	return (guest & PCI_BASE_ADDRESS_IO_MASK) == start && start &&
	       start + size <= PORTS_END;
}

static void set_ports(struct card *c, unsigned int bar, bool open)
{
	u16 start = (u16)pci_resource_start(c->pdev, bar);
	unsigned int size = (unsigned int)c->params.bars[bar].size;

	if (vm_allow_ports(c->vm, start, size, open))
		return;		/* no memory for a map: they exit, that is all */
	if (open)
		__set_bit(bar, &c->open_ports);
	else
		__clear_bit(bar, &c->open_ports);
}

void ports_update(struct card *c)
{
	unsigned int bar;

	lockdep_assert_held(&c->lock);
	for (bar = 0; bar < VBAR_COUNT; bar++) {
		bool open = is_wanted(c, bar);

		if (open != test_bit(bar, &c->open_ports))
			set_ports(c, bar, open);
	}
}

void ports_close(struct card *c)
{
	unsigned int bar;

	lockdep_assert_held(&c->lock);
	for_each_set_bit(bar, &c->open_ports, VBAR_COUNT)
		set_ports(c, bar, false);
}
