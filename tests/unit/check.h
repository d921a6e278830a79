/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every unit test includes first: cmocka with the headers it wants, in
 * the order it wants them, and the pure world's env.h.
 *
 * A unit test is tests/unit/test_<unit>.c with functions test_<sentence>, and
 * a main that ends in `return cmocka_run_group_tests(tests, NULL, NULL);`.
 * `make unit` links it with the pure objects and reads its TAP.
 */
#ifndef BACKPLANE_TESTS_CHECK_H
#define BACKPLANE_TESTS_CHECK_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "env.h"

#endif
