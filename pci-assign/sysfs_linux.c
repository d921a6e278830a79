// SPDX-License-Identifier: GPL-2.0
/*
 * What the operator may know of a card without its node: read-only attributes
 * beside it in sysfs, /sys/bus/pci/devices/<bdf>/backplane/<bdf>/ (also
 * /sys/class/backplane/<bdf>/), and `recover`, which only root may write. The
 * command tools/backplane reads them; the node's own user has the status
 * region instead. The kernel calls these with the attribute held active, so
 * that a card cannot be unbound while one runs.
 */
#include <linux/kstrtox.h>
#include <linux/sysfs.h>

#include "pci-assign/assign.h"

static const char *state_name(u8 state)
{
	switch (state) {
	case BACKPLANE_STATE_ATTACHED:
		return "attached";
	case BACKPLANE_STATE_QUARANTINED:
		return "quarantined";
	case BACKPLANE_STATE_BROKEN:
		return "broken";
	default:
		return "blocked";
	}
}

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  state_name(card_state(card_of_dev(dev))));
}
static DEVICE_ATTR_RO(state);

/* Why a broken card is broken; empty otherwise. */
static ssize_t reason_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	const char *why = READ_ONCE(card_of_dev(dev)->broken);

	return sysfs_emit(buf, "%s\n", why ? why : "");
}
static DEVICE_ATTR_RO(reason);

/* Process id and name of the node's user; empty while nobody has it open. */
static ssize_t holder_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct card *c = card_of_dev(dev);
	ssize_t n;

	mutex_lock(&c->lock);
	n = c->opened ? sysfs_emit(buf, "%d %s\n", c->holder, c->holder_comm) :
			sysfs_emit(buf, "\n");
	mutex_unlock(&c->lock);
	return n;
}
static DEVICE_ATTR_RO(holder);

static ssize_t reset_method_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	struct backplane_status s;

	region_fill_status(card_of_dev(dev), &s);
	return sysfs_emit(buf, "%s\n", s.reset_method);
}
static DEVICE_ATTR_RO(reset_method);

#define STATUS_NUMBER(name, field)					\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	struct backplane_status s;					\
									\
	region_fill_status(card_of_dev(dev), &s);			\
	return sysfs_emit(buf, "%llu\n", (unsigned long long)s.field);	\
}									\
static DEVICE_ATTR_RO(name)

STATUS_NUMBER(vm, vm);
STATUS_NUMBER(domain, domain_id);
STATUS_NUMBER(faults, faults);
STATUS_NUMBER(faults_dropped, faults_dropped);
STATUS_NUMBER(irqs_hard, irqs_hard);
STATUS_NUMBER(irqs_fallback, irqs_fallback);
STATUS_NUMBER(irqs_pended, irqs_pended);
STATUS_NUMBER(irqs_lost, irqs_lost);
STATUS_NUMBER(vectors_missing, vectors_missing);

/* Write 1: reset the card, which ends quarantine and a failed reset. */
static ssize_t recover_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t count)
{
	struct card *c = card_of_dev(dev);
	bool yes;
	int err = kstrtobool(buf, &yes);

	if (err)
		return err;
	if (!yes)
		return -EINVAL;
	mutex_lock(&c->lock);
	err = node_recover(c);
	mutex_unlock(&c->lock);
	return err ? err : (ssize_t)count;
}
static DEVICE_ATTR_WO(recover);

static struct attribute *card_attrs[] = {
	&dev_attr_state.attr,
	&dev_attr_reason.attr,
	&dev_attr_holder.attr,
	&dev_attr_vm.attr,
	&dev_attr_domain.attr,
	&dev_attr_faults.attr,
	&dev_attr_faults_dropped.attr,
	&dev_attr_irqs_hard.attr,
	&dev_attr_irqs_fallback.attr,
	&dev_attr_irqs_pended.attr,
	&dev_attr_irqs_lost.attr,
	&dev_attr_vectors_missing.attr,
	&dev_attr_reset_method.attr,
	&dev_attr_recover.attr,
	NULL
};

static const struct attribute_group card_group = {
	.attrs = card_attrs,
};

const struct attribute_group *card_sysfs_groups[] = {
	&card_group,
	NULL
};
