/* SPDX-License-Identifier: GPL-2.0 */
/* list: PCI functions as a table, in full, or as JSON. Pure. */
#ifndef BACKPLANE_TOOL_LIST_H
#define BACKPLANE_TOOL_LIST_H

#include "tools/backplane/facts.h"
#include "tools/backplane/out.h"

void list_head(FILE *f);
void list_row(FILE *f, const struct machine *m, const struct fn *fn);
void list_full(FILE *f, const struct machine *m, const struct fn *fn);
void list_json(struct json *j, const struct machine *m, const struct fn *fn);

#endif
