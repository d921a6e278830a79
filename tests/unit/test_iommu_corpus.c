// SPDX-License-Identifier: GPL-2.0
/* Replays what fuzzing iommu-amd's parsers has kept. */
#include "tests/unit/check.h"
#include "tests/fuzz/corpus.h"
#include "tests/fuzz/fuzz_iommu.c"

static void test_every_kept_input_keeps_the_promises(void **state)
{
	static struct corpus c;
	size_t i;

	(void)state;
	assert_true(corpus_read("tests/fuzz/corpus/iommu.hex", &c));
	assert_true(c.n > 50);
	/* A violated promise aborts; a read outside is the sanitizer's. */
	for (i = 0; i < c.n; i++) {
		uint8_t *exact = malloc(c.size[i]);

		memcpy(exact, c.data[i], c.size[i]);
		assert_int_equal(LLVMFuzzerTestOneInput(exact, c.size[i]), 0);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kept_input_keeps_the_promises),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
