// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/module/kvm and /sys/module/kvm_amd: where programs read how Linux's own
 * KVM was set up. Its selftests skip themselves where force_emulation_prefix
 * cannot be read; libvirt reads nested. Read-only, and true of these modules.
 *
 * Called by dev_linux.c under its lock, while there is a backend. As members of
 * the kernel's set of modules they take the names: it loads no other of these.
 */
#include <linux/completion.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/sysfs.h>
#include "kvm-core/vcpu.h"

struct standin {
	const char *name;
	const struct attribute_group *parameters;
	struct kobject kobj;
	struct completion gone;
	bool there;
};

/* ---- parameters ---------------------------------------------------------------- */

#define STANDIN_PARAM(param, text)					\
static ssize_t param##_show(struct kobject *k,				\
			    struct kobj_attribute *a, char *buf)	\
{									\
	return sysfs_emit(buf, "%s\n", text);				\
}									\
static struct kobj_attribute param##_attr = __ATTR_RO(param)

STANDIN_PARAM(enable_pmu, "N");		/* RDPMC is #GP */
STANDIN_PARAM(force_emulation_prefix, "0");
STANDIN_PARAM(ignore_msrs, "N");	/* an unknown one is #GP */
STANDIN_PARAM(avic, "N");
STANDIN_PARAM(nested, "0");
STANDIN_PARAM(npt, vcpu_ops->shadow ? "N" : "Y");
STANDIN_PARAM(sev, "N");

static struct attribute *core_attrs[] = {
	&enable_pmu_attr.attr, &force_emulation_prefix_attr.attr,
	&ignore_msrs_attr.attr, NULL
};

static struct attribute *amd_attrs[] = {
	&avic_attr.attr, &nested_attr.attr, &npt_attr.attr, &sev_attr.attr, NULL
};

static const struct attribute_group core_group = {
	.name = "parameters", .attrs = core_attrs,
};

static const struct attribute_group amd_group = {
	.name = "parameters", .attrs = amd_attrs,
};

/* ---- the two directories --------------------------------------------------------- */

static struct standin standins[] = {
	{ .name = "kvm", .parameters = &core_group },
	{ .name = "kvm_amd", .parameters = &amd_group },
};

static void standin_gone(struct kobject *k)
{
	complete(&container_of(k, struct standin, kobj)->gone);
}

static const struct kobj_type standin_type = {
	.sysfs_ops = &kobj_sysfs_ops,
	.release = standin_gone,
};

/* Whoever found it by its name may hold it a moment longer. */
static void standin_remove(struct standin *s)
{
	kobject_put(&s->kobj);
	wait_for_completion(&s->gone);
	s->there = false;
}

/* Nothing of ours needs it: without it there are programs that ask less. */
static void standin_add(struct standin *s)
{
	struct kset *modules = THIS_MODULE->mkobj.kobj.kset;
	struct kobject *other = kset_find_obj(modules, s->name);

	if (other) {		/* Linux's own is loaded, and idle */
		kobject_put(other);
		return;
	}
	memset(&s->kobj, 0, sizeof(s->kobj));
	init_completion(&s->gone);
	s->kobj.kset = modules;
	s->there = true;
	if (kobject_init_and_add(&s->kobj, &standin_type, NULL, "%s", s->name) ||
	    sysfs_create_group(&s->kobj, s->parameters))
		standin_remove(s);
}

void standins_add(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(standins); i++)
		standin_add(&standins[i]);
}

void standins_remove(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(standins); i++)
		if (standins[i].there)
			standin_remove(&standins[i]);
}
