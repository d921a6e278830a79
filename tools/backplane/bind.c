// SPDX-License-Identifier: GPL-2.0
/*
 * Binding by driver_override, the kernel's documented way: remember, override,
 * unbind, probe, check. Called by `bind` and `release`; the rules are
 * verdict.c's, the kernel's answer is final.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/backplane/bind.h"
#include "tools/backplane/cmd.h"
#include "tools/backplane/sys.h"
#include "tools/backplane/verdict.h"

#define PCI "/sys/bus/pci"
#define MEMORY "/run/backplane"
#define NODE_WAIT_MS 2000

__attribute__((format(printf, 4, 5)))
static int refuse(int code, char *why, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, size, fmt, args);
	va_end(args);
	return code;
}

/* ---- the owner of the node ------------------------------------------------ */

static bool number(const char *text, unsigned int *id)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	*id = (unsigned int)strtoul(text, &end, 10);
	return !*end;
}

/* UINT_MAX means "leave it", as chown() has it. */
static bool find_owner(const char *owner, uid_t *uid, gid_t *gid)
{
	const char *colon = strchrnul(owner, ':');
	char user[80];
	struct passwd *pw;
	struct group *gr;

	*uid = (uid_t)-1;
	*gid = (gid_t)-1;
	snprintf(user, sizeof(user), "%.*s", (int)(colon - owner), owner);
	if (user[0] && !number(user, uid)) {
		pw = getpwnam(user);
		if (!pw)
			return false;
		*uid = pw->pw_uid;
	}
	if (*colon && !number(colon + 1, gid)) {
		gr = getgrnam(colon + 1);
		if (!gr)
			return false;
		*gid = gr->gr_gid;
	}
	return true;
}

static int own_node(const char *bdf, const char *owner, char *why, size_t size)
{
	char path[SYS_PATH];
	unsigned int ms;
	uid_t uid;
	gid_t gid;

	if (!owner[0] || !find_owner(owner, &uid, &gid))
		return 0;
	sys_path(path, "/dev/backplane/%s", bdf);
	for (ms = 0; access(path, F_OK) && ms < NODE_WAIT_MS; ms += 20)
		usleep(20000);
	if (chown(path, uid, gid) ||
	    chmod(path, gid == (gid_t)-1 ? 0600 : 0660))
		return refuse(EXIT_SYSTEM, why, size, "%s cannot be given to %s: %s",
			      path, owner, strerror(errno));
	return 0;
}

/* ---- memory of the former driver ------------------------------------------ */

static int remember(const struct fn *f)
{
	char path[SYS_PATH];
	FILE *out;

	sys_path(path, MEMORY);
	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	sys_path(path, MEMORY "/%s", f->bdf);
	out = fopen(path, "we");
	if (!out)
		return -errno;
	fprintf(out, "driver=%s\noverride=%s\n", f->driver, f->override);
	return fclose(out) ? -errno : 0;
}

static bool recall(const char *bdf, char driver[64], char override[64])
{
	FILE *in = sys_open(MEMORY "/%s", bdf);
	char line[128];

	driver[0] = override[0] = '\0';
	while (in && fgets(line, sizeof(line), in)) {
		sscanf(line, "driver=%63[^\n]", driver);
		sscanf(line, "override=%63[^\n]", override);
	}
	if (in)
		fclose(in);
	return in != NULL;
}

static void forget(const char *bdf)
{
	char path[SYS_PATH];

	sys_path(path, MEMORY "/%s", bdf);
	unlink(path);
}

/* ---- one function --------------------------------------------------------- */

static void current_driver(const char *bdf, char driver[64])
{
	sys_link(driver, 64, PCI "/devices/%s/driver", bdf);
}

static int unbind(const char *bdf)
{
	char driver[64];

	current_driver(bdf, driver);
	return driver[0] ? sys_write(bdf, PCI "/devices/%s/driver/unbind", bdf)
			 : 0;
}

/* An empty override is written as a newline. */
static int set_override(const char *bdf, const char *driver)
{
	return sys_write(driver[0] ? driver : "\n",
			 PCI "/devices/%s/driver_override", bdf);
}

/* Give it to @driver (empty: to nobody); by itself or with a push. */
static bool settle(const char *bdf, const char *override, const char *driver)
{
	char now[64];

	unbind(bdf);
	set_override(bdf, override);
	if (!driver[0])
		return true;
	sys_write(bdf, PCI "/drivers_probe");
	current_driver(bdf, now);
	if (!now[0]) {
		sys_write(bdf, PCI "/drivers/%s/bind", driver);
		current_driver(bdf, now);
	}
	return !strcmp(now, driver);
}

static int move(const struct fn *f, char *why, size_t size)
{
	char now[64];
	int err = remember(f);

	if (err)
		return refuse(EXIT_SYSTEM, why, size, "the former driver of %s cannot be noted in " MEMORY ": %s",
			      f->bdf, strerror(-err));
	err = set_override(f->bdf, DRIVER_NAME);
	if (!err)
		err = unbind(f->bdf);
	if (!err)
		err = sys_write(f->bdf, PCI "/drivers_probe");
	current_driver(f->bdf, now);
	if (!strcmp(now, DRIVER_NAME))
		return 0;
	return refuse(EXIT_SYSTEM, why, size, "pci-assign did not take %s%s%s; the kernel log says why (dmesg | grep %s)",
		      f->bdf, err ? ": " : "", err ? strerror(-err) : "",
		      f->bdf);
}

/* ---- bind ------------------------------------------------------------------ */

static int may_bind(const struct machine *m, const struct fn *f,
		    const struct bind_wish *w, char *why, size_t size)
{
	struct verdict v;

	verdict_of(m, f, &v);
	if (v.code == VERDICT_ASSIGNABLE || v.code == VERDICT_BOUND ||
	    v.code == VERDICT_CUT_OFF)
		return 0;
	if (v.code == VERDICT_IN_USE && w->force)
		return 0;
	if (v.code == VERDICT_GROUP && w->group)
		return f->uses[0] && !w->force ?
		       refuse(EXIT_REFUSED, why, size, "%s: the host uses it: %s; stop that, or add --force",
			      f->bdf, f->uses) : 0;
	return refuse(EXIT_REFUSED, why, size, "%s: %s%s%s", f->bdf, v.why,
		      v.fix[0] ? "; " : "", v.fix);
}

static size_t targets(const struct machine *m, const struct fn *f,
		      const struct bind_wish *w, const struct fn **out)
{
	out[0] = f;
	return 1 + (w->group ? verdict_companions(m, f, out + 1,
						  BIND_MAX - 1) : 0);
}

static int check(const struct machine *m, const struct fn **list, size_t n,
		 const struct bind_wish *w, char *why, size_t size)
{
	uid_t uid;
	gid_t gid;
	size_t i;
	int rc;

	if (!m->driver_loaded)
		return refuse(EXIT_REFUSED, why, size, "pci-assign is not loaded: modprobe pci-assign");
	if (w->owner[0] && !find_owner(w->owner, &uid, &gid))
		return refuse(EXIT_USAGE, why, size, "there is no user or group '%s'",
			      w->owner);
	for (i = 0; i < n; i++) {
		rc = may_bind(m, list[i], w, why, size);
		if (rc)
			return rc;
	}
	return geteuid() == 0 || !sys_is_real() ? 0 :
	       refuse(EXIT_NEEDS_ROOT, why, size, "binding a card needs root");
}

int bind_card(const struct machine *m, const struct bind_wish *w, char *why,
	      size_t size)
{
	const struct fn *f = facts_find(m, w->bdf), *list[BIND_MAX];
	size_t n, i;
	int rc;

	if (!f)
		return refuse(EXIT_NO_CARD, why, size, "there is no card %s: backplane list shows those there are",
			      w->bdf);
	n = targets(m, f, w, list);
	rc = check(m, list, n, w, why, size);
	if (rc)
		return rc;
	/* The group must be free of other drivers before its first probe. */
	for (i = 0; i < n; i++)
		if (strcmp(list[i]->driver, DRIVER_NAME))
			unbind(list[i]->bdf);
	for (i = 0; i < n && !rc; i++)
		if (strcmp(list[i]->driver, DRIVER_NAME))
			rc = move(list[i], why, size);
	for (i = 0; i < n && !rc; i++)
		rc = own_node(list[i]->bdf, w->owner, why, size);
	for (i = 0; i < n && rc; i++) {
		if (!strcmp(list[i]->driver, DRIVER_NAME))
			continue;
		settle(list[i]->bdf, list[i]->override, list[i]->driver);
		forget(list[i]->bdf);
	}
	return rc;
}

/* ---- release --------------------------------------------------------------- */

static bool is_ours(const struct fn *f)
{
	return !strcmp(f->driver, DRIVER_NAME);
}

static int may_release(const struct fn *f, bool force, char *why, size_t size)
{
	if (!is_ours(f))
		return refuse(EXIT_REFUSED, why, size, "%s is not bound to pci-assign (its driver: %s)",
			      f->bdf, f->driver[0] ? f->driver : "none");
	if (f->card.holder && !force)
		return refuse(EXIT_REFUSED, why, size, "%s is in use by process %llu (%s); end that, device_del it, or take it away with --force",
			      f->bdf, (unsigned long long)f->card.holder,
			      f->card.holder_name);
	return 0;
}

/*
 * f and those of its group that go with it. A host driver cannot have one
 * function of a group while another may be a VM's.
 */
static int gather(const struct machine *m, const struct fn *f, bool group,
		  const struct fn **list, size_t *n, char *why, size_t size)
{
	const struct fn *other[BIND_MAX];
	size_t count = verdict_companions(m, f, other, BIND_MAX - 1), i;

	*n = 0;
	list[(*n)++] = f;
	for (i = 0; i < count; i++) {
		if (!is_ours(other[i]))
			continue;
		if (!group)
			return refuse(EXIT_REFUSED, why, size, "%s of its IOMMU group stays bound to pci-assign, so that no host driver can have %s; backplane release --group %s",
				      other[i]->bdf, f->bdf, f->bdf);
		list[(*n)++] = other[i];
	}
	return 0;
}

static int give_back(const char *bdf, char *why, size_t size)
{
	char driver[64], override[64];

	if (!recall(bdf, driver, override)) {	/* bound by another hand */
		set_override(bdf, "");
		sys_write(bdf, PCI "/drivers_probe");
	} else if (!settle(bdf, override, driver)) {
		return refuse(EXIT_SYSTEM, why, size, "%s left pci-assign, but its former driver %s did not take it back: modprobe %s, then echo %s >" PCI "/drivers_probe",
			      bdf, driver, driver, bdf);
	}
	forget(bdf);
	return 0;
}

int release_card(const struct machine *m, const char *bdf, bool group,
		 bool force, char *why, size_t size)
{
	const struct fn *f = facts_find(m, bdf), *list[BIND_MAX];
	size_t n, i;
	int rc, one;

	if (!f)
		return refuse(EXIT_NO_CARD, why, size, "there is no card %s: backplane list shows those there are",
			      bdf);
	rc = may_release(f, force, why, size);
	if (!rc)
		rc = gather(m, f, group, list, &n, why, size);
	for (i = 1; !rc && i < n; i++)
		rc = may_release(list[i], force, why, size);
	if (rc)
		return rc;
	if (geteuid() && sys_is_real())
		return refuse(EXIT_NEEDS_ROOT, why, size, "releasing a card needs root");
	for (i = 0; i < n; i++)
		unbind(list[i]->bdf);
	for (i = 0; i < n; i++) {
		one = give_back(list[i]->bdf, why, size);
		rc = rc ? rc : one;
	}
	return rc;
}
