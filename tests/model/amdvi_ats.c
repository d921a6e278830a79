// SPDX-License-Identifier: GPL-2.0
/*
 * What a card with a translation cache of its own may try (48882 2.1.4.5,
 * 2.5.9): it says that its address is translated already. Software that never
 * gave it the right to (I in the device table entry) must find it refused.
 */
#include "tests/model/amdvi_model.h"

#define DTE_I		BIT_ULL(32)	/* quad 1 */
#define PRETRANSLATED	1

bool model_translated(struct amdvi_model *m, u16 devid, hpa_t addr, bool write)
{
	struct model_request r = { .devid = devid, .write = write,
				   .addr = addr };

	if (!(m->control & AMDVI_CTRL_IOMMU_EN))
		return true;
	if (!model_fetch_dte(m, &r))
		return false;
	if ((r.dte[0] & DTE_V) && (r.dte[1] & DTE_I))
		return true;
	r.domain = 0;
	model_log_request(m, MODEL_INVALID_REQ, &r, MODEL_TYPE(PRETRANSLATED),
			  addr);
	return false;
}
