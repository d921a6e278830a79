// SPDX-License-Identifier: GPL-2.0
/*
 * tools/backplane: parsing, verdicts, the doctor, and binding, on a sysfs made
 * of plain files with a small kernel behind its write hook.
 */
#define _GNU_SOURCE
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/check.h"
#include "tools/backplane/bind.h"
#include "tools/backplane/config.h"
#include "tools/backplane/cmd.h"
#include "tools/backplane/doctor.h"
#include "tools/backplane/list.h"
#include "tools/backplane/live.h"
#include "tools/backplane/sys.h"
#include "tools/backplane/verdict.h"

/* ---- the fake tree --------------------------------------------------------- */

static char tree[] = "/tmp/backplane.XXXXXX";
static const char *stubborn;	/* a driver whose probe refuses */

static void make_dirs(char *path)
{
	char *p;

	for (p = path + strlen(tree) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
}

static void put_bytes(const char *name, const void *data, size_t size)
{
	char path[600];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", tree, name);
	make_dirs(path);
	f = fopen(path, "w");
	assert_non_null(f);
	fwrite(data, 1, size, f);
	fclose(f);
}

__attribute__((format(printf, 2, 3)))
static void put(const char *text, const char *fmt, ...)
{
	char name[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	put_bytes(name, text, strlen(text));
}

__attribute__((format(printf, 2, 3)))
static void link_to(const char *target, const char *fmt, ...)
{
	char name[400], path[600];
	va_list args;

	va_start(args, fmt);
	vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	snprintf(path, sizeof(path), "%s%s", tree, name);
	make_dirs(path);
	unlink(path);
	if (target)
		assert_int_equal(symlink(target, path), 0);
}

static int erase(const char *path, const struct stat *st, int type,
		 struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

#define DEV "/sys/bus/pci/devices/%s"

static void drive(const char *bdf, const char *driver)
{
	char target[128];

	snprintf(target, sizeof(target), "../../drivers/%s", driver ? driver : "");
	link_to(driver ? target : NULL, DEV "/driver", bdf);
	if (driver) {
		put("", "/sys/bus/pci/drivers/%s/bind", driver);
		put("", DEV "/driver/unbind", bdf);
	}
	if (driver && !strcmp(driver, DRIVER_NAME)) {
		put("blocked\n", DEV "/backplane/%s/state", bdf, bdf);
		put("\n", DEV "/backplane/%s/holder", bdf, bdf);
		put("", "/dev/backplane/%s", bdf);
	}
}

/* A card with one 64 KiB BAR, MSI-X (5) and MSI (2), and a pin. */
static void add_function(const char *bdf, unsigned int class, int group,
			 const char *driver, size_t config_size)
{
	unsigned char c[256] = { 0x86, 0x80, 0xd3, 0x10 };
	char text[64];

	c[0x06] = 0x10;
	c[0x0e] = class == 0x0604 ? 1 : 0;
	c[0x0a] = (unsigned char)class;
	c[0x0b] = (unsigned char)(class >> 8);
	c[0x34] = 0x50;
	c[0x3d] = 1;
	c[0x50] = 0x11; c[0x51] = 0x60; c[0x52] = 4;
	c[0x60] = 0x05; c[0x62] = 2;
	snprintf(text, sizeof(text), "/sys/bus/pci/devices/%s/config", bdf);
	put_bytes(text, c, config_size);
	put("0x8086\n", DEV "/vendor", bdf);
	put("0x10d3\n", DEV "/device", bdf);
	snprintf(text, sizeof(text), "0x%04x00\n", class);
	put(text, DEV "/class", bdf);
	put("16\n", DEV "/irq", bdf);
	put("0x00000000fe000000 0x00000000fe00ffff 0x0000000000040200\n"
	    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
	    "0x000000000000c000 0x000000000000c01f 0x0000000000040101\n"
	    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
	    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
	    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
	    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n",
	    DEV "/resource", bdf);
	put("(null)\n", DEV "/driver_override", bdf);
	put("flr bus\n", DEV "/reset_method", bdf);
	snprintf(text, sizeof(text), "../../../../kernel/iommu_groups/%d", group);
	if (group >= 0)
		link_to(text, DEV "/iommu_group", bdf);
	if (driver)
		drive(bdf, driver);
}

#define NIC "0000:00:04.0"
#define EDU "0000:00:05.0"
#define TWIN0 "0000:01:00.0"
#define TWIN1 "0000:01:00.1"
#define PORT "0000:00:1c.0"
#define ORPHAN "0000:00:1f.2"

/* What the kernel does when these files are written. */
static void kernel(const char *path, const char *value)
{
	char bdf[BDF_TEXT], override[64], name[64];

	if (sscanf(path, "/sys/bus/pci/devices/%15[0-9a-f:.]/driver/%63s", bdf,
		   name) == 2 && !strcmp(name, "unbind")) {
		drive(bdf, NULL);
	} else if (!strcmp(path, "/sys/bus/pci/drivers_probe")) {
		sys_read(override, sizeof(override), DEV "/driver_override",
			 value);
		if (stubborn && !strcmp(override, stubborn))
			return;
		drive(value, override[0] ? override :
		      strcmp(value, EDU) ? "e1000e" : NULL);
	}
}

static int make_tree(void **state)
{
	(void)state;
	strcpy(tree, "/tmp/backplane.XXXXXX");
	assert_non_null(mkdtemp(tree));
	sys_set_root(tree);
	sys_write_hook = kernel;
	stubborn = NULL;
	add_function(NIC, 0x0200, 3, "e1000e", 256);
	add_function(EDU, 0x00ff, 4, NULL, 256);
	add_function(TWIN0, 0x0200, 7, "e1000e", 256);
	add_function(TWIN1, 0x0200, 7, "e1000e", 256);
	add_function(PORT, 0x0604, 6, "pcieport", 256);
	add_function(ORPHAN, 0x0106, -1, "ahci", 256);
	put("", "/sys/bus/pci/drivers_probe");
	put("", "/sys/bus/pci/drivers/" DRIVER_NAME "/bind");
	put("", "/sys/class/iommu/amdvi0/amdvi/direct_interrupts");
	put("", "/run/x");
	return 0;
}

static int drop_tree(void **state)
{
	(void)state;
	sys_write_hook = NULL;
	sys_set_root(NULL);
	return nftw(tree, erase, 16, FTW_DEPTH | FTW_PHYS);
}

static struct machine machine(void)
{
	char why[200];
	struct machine m;

	assert_int_equal(facts_read(&m, why, sizeof(why)), 0);
	return m;
}

static enum verdict_code verdict(const char *bdf, struct verdict *v)
{
	struct machine m = machine();
	const struct fn *f = facts_find(&m, bdf);

	assert_non_null(f);
	verdict_of(&m, f, v);
	facts_free(&m);
	return v->code;
}

/* ---- parsing ---------------------------------------------------------------- */

static void test_an_address_is_read_in_both_forms_and_nothing_else(void **state)
{
	static const char *const bad[] = {
		"", "04:00", "04:00.8", "04:20.0", "100:00.0", "04:00.0x",
		"10000:04:00.0", "x4:00.0", "04:00.0 ", "-4:00.0", "0:0:0:0.0",
	};
	char bdf[BDF_TEXT];
	size_t i;

	(void)state;
	assert_true(bdf_parse("04:00.0", bdf));
	assert_string_equal(bdf, "0000:04:00.0");
	assert_true(bdf_parse("abcd:fe:1f.7", bdf));
	assert_string_equal(bdf, "abcd:fe:1f.7");
	assert_true(bdf_parse("4:0.1", bdf));
	assert_string_equal(bdf, "0000:04:00.1");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(bdf_parse(bad[i], bdf));
}

static void test_a_size_has_a_unit_and_fits(void **state)
{
	uint64_t v;

	(void)state;
	assert_true(size_parse("4G", &v));
	assert_int_equal(v, 4ULL << 30);
	assert_true(size_parse("4096", &v));
	assert_int_equal(v, 4096);
	assert_false(size_parse("4X", &v));
	assert_false(size_parse("4GB", &v));
	assert_false(size_parse("0", &v));
	assert_false(size_parse("-1", &v));
	assert_false(size_parse("18446744073709551615K", &v));
}

static void test_sizes_are_written_for_people(void **state)
{
	char s[16];

	(void)state;
	assert_string_equal(size_text(s, 0), "0");
	assert_string_equal(size_text(s, 1023), "1023");
	assert_string_equal(size_text(s, 65536), "64K");
	assert_string_equal(size_text(s, 2560ULL << 20), "2.5G");
	assert_string_equal(size_text(s, UINT64_MAX), "15.9E");
}

static void test_a_line_of_the_config_is_understood_or_refused(void **state)
{
	struct bind_wish *w;
	struct config_line c;
	char comment[600];

	(void)state;
	w = &c.wish;
	assert_int_equal(config_parse_line("# nothing", &c), 0);
	assert_int_equal(config_parse_line("  \n", &c), 0);
	assert_int_equal(config_parse_line("", &c), 0);
	assert_int_equal(config_parse_line("04:00.0\n", &c), 1);
	assert_string_equal(w->bdf, "0000:04:00.0");
	assert_false(w->group || w->force || w->owner[0] || c.by_id);
	assert_int_equal(config_parse_line("0000:04:00.0 owner=me:kvm group force # x", &c), 1);
	assert_string_equal(w->owner, "me:kvm");
	assert_true(w->group && w->force);
	assert_int_equal(config_parse_line("8086:10D3\towner=me\r\n", &c), 1);
	assert_true(c.by_id && c.vendor == 0x8086 && c.device == 0x10d3);
	assert_string_equal(w->bdf, "");
	assert_string_equal(w->owner, "me");
	assert_int_equal(config_parse_line("card 04:00.0", &c), -1);
	assert_int_equal(config_parse_line("04:00.0 owner=", &c), -1);
	assert_int_equal(config_parse_line("04:00.0 05:00.0", &c), -1);
	assert_int_equal(config_parse_line("8086:10d", &c), -1);
	assert_int_equal(config_parse_line("8086:10d33", &c), -1);
	assert_int_equal(config_parse_line("8086-10d3", &c), -1);
	assert_int_equal(config_parse_line("80g6:10d3", &c), -1);
	memset(comment, 'x', sizeof(comment) - 1);
	comment[sizeof(comment) - 1] = '\0';
	assert_int_equal(config_parse_line(comment, &c), -1);
	memcpy(comment, "04:00.0 #", 9);
	assert_int_equal(config_parse_line(comment, &c), 1);
}

static void test_a_line_of_the_config_means_cards_by_address_or_kind(void **state)
{
	struct machine m = machine();
	struct config_line c;
	size_t i, n = 0;

	(void)state;
	config_parse_line(NIC, &c);
	for (i = 0; i < m.count; i++)
		assert_int_equal(config_means(&c, &m.fn[i]),
				 !strcmp(m.fn[i].bdf, NIC));
	snprintf(c.wish.bdf, sizeof(c.wish.bdf), "0000:77:00.0");
	for (i = 0; i < m.count; i++)
		assert_false(config_means(&c, &m.fn[i]));
	config_parse_line("0000:0000", &c);
	c.vendor = facts_find(&m, NIC)->vendor;
	c.device = facts_find(&m, NIC)->device;
	for (i = 0; i < m.count; i++)
		n += config_means(&c, &m.fn[i]);
	assert_true(n >= 1);
	assert_true(config_means(&c, facts_find(&m, NIC)));
	c.device ^= 1;
	for (i = 0; i < m.count; i++)
		assert_false(config_means(&c, &m.fn[i]));
	facts_free(&m);
}

static void test_json_is_well_formed_whatever_the_names_are(void **state)
{
	char *text = NULL;
	struct json j;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	json_start(&j, f);
	json_object(&j, NULL);
	json_string(&j, "a\"b", "c\\d\n\x01");
	json_array(&j, "n");
	json_end(&j);
	json_array(&j, "m");
	json_number(&j, NULL, UINT64_MAX);
	json_bool(&j, NULL, false);
	json_null(&j, NULL);
	json_end(&j);
	json_rate(&j, "r", 1.25);
	json_end(&j);
	fclose(f);
	assert_string_equal(text, "{\n  \"a\\\"b\": \"c\\\\d\\u000a\\u0001\",\n"
			    "  \"n\": [],\n  \"m\": [\n"
			    "    18446744073709551615,\n    false,\n    null\n  ],\n"
			    "  \"r\": 1.2\n}\n");
	free(text);
}

/* ---- facts and verdicts ------------------------------------------------------ */

static void test_facts_come_from_the_tree(void **state)
{
	struct machine m = machine();
	const struct fn *f = facts_find(&m, NIC);

	(void)state;
	assert_int_equal(m.count, 6);
	assert_true(m.driver_loaded);
	assert_string_equal(m.iommu, "amdvi");
	assert_true(f->caps_known);
	assert_int_equal(f->msix, 5);
	assert_int_equal(f->msi, 2);
	assert_true(f->intx);
	assert_int_equal(f->group, 3);
	assert_string_equal(f->driver, "e1000e");
	assert_string_equal(f->override, "");
	assert_string_equal(f->reset, "flr bus");
	assert_int_equal(f->bar[0].kind, BAR_MEM32);
	assert_int_equal(f->bar[0].size, 0x10000);
	assert_int_equal(f->bar[2].kind, BAR_IO);
	assert_int_equal(f->bar[2].size, 32);
	assert_non_null(strstr(f->line_users, TWIN0 " (e1000e)"));
	assert_null(strstr(f->line_users, EDU));
	assert_true(facts_find(&m, PORT)->bridge);
	facts_free(&m);
}

static void test_without_root_capabilities_are_unknown_not_absent(void **state)
{
	struct machine m;

	(void)state;
	add_function(NIC, 0x0200, 3, "e1000e", 64);
	m = machine();
	assert_false(facts_find(&m, NIC)->caps_known);
	assert_true(facts_find(&m, NIC)->intx);
	facts_free(&m);
}

static void test_each_verdict_says_why_and_how_to_fix(void **state)
{
	struct verdict v;

	(void)state;
	assert_int_equal(verdict(NIC, &v), VERDICT_ASSIGNABLE);
	assert_int_equal(verdict(PORT, &v), VERDICT_BRIDGE);
	assert_int_equal(verdict(ORPHAN, &v), VERDICT_NO_IOMMU);
	assert_int_equal(verdict(TWIN0, &v), VERDICT_GROUP);
	assert_non_null(strstr(v.why, TWIN1 " (driver e1000e)"));
	assert_non_null(strstr(v.why, "ACS"));
	assert_string_equal(v.fix, "bind the whole group: backplane bind --group " TWIN0);
	put("0x1003\n", DEV "/net/eth0/flags", NIC);
	assert_int_equal(verdict(NIC, &v), VERDICT_IN_USE);
	assert_non_null(strstr(v.why, "eth0"));
	put("0x1002\n", DEV "/net/eth0/flags", NIC);
	assert_int_equal(verdict(NIC, &v), VERDICT_ASSIGNABLE);
	put(NIC "\n", "/sys/class/iommu/amdvi0/amdvi/direct_interrupts");
	assert_int_equal(verdict(NIC, &v), VERDICT_DIRECT_IRQS);
	drive(NIC, DRIVER_NAME);
	assert_int_equal(verdict(NIC, &v), VERDICT_BOUND);
	put("quarantined\n", DEV "/backplane/%s/state", NIC, NIC);
	put("33\n", DEV "/backplane/%s/faults", NIC, NIC);
	assert_int_equal(verdict(NIC, &v), VERDICT_CUT_OFF);
	assert_non_null(strstr(v.why, "33"));
	assert_string_equal(v.fix, "backplane recover " NIC);
	put("broken\n", DEV "/backplane/%s/state", NIC, NIC);
	put("the card does not answer\n", DEV "/backplane/%s/reason", NIC, NIC);
	assert_int_equal(verdict(NIC, &v), VERDICT_CUT_OFF);
	assert_non_null(strstr(v.why, "does not answer"));
}

static void test_the_in_tree_driver_is_named_when_it_has_the_iommu(void **state)
{
	struct verdict v;

	(void)state;
	put("", "/sys/class/iommu/ivhd0/x");
	assert_int_equal(verdict(NIC, &v), VERDICT_NO_IOMMU);
	assert_non_null(strstr(v.fix, "amd_iommu=off"));
}

static void test_a_card_on_which_something_is_mounted_is_in_use(void **state)
{
	struct verdict v;

	(void)state;
	put("", "/sys/devices/pci0/%s/block/sda/size", EDU);
	link_to("../../devices/pci0/" EDU "/block/sda", "/sys/dev/block/8:0");
	put("30 1 8:0 / /srv rw - ext4 /dev/sda rw\n", "/proc/self/mountinfo");
	assert_int_equal(verdict(EDU, &v), VERDICT_IN_USE);
	assert_non_null(strstr(v.why, "/srv"));
}

static void test_list_shows_every_function_in_each_form(void **state)
{
	struct machine m = machine();
	char *text = NULL;
	struct json j;
	size_t size, i;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	json_start(&j, f);
	json_array(&j, NULL);
	list_head(f);
	for (i = 0; i < m.count; i++) {
		list_row(f, &m, &m.fn[i]);
		list_full(f, &m, &m.fn[i]);
		list_json(&j, &m, &m.fn[i]);
	}
	json_end(&j);
	fclose(f);
	assert_non_null(strstr(text, "msix:5 msi:2 intx"));
	assert_non_null(strstr(text, "0:mem32:64K 2:io:32"));
	assert_non_null(strstr(text, "\"verdict\": \"group\""));
	assert_non_null(strstr(text, "\"reset_methods\": \"flr bus\""));
	free(text);
	facts_free(&m);
}

/* ---- bind and release -------------------------------------------------------- */

static int bind_it(const char *bdf, bool group, bool force, const char *owner,
		   char *why)
{
	struct bind_wish w = { .group = group, .force = force };
	struct machine m = machine();
	int rc;

	strcpy(w.bdf, bdf);
	strcpy(w.owner, owner);
	rc = bind_card(&m, &w, why, 500);
	facts_free(&m);
	return rc;
}

static int release_group(const char *bdf, bool group, bool force, char *why)
{
	struct machine m = machine();
	int rc = release_card(&m, bdf, group, force, why, 500);

	facts_free(&m);
	return rc;
}

static int release_it(const char *bdf, bool force, char *why)
{
	return release_group(bdf, false, force, why);
}

static const char *driver_of(const char *bdf)
{
	static char driver[64];

	sys_link(driver, sizeof(driver), DEV "/driver", bdf);
	return driver;
}

static void test_bind_remembers_and_release_restores(void **state)
{
	char why[500] = "", override[64];

	(void)state;
	assert_int_equal(bind_it(NIC, false, false, "", why), 0);
	assert_string_equal(driver_of(NIC), DRIVER_NAME);
	assert_true(sys_exists("/run/backplane/%s", NIC));
	assert_int_equal(bind_it(NIC, false, false, "", why), 0);
	assert_int_equal(release_it(NIC, false, why), 0);
	assert_string_equal(driver_of(NIC), "e1000e");
	sys_read(override, sizeof(override), DEV "/driver_override", NIC);
	assert_string_equal(override, "");
	assert_false(sys_exists("/run/backplane/%s", NIC));
}

static void test_a_card_without_driver_has_none_afterwards(void **state)
{
	char why[500] = "";

	(void)state;
	assert_int_equal(bind_it(EDU, false, false, "", why), 0);
	assert_string_equal(driver_of(EDU), DRIVER_NAME);
	assert_int_equal(release_it(EDU, false, why), 0);
	assert_string_equal(driver_of(EDU), "");
}

static void test_a_former_override_comes_back(void **state)
{
	char why[500] = "", override[64];

	(void)state;
	put("vfio-pci\n", DEV "/driver_override", NIC);
	drive(NIC, "vfio-pci");
	assert_int_equal(bind_it(NIC, false, false, "", why), 0);
	assert_int_equal(release_it(NIC, false, why), 0);
	assert_string_equal(driver_of(NIC), "vfio-pci");
	sys_read(override, sizeof(override), DEV "/driver_override", NIC);
	assert_string_equal(override, "vfio-pci");
}

static void test_a_group_goes_together_or_not_at_all(void **state)
{
	char why[500] = "";

	(void)state;
	assert_int_equal(bind_it(TWIN0, false, false, "", why), EXIT_REFUSED);
	assert_non_null(strstr(why, TWIN1));
	assert_string_equal(driver_of(TWIN0), "e1000e");
	put("0x1003\n", DEV "/net/eth1/flags", TWIN1);
	assert_int_equal(bind_it(TWIN0, true, false, "", why), EXIT_REFUSED);
	assert_non_null(strstr(why, "eth1"));
	assert_int_equal(bind_it(TWIN0, true, true, "", why), 0);
	assert_string_equal(driver_of(TWIN0), DRIVER_NAME);
	assert_string_equal(driver_of(TWIN1), DRIVER_NAME);
	assert_int_equal(release_it(TWIN0, false, why), EXIT_REFUSED);
	assert_non_null(strstr(why, TWIN1));
	put("4711 qemu\n", DEV "/backplane/%s/holder", TWIN1, TWIN1);
	assert_int_equal(release_group(TWIN0, true, false, why), EXIT_REFUSED);
	assert_string_equal(driver_of(TWIN0), DRIVER_NAME);
	put("\n", DEV "/backplane/%s/holder", TWIN1, TWIN1);
	assert_int_equal(release_group(TWIN0, true, false, why), 0);
	assert_string_equal(driver_of(TWIN0), "e1000e");
	assert_string_equal(driver_of(TWIN1), "e1000e");
}

static void test_a_refusal_of_the_kernel_leaves_all_as_it_was(void **state)
{
	char why[500] = "";

	(void)state;
	stubborn = DRIVER_NAME;
	assert_int_equal(bind_it(TWIN0, true, false, "", why), EXIT_SYSTEM);
	assert_non_null(strstr(why, "dmesg"));
	assert_string_equal(driver_of(TWIN0), "e1000e");
	assert_string_equal(driver_of(TWIN1), "e1000e");
	assert_false(sys_exists("/run/backplane/%s", TWIN0));
}

static void test_what_must_not_be_bound_is_not(void **state)
{
	char why[500] = "";

	(void)state;
	assert_int_equal(bind_it("0000:77:00.0", false, false, "", why),
			 EXIT_NO_CARD);
	assert_int_equal(bind_it(PORT, false, true, "", why), EXIT_REFUSED);
	assert_int_equal(bind_it(ORPHAN, false, true, "", why), EXIT_REFUSED);
	assert_int_equal(bind_it(NIC, false, false, "nobody-of-this-name", why),
			 EXIT_USAGE);
	assert_string_equal(driver_of(NIC), "e1000e");
	put("0x1003\n", DEV "/net/eth0/flags", NIC);
	assert_int_equal(bind_it(NIC, false, false, "", why), EXIT_REFUSED);
	assert_non_null(strstr(why, "--force"));
	assert_int_equal(bind_it(NIC, false, true, "", why), 0);
}

static void test_a_card_in_use_is_released_only_by_force(void **state)
{
	char why[500] = "";

	(void)state;
	assert_int_equal(release_it(NIC, false, why), EXIT_REFUSED);
	assert_non_null(strstr(why, "e1000e"));
	assert_int_equal(bind_it(NIC, false, false, "", why), 0);
	put("4711 qemu\n", DEV "/backplane/%s/holder", NIC, NIC);
	assert_int_equal(release_it(NIC, false, why), EXIT_REFUSED);
	assert_non_null(strstr(why, "4711 (qemu)"));
	assert_string_equal(driver_of(NIC), DRIVER_NAME);
	assert_int_equal(release_it(NIC, true, why), 0);
	assert_string_equal(driver_of(NIC), "e1000e");
}

static void test_the_node_is_given_to_its_owner(void **state)
{
	char why[500] = "", owner[64], path[SYS_PATH];
	struct stat st;

	(void)state;
	snprintf(owner, sizeof(owner), "%u:%u", geteuid(), getegid());
	assert_int_equal(bind_it(NIC, false, false, owner, why), 0);
	sys_path(path, "/dev/backplane/" NIC);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, geteuid());
	assert_int_equal(st.st_mode & 0777, 0660);
}

/* ---- doctor ------------------------------------------------------------------ */

static struct health healthy(void)
{
	struct health h = {
		.amd = true, .svm = true, .npt = true, .ivrs = true,
		.cmdline = "quiet amd_iommu=off", .kept_out = true,
		.modules = " kvm_core svm iommu_amd pci_assign",
		.dev_kvm = true, .dev_kvm_usable = true,
		.memlock = UINT64_MAX, .functions = 3, .in_groups = 3,
	};

	return h;
}

static enum level level_of(const struct health *h, const struct machine *m,
			   const char *name)
{
	struct check c[DOCTOR_CHECKS];
	size_t n = doctor_judge(h, m, c), i;
	enum level found = LEVEL_OK;
	bool seen = false;

	for (i = 0; i < n; i++) {
		/* Whatever is wrong comes with a way to mend it. */
		if (c[i].level >= LEVEL_WARN)
			assert_true(c[i].fix[0]);
		assert_true(c[i].what[0]);
		if (!strcmp(c[i].name, name)) {
			found = c[i].level;
			seen = true;
		}
	}
	assert_true(seen);
	return found;
}

static void test_the_doctor_sees_what_is_wrong_and_says_how_to_mend_it(void **state)
{
	struct machine good = { .iommu = "amdvi", .driver_loaded = true };
	struct machine none = { .iommu = "" };
	struct check c[DOCTOR_CHECKS];
	struct health h = healthy();
	size_t n = doctor_judge(&h, &good, c), i;

	(void)state;
	for (i = 0; i < n; i++)
		assert_int_equal(c[i].level, LEVEL_OK);
#define WRONG(change, name, lvl) do {					\
	h = healthy();							\
	change;								\
	assert_int_equal(level_of(&h, &good, name), lvl);		\
} while (0)
	WRONG(h.amd = false, "cpu", LEVEL_FAIL);
	WRONG(h.svm = false, "cpu", LEVEL_FAIL);
	WRONG(h.npt = false, "nested-paging", LEVEL_FAIL);
	WRONG(h.la57 = true, "kernel", LEVEL_FAIL);
	WRONG(h.la57 = true; strcpy(h.cmdline, "a no5lvl"), "kernel", LEVEL_OK);
	WRONG(h.sme_on = true, "kernel", LEVEL_FAIL);
	WRONG(strcpy(h.lockdown, "none [integrity] confidentiality"), "kernel",
	      LEVEL_WARN);
	WRONG(strcpy(h.modules, " kvm kvm_amd"), "conflicts", LEVEL_FAIL);
	WRONG(h.kept_out = false, "conflicts", LEVEL_WARN);
	WRONG(h.direct_irqs = 1, "remapping", LEVEL_WARN);
	WRONG(strcpy(h.direct_ranges, "3"), "reserved-ranges", LEVEL_WARN);
	WRONG(strcpy(h.modules, " svm"), "modules", LEVEL_FAIL);
	WRONG(h.dev_kvm = false, "dev-kvm", LEVEL_FAIL);
	WRONG(h.dev_kvm_usable = false, "dev-kvm", LEVEL_WARN);
	WRONG(h.memlock = 8 << 20, "memlock", LEVEL_WARN);
	WRONG(h.memlock = 8 << 20; h.need = 1 << 30, "memlock", LEVEL_FAIL);
	WRONG(h.memlock = 2ULL << 30; h.need = 1 << 30, "memlock", LEVEL_OK);
	WRONG(h.quarantined = 1, "cards", LEVEL_WARN);
	h = healthy();
	assert_int_equal(level_of(&h, &none, "iommu"), LEVEL_FAIL);
	assert_int_equal(level_of(&h, &none, "modules"), LEVEL_FAIL);
	h.ivrs = false;
	assert_int_equal(level_of(&h, &none, "iommu"), LEVEL_FAIL);
}

static void test_the_doctor_reads_a_tree(void **state)
{
	struct machine m = machine();
	struct health h;

	(void)state;
	put("vendor_id\t: AuthenticAMD\nflags\t\t: fpu svm npt la57\n", "/proc/cpuinfo");
	put("a mem_encrypt=on\n", "/proc/cmdline");
	put("0\n", "/sys/module/kvm_core/refcnt");
	put("# x\nblacklist kvm_amd\n", "/etc/modprobe.d/b.conf");
	put("0xfee00000 0xfeefffff msi\n", "/sys/kernel/iommu_groups/1/reserved_regions");
	put("0x1000 0x1fff direct\n", "/sys/kernel/iommu_groups/9/reserved_regions");
	doctor_read(&h, &m, 0);
	assert_true(h.amd && h.svm && h.npt && h.la57 && h.sme_on && h.kept_out);
	assert_true(has_word(h.modules, "kvm_core"));
	assert_false(has_word(h.modules, "kvm"));
	assert_string_equal(h.direct_ranges, "9");
	assert_int_equal(h.functions, 6);
	assert_int_equal(h.in_groups, 5);
	assert_false(h.dev_kvm);
	facts_free(&m);
}

/* ---- status and top ------------------------------------------------------------ */

static void test_status_counts_and_top_divides(void **state)
{
	static struct live a, b;
	char *text = NULL;
	struct json j;
	size_t size;
	FILE *f;

	(void)state;
	drive(NIC, DRIVER_NAME);
	put("attached\n", DEV "/backplane/%s/state", NIC, NIC);
	put("77 qemu\n", DEV "/backplane/%s/holder", NIC, NIC);
	put("100\n", DEV "/backplane/%s/irqs_hard", NIC, NIC);
	put("", "/sys/class/backplane/%s", NIC);
	put("1000\n", "/sys/kernel/debug/kvm/exits");
	put("4\n", "/sys/class/iommu/amdvi0/amdvi/faults");
	put("qemu\n", "/proc/77/comm");
	put("VmRSS:\t 2048 kB\nVmPin:\t 1024 kB\n", "/proc/77/status");
	link_to("anon_inode:kvm-vm", "/proc/77/fd/9");
	link_to("anon_inode:kvm-vcpu", "/proc/77/fd/10");
	live_read(&a);
	assert_int_equal(a.vms, 1);
	assert_int_equal(a.vm[0].vcpus, 1);
	assert_int_equal(a.vm[0].pinned_kb, 1024);
	assert_int_equal(a.cards, 1);
	assert_true(a.exits_known);
	put("350\n", DEV "/backplane/%s/irqs_hard", NIC, NIC);
	put("6000\n", "/sys/kernel/debug/kvm/exits");
	live_read(&b);
	b.at_ms = a.at_ms + 500;
	f = open_memstream(&text, &size);
	json_start(&j, f);
	live_print(f, &a, NULL);
	live_print(f, &b, &a);
	live_json(&j, &b, &a);
	fclose(f);
	assert_non_null(strstr(text, "qemu[77]"));
	assert_non_null(strstr(text, "amdvi0 faults 4"));
	assert_non_null(strstr(text, "\"irqs_hard\": 500.0"));
	assert_non_null(strstr(text, "\"exits\": 10000.0"));
	free(text);
	assert_true(live_rate(5, 4, 100) == 0);
	assert_true(live_rate(1, 4, 0) == 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, make_tree, drop_tree)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_address_is_read_in_both_forms_and_nothing_else),
		cmocka_unit_test(test_a_size_has_a_unit_and_fits),
		cmocka_unit_test(test_sizes_are_written_for_people),
		cmocka_unit_test(test_a_line_of_the_config_is_understood_or_refused),
		cmocka_unit_test(test_json_is_well_formed_whatever_the_names_are),
		T(test_a_line_of_the_config_means_cards_by_address_or_kind),
		T(test_facts_come_from_the_tree),
		T(test_without_root_capabilities_are_unknown_not_absent),
		T(test_each_verdict_says_why_and_how_to_fix),
		T(test_the_in_tree_driver_is_named_when_it_has_the_iommu),
		T(test_a_card_on_which_something_is_mounted_is_in_use),
		T(test_list_shows_every_function_in_each_form),
		T(test_bind_remembers_and_release_restores),
		T(test_a_card_without_driver_has_none_afterwards),
		T(test_a_former_override_comes_back),
		T(test_a_group_goes_together_or_not_at_all),
		T(test_a_refusal_of_the_kernel_leaves_all_as_it_was),
		T(test_what_must_not_be_bound_is_not),
		T(test_a_card_in_use_is_released_only_by_force),
		T(test_the_node_is_given_to_its_owner),
		T(test_the_doctor_sees_what_is_wrong_and_says_how_to_mend_it),
		T(test_the_doctor_reads_a_tree),
		T(test_status_counts_and_top_divides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
