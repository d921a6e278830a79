// SPDX-License-Identifier: GPL-2.0
/*
 * When the host sleeps, shuts down or hands the machine over to another kernel
 * (kexec): units are switched off after the cards are quiet, and programmed
 * again after sleep. Called by amdvi_linux.c at the start, and by the kernel.
 *
 * At a shutdown the kernel calls system-core operations last. Before kexec 6.1
 * does not; there a unit is switched off as a device, by a driver for its own
 * function. Devices are shut down in the reverse order of their discovery, so
 * those behind a unit are quiet by then: the kernel takes bus mastership from
 * each. Limit: a program that owns a card through vfio-pci may give it back to
 * the card in the milliseconds until the other CPUs stop (pci-assign does not
 * let it).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/reboot.h>
#include <linux/syscore_ops.h>

#include "compat_linux.h"
#include "iommu-amd/amdvi_priv.h"

#define UNIT_DRIVER	"iommu-amd"

static bool kexec_ahead;

static bool device_is_assigned(const struct amdvi_device *d)
{
	return !d->domain || d->domain->dma != DTE_DMA_IDENTITY;
}

/*
 * Drivers have been shut down, or have put their cards to sleep. A card that is
 * not the host's must not find memory open when the unit stops: it loses bus
 * mastership.
 */
static void cards_quiet(struct amdvi_unit *u)
{
	struct amdvi_device *d;
	unsigned long flags;

	raw_spin_lock_irqsave(&amdvi_devices_lock, flags);
	list_for_each_entry(d, &amdvi_devices, link)
		if (d->unit == u && device_is_assigned(d))
			pci_clear_master(to_pci_dev(d->dev));
	raw_spin_unlock_irqrestore(&amdvi_devices_lock, flags);
}

static void unit_quiet(struct amdvi_unit *u)
{
	cards_quiet(u);
	amdvi_unit_stop(u);
}

static void core_shutdown(void)
{
	unsigned int i;

	for (i = 0; i < amdvi_unit_count; i++)
		unit_quiet(amdvi_units[i]);
}

/*
 * Nobody need power off: a hibernation resumes once its image is made, and so
 * does a sleep that fails. The unit is off for a moment then, and the cards' bus
 * mastership comes back after that, with the rest of their configuration.
 */
static int core_suspend(void)
{
	unsigned int i;

	for (i = 0; i < amdvi_unit_count; i++)
		cards_quiet(amdvi_units[i]);
	return 0;
}

static void core_resume(void)
{
	unsigned int i;

	for (i = 0; i < amdvi_unit_count; i++)
		amdvi_unit_resume(amdvi_units[i]);
}

static struct syscore_ops core_ops = {
	.suspend = core_suspend,
	.resume = core_resume,
	.shutdown = core_shutdown,
};

/* kernel_kexec() is known by the word that it gives as the command. */
static int on_reboot(struct notifier_block *nb, unsigned long action,
		     void *command)
{
	kexec_ahead = command && !strcmp(command, "kexec reboot");
	return NOTIFY_DONE;
}

static struct notifier_block reboot_block = { .notifier_call = on_reboot };

/* ---- the driver of the units' own functions ------------------------------ */

static struct amdvi_unit *unit_of_function(const struct pci_dev *pdev)
{
	unsigned int i;

	for (i = 0; i < amdvi_unit_count; i++)
		if (amdvi_units[i]->pdev == pdev)
			return amdvi_units[i];
	return NULL;
}

static int unit_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return unit_of_function(pdev) ? 0 : -ENODEV;
}

static void unit_shutdown(struct pci_dev *pdev)
{
	if (kexec_ahead)
		unit_quiet(unit_of_function(pdev));
}

static struct pci_driver unit_driver = {
	.name = UNIT_DRIVER,
	.probe = unit_probe,
	.shutdown = unit_shutdown,
	.driver_managed_dma = true,
	.driver.suppress_bind_attrs = true,
};

int amdvi_quiet_init(void)
{
	return pci_register_driver(&unit_driver);
}

void amdvi_quiet_free(void)
{
	pci_unregister_driver(&unit_driver);
}

int amdvi_quiet_bind(struct amdvi_unit *u)
{
	int err = compat_set_override(u->pdev, UNIT_DRIVER);

	if (err)
		return err;
	if (device_attach(&u->pdev->dev) == 1)
		return 0;
	pci_err(u->pdev, "iommu-amd: the unit's own function has another driver; unbind it\n");
	return -EBUSY;
}

void amdvi_quiet_unbind(struct amdvi_unit *u)
{
	compat_set_override(u->pdev, "");
}

void amdvi_quiet_start(void)
{
	register_syscore_ops(&core_ops);
	register_reboot_notifier(&reboot_block);
}
