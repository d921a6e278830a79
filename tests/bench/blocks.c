// SPDX-License-Identifier: GPL-2.0
/*
 * A QEMU plugin that counts how often each block of instructions ran, for
 * tests/bench/profile. At the end it writes "ADDRESS COUNT" for each
 * instruction to the file given as out=PATH. One CPU only (-icount).
 */
#include <glib.h>
#include <inttypes.h>
#include <qemu-plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

#define MAX_BLOCKS	(4u << 20)

struct block {
	uint32_t n;
	uint64_t at[];		/* its instructions' addresses */
};

static struct qemu_plugin_scoreboard *counts;
static struct block **blocks;
static unsigned int nr_blocks;
static char *out;

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);
	qemu_plugin_u64 entry = { counts, nr_blocks * sizeof(uint64_t) };
	struct block *b;

	(void)id;
	if (nr_blocks == MAX_BLOCKS)
		return;
	b = g_malloc(sizeof(*b) + n * sizeof(b->at[0]));
	b->n = n;
	for (i = 0; i < n; i++)
		b->at[i] = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, i));
	blocks[nr_blocks++] = b;
	qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb,
		QEMU_PLUGIN_INLINE_ADD_U64, entry, 1);
}

static void finished(qemu_plugin_id_t id, void *unused)
{
	const uint64_t *count = qemu_plugin_scoreboard_find(counts, 0);
	FILE *f = fopen(out, "w");
	unsigned int i, j;

	(void)id;
	(void)unused;
	if (!f)
		return;
	for (i = 0; i < nr_blocks; i++)
		for (j = 0; count[i] && j < blocks[i]->n; j++)
			fprintf(f, "%" PRIx64 " %" PRIu64 "\n",
				blocks[i]->at[j], count[i]);
	fclose(f);
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id,
					   const qemu_info_t *info, int argc,
					   char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4))
		return -1;
	out = g_strdup(argv[0] + 4);
	blocks = calloc(MAX_BLOCKS, sizeof(*blocks));
	counts = qemu_plugin_scoreboard_new(MAX_BLOCKS * sizeof(uint64_t));
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, finished, NULL);
	return 0;
}
