// SPDX-License-Identifier: GPL-2.0
/*
 * backplane: the operator's command. This file parses the command line; the
 * commands are in cmd.c, the man page is backplane.8.
 */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "tools/backplane/cmd.h"
#include "tools/backplane/doctor.h"
#include "tools/backplane/sys.h"

const char *argp_program_version = "backplane 0.1";

static const char doc[] =
	"Give real PCI cards to virtual machines, and see what they do.\v"
	"Commands:\n"
	"  list [CARD...]     PCI functions: group, driver, interrupts, verdict\n"
	"  bind CARD...       give cards to pci-assign\n"
	"  release CARD...    give them back to their former driver\n"
	"  doctor             is this machine ready? each point with its fix\n"
	"  status             modules, VMs, cards, counters\n"
	"  top                the same as rates, again and again\n"
	"  recover CARD...    reset a quarantined or broken card\n\n"
	"CARD is a PCI address: 0000:04:00.0 or 04:00.0.\n"
	"Exit status: 0 fine; 1 the answer is no (doctor, list CARD); 2 usage; "
	"3 no such card; 4 refused; 5 root is needed; 6 the system failed.";

enum { KEY_SYSROOT = 256, KEY_FORCE, KEY_CONFIG };

static const struct argp_option argp_options[] = {
	{ "json", 'j', NULL, 0, "Output for machines", 0 },
	{ "verbose", 'v', NULL, 0, "list: everything known of each", 0 },
	{ "all", 'a', NULL, 0, "list: bridges too; release: every bound card", 0 },
	{ "group", 'g', NULL, 0, "bind, release: the whole IOMMU group", 0 },
	{ "force", KEY_FORCE, NULL, 0, "bind: although the host uses it; release: although a VM does", 0 },
	{ "owner", 'o', "USER[:GROUP]", 0, "bind: who may use the card", 0 },
	{ "config", KEY_CONFIG, "FILE", OPTION_ARG_OPTIONAL, "bind: what this file says (default /etc/backplane.conf)", 0 },
	{ "memory", 'm', "SIZE", 0, "doctor: could a guest of SIZE (4G) be pinned?", 0 },
	{ "interval", 'i', "SECONDS", 0, "top: time between two looks (default 1)", 0 },
	{ "count", 'n', "N", 0, "top: stop after N looks", 0 },
	{ "sysroot", KEY_SYSROOT, "DIR", 0, "Look at the /sys, /proc and /dev below DIR", 0 },
	{ 0 }
};

struct invocation {
	struct options o;
	const char *command;
	char *cards[64];
};

static error_t take_argument(struct invocation *in, char *arg,
			     struct argp_state *state)
{
	if (!in->command)
		in->command = arg;
	else if (in->o.cards < 64)
		in->cards[in->o.cards++] = arg;
	else
		argp_error(state, "too many cards");
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct invocation *in = state->input;
	struct options *o = &in->o;
	double seconds;

	switch (key) {
	case 'j': o->json = true; break;
	case 'v': o->verbose = true; break;
	case 'a': o->all = true; break;
	case 'g': o->group = true; break;
	case KEY_FORCE: o->force = true; break;
	case 'o': o->owner = arg; break;
	case KEY_CONFIG: o->config = arg ? arg : ""; break;
	case KEY_SYSROOT: sys_set_root(arg); break;
	case 'm':
		if (!size_parse(arg, &o->memory))
			argp_error(state, "'%s' is no size; write 512M or 4G", arg);
		break;
	case 'i':
		seconds = atof(arg);
		if (!(seconds >= 0.1 && seconds <= 3600))
			argp_error(state, "the interval is 0.1 to 3600 seconds");
		o->interval_ms = (unsigned int)(seconds * 1000);
		break;
	case 'n':
		o->count = (unsigned int)strtoul(arg, NULL, 10);
		if (!o->count)
			argp_error(state, "'%s' is no count", arg);
		break;
	case ARGP_KEY_ARG:
		return take_argument(in, arg, state);
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(const struct options *o);
	bool takes_cards;
} commands[] = {
	{ "list", cmd_list, true },
	{ "bind", cmd_bind, true },
	{ "release", cmd_release, true },
	{ "doctor", cmd_doctor, false },
	{ "status", cmd_status, false },
	{ "top", cmd_top, false },
	{ "recover", cmd_recover, true },
};

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = argp_options,
		.parser = parse,
		.args_doc = "COMMAND [CARD...]",
		.doc = doc,
	};
	struct invocation in = { .o.interval_ms = 1000 };
	size_t i;

	argp_err_exit_status = EXIT_USAGE;
	sys_set_root(getenv("BACKPLANE_SYSROOT"));
	argp_parse(&argp, argc, argv, 0, NULL, &in);
	in.o.card = in.cards;
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(in.command, commands[i].name))
			continue;
		if (in.o.cards && !commands[i].takes_cards)
			return complain(&in.o, EXIT_USAGE, "%s takes no card",
					in.command);
		return commands[i].run(&in.o);
	}
	return complain(&in.o, EXIT_USAGE, "there is no command '%s'; backplane --help lists them",
			in.command);
}
