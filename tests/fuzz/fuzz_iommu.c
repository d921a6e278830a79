// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target for what iommu-amd reads that others wrote: the IVRS table
 * (firmware) and event log entries (hardware, provoked by a guest). Whatever
 * the bytes, nothing is read outside them, ranges are ordered, phrases exist.
 *
 * libFuzzer's entry point; the first byte chooses the parser. For IVRS the
 * signature, length and checksum are repaired, or nothing would get past them.
 * The kept inputs, tests/fuzz/corpus/iommu.hex, are replayed by the unit test
 * test_iommu_corpus.c. With WITHOUT_LIBFUZZER it is a program of its own:
 * fuzz_iommu CORPUS RUNS replays the corpus and then mutates it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "iommu-amd/event.h"
#include "iommu-amd/ivrs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "violated: %s\n", what);
	abort();
}

static int on_range(void *ctx, const struct ivrs_unit *unit,
		    const struct ivrs_range *range)
{
	(void)ctx;
	require(unit->base != 0, "a unit has registers");
	require(range->first <= range->last, "a range is ordered");
	return 0;
}

static int on_named(void *ctx, const struct ivrs_unit *unit,
		    const struct ivrs_named *named)
{
	(void)ctx;
	(void)unit;
	require(memchr(named->hid, 0, sizeof(named->hid)), "a name ends");
	return 0;
}

static int on_memory(void *ctx, const struct ivrs_memory *memory)
{
	(void)ctx;
	require(memory->first <= memory->last, "devices are ordered");
	require(memory->start + memory->size > memory->start,
		"memory is not empty and does not wrap");
	return 0;
}

static void fuzz_ivrs(const uint8_t *data, size_t size)
{
	static const struct ivrs_ops ops = {
		.range = on_range, .named = on_named, .memory = on_memory,
	};
	const char *why = NULL;
	u8 *table, sum = 0;
	size_t i;
	int err;

	if (size < IVRS_HEADER_SIZE || size > 65535)
		return;
	table = malloc(size);
	if (!table)
		return;
	memcpy(table, data, size);
	memcpy(table, "IVRS", 4);
	table[4] = (u8)size;
	table[5] = (u8)(size >> 8);
	table[6] = table[7] = 0;
	table[9] = 0;
	for (i = 0; i < size; i++)
		sum = (u8)(sum + table[i]);
	table[9] = (u8)-sum;
	err = ivrs_parse(table, size, &ops, NULL, &why);
	require(err == 0 || err == -EINVAL, "parsed or refused");
	require(why && *why, "a reason is given");
	free(table);
}

static void fuzz_event(const uint8_t *data, size_t size)
{
	struct amdvi_fault fault;
	u64 raw[2];
	int err;

	if (size < sizeof(raw))
		return;
	memcpy(raw, data, sizeof(raw));
	err = event_decode(raw, 1, &fault);
	require((err == -EAGAIN) == !fault.code, "empty means code 0");
	if (err == -EAGAIN)
		return;
	require(fault.reason && *fault.reason, "a fault has a reason");
	require(event_access(&fault) && event_name(fault.code) &&
		event_advice(&fault), "a fault can be printed");
	require(err || !event_names_device(fault.code) ||
		fault.devid == (u16)raw[0], "the device is the one logged");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] & 1)
		fuzz_event(data + 1, size - 1);
	else
		fuzz_ivrs(data + 1, size - 1);
	return 0;
}

#ifdef WITHOUT_LIBFUZZER
#include "tests/fuzz/corpus.h"

static uint64_t seed = 1;

static uint32_t draw(uint32_t below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(seed >> 33) % below;
}

int main(int argc, char **argv)
{
	static struct corpus corpus;
	uint8_t input[CORPUS_MAX];
	long runs;

	if (argc != 3 || !corpus_read(argv[1], &corpus))
		return 2;
	for (runs = 0; runs < (long)corpus.n; runs++)
		LLVMFuzzerTestOneInput(corpus.data[runs], corpus.size[runs]);
	for (runs = strtol(argv[2], NULL, 0); runs > 0; runs--) {
		size_t at = draw((uint32_t)corpus.n), n = corpus.size[at], i;

		memcpy(input, corpus.data[at], n);
		for (i = 1 + draw(6); i; i--)
			input[draw((uint32_t)n)] = draw(3) ? (uint8_t)draw(256) :
						   (uint8_t)(1U << draw(8));
		LLVMFuzzerTestOneInput(input, n - draw(8) % n);
	}
	return 0;
}
#endif
