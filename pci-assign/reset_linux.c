// SPDX-License-Identifier: GPL-2.0
/*
 * Resetting a card, in this order: maps and ports away, bus mastering off, wait for what
 * is in flight, reset by the first method in the kernel's list (device
 * specific, ACPI, function-level, AF, power management, bus; an operator can
 * reorder it in sysfs: reset_method), check that the card answers, restore
 * the state saved when the node was opened, check that it took. Called at
 * attach, at release, and by VFIO_DEVICE_RESET; needs to know nothing of VMs.
 *
 * A card that offers no method is only stopped: that is recorded, not an
 * error. The PCI core's reset runs under the config-access lock but without
 * the device lock: card->lock keeps unbinding out, and remove(), which is
 * called with the device lock held, waits for card->lock.
 */
#include <linux/delay.h>

#include "pci-assign/assign.h"

#define ALIVE_STEP_MS	20
#define ALIVE_STEPS	50		/* one second */

/* Names of pci_dev->reset_methods[] values, as sysfs prints them. */
static const char * const method_names[] = {
	"", "device_specific", "acpi", "flr", "af_flr", "pm", "bus",
};

static void note_method(struct card *c)
{
	u8 m = c->pdev->reset_methods[0];

	strscpy(c->reset_method,
		m < ARRAY_SIZE(method_names) ? method_names[m] : "other",
		sizeof(c->reset_method));
}

/* A virtual function has no id of its own: FFFFh. */
static bool answers(struct card *c)
{
	u32 id, command;
	unsigned int i;

	for (i = 0; i < ALIVE_STEPS; i++) {
		pci_read_config_dword(c->pdev, PCI_VENDOR_ID, &id);
		pci_read_config_dword(c->pdev, PCI_COMMAND, &command);
		if (!PCI_POSSIBLE_ERROR(command) &&
		    (c->pdev->is_virtfn || (u16)id == c->pdev->vendor))
			return true;
		msleep(ALIVE_STEP_MS);
	}
	return false;
}

static bool restored(struct card *c)
{
	unsigned int i;
	u32 bar;

	for (i = 0; i < VBAR_COUNT; i++) {
		pci_read_config_dword(c->pdev, PCI_BASE_ADDRESS_0 + i * 4,
				      &bar);
		if (bar != c->pristine_bars[i])
			return false;
	}
	return true;
}

static int restore(struct card *c)
{
	int err = pci_load_saved_state(c->pdev, c->pristine);

	if (err)
		return err;
	pci_restore_state(c->pdev);
	return 0;
}

static int fail(struct card *c, int err, const char *why)
{
	c->broken = why;
	card_err(c, "reset failed: %s (%d); assignment is refused until a reset succeeds: close the node, then write 1 to the function's sysfs file 'reset' or power-cycle the machine\n",
		 why, err);
	return err;
}

static int reset_now(struct card *c)
{
	int err;

	if (pci_dev_is_disconnected(c->pdev))
		return fail(c, -ENODEV, "the card is out of its slot");
	if (!pci_wait_for_pending_transaction(c->pdev))
		card_warn(c, "transactions still pending before the reset\n");
	note_method(c);
	pci_cfg_access_lock(c->pdev);
	err = __pci_reset_function_locked(c->pdev);
	pci_cfg_access_unlock(c->pdev);
	if (err == -ENOTTY) {
		c->reset_method[0] = '\0';
		err = 0;
	}
	if (err)
		return fail(c, err, "the method reported an error");
	if (!answers(c))
		return fail(c, -EIO, "the card does not answer");
	err = restore(c);
	if (err)
		return fail(c, err, "the saved state could not be loaded");
	if (!restored(c))
		return fail(c, -EIO, "the card does not take its addresses back");
	return 0;
}

int reset_card(struct card *c)
{
	unsigned long flags;
	int err;

	lockdep_assert_held(&c->lock);
	ports_close(c);
	node_suspend_maps(c);
	pci_clear_master(c->pdev);
	err = reset_now(c);
	spin_lock_irqsave(&c->irq_lock, flags);
	card_update_command(c);
	spin_unlock_irqrestore(&c->irq_lock, flags);
	node_resume_maps(c);
	if (!err)
		c->broken = NULL;
	ports_update(c);
	return err;
}
