// SPDX-License-Identifier: GPL-2.0
/*
 * Event decoding (48882 2.5) for fault_linux.c. An entry is two quads: who,
 * flags and code in the first, an address in the second. What the flags mean
 * depends on the code; a flag that the code does not define is not reported.
 */
#include "iommu-amd/event.h"

struct event_kind {
	const char *name;
	u64 flags;	/* EVT_* bits that the code defines */
	bool device;	/* names a device */
	bool domain;	/* carries a domain id */
	bool halts;	/* command processing has stopped */
};

static const struct event_kind event_kinds[] = {
	[AMDVI_EV_ILLEGAL_DEV_TABLE] = {
		.name = "illegal_dev_table_entry", .device = true,
		.flags = EVT_I | EVT_RW | EVT_RZ | EVT_TR },
	[AMDVI_EV_IO_PAGE_FAULT] = {
		.name = "io_page_fault", .device = true, .domain = true,
		.flags = EVT_I | EVT_PR | EVT_RW | EVT_PE | EVT_RZ | EVT_TR },
	[AMDVI_EV_DEV_TAB_HW_ERROR] = {
		.name = "dev_tab_hardware_error", .device = true,
		.flags = EVT_I | EVT_RW | EVT_TR },
	[AMDVI_EV_PAGE_TAB_HW_ERROR] = {
		.name = "page_tab_hardware_error", .device = true,
		.domain = true, .flags = EVT_I | EVT_RW | EVT_TR },
	[AMDVI_EV_ILLEGAL_COMMAND] = {
		.name = "illegal_command_error", .halts = true },
	[AMDVI_EV_COMMAND_HW_ERROR] = {
		.name = "command_hardware_error", .halts = true },
	[AMDVI_EV_IOTLB_INV_TIMEOUT] = {
		.name = "iotlb_inv_timeout", .device = true },
	[AMDVI_EV_INVALID_DEVICE_REQUEST] = {
		.name = "invalid_device_request", .device = true,
		.flags = EVT_I | EVT_RW | EVT_TR },
};

static const struct event_kind *event_kind(u8 code)
{
	if (code >= ARRAY_SIZE(event_kinds) || !event_kinds[code].name)
		return NULL;
	return &event_kinds[code];
}

static const char *event_page_fault_reason(const struct amdvi_fault *f, bool pe)
{
	if (f->reserved_bits)
		return "a table entry is malformed";
	if (f->interrupt)
		return f->present ? "the interrupt entry does not permit it" :
				    "no such interrupt was given to the card";
	if (!f->present)
		return "the address is not mapped for the card";
	if (pe)
		return "the page does not permit this access";
	return "the page is mapped, the access was refused";
}

static const char *event_reason(const struct amdvi_fault *f, bool pe)
{
	switch (f->code) {
	case AMDVI_EV_ILLEGAL_DEV_TABLE:
		return "the card's device table entry is malformed";
	case AMDVI_EV_IO_PAGE_FAULT:
		return event_page_fault_reason(f, pe);
	case AMDVI_EV_DEV_TAB_HW_ERROR:
		return "the device table could not be read";
	case AMDVI_EV_PAGE_TAB_HW_ERROR:
		return "the card's page table could not be read";
	case AMDVI_EV_ILLEGAL_COMMAND:
		return "the unit met a command it does not know";
	case AMDVI_EV_COMMAND_HW_ERROR:
		return "the command ring could not be read";
	case AMDVI_EV_IOTLB_INV_TIMEOUT:
		return "the card did not answer an invalidation";
	case AMDVI_EV_INVALID_DEVICE_REQUEST:
		return "the card used an address or a request that no card may";
	}
	return "an event this driver does not know";
}

int event_decode(const u64 raw[2], u16 segment, struct amdvi_fault *out)
{
	u8 code = (u8)FIELD_GET(EVT_CODE, raw[0]);
	const struct event_kind *kind = event_kind(code);
	u64 flags = kind ? raw[0] & kind->flags : 0;

	*out = (struct amdvi_fault){ .code = code, .segment = segment,
				     .addr = raw[1] };
	if (!code)
		return -EAGAIN;
	if (!kind || kind->device)
		out->devid = (u16)FIELD_GET(EVT_DEVID, raw[0]);
	if (kind && kind->domain)
		out->domain_id = (u16)FIELD_GET(EVT_DOMAIN, raw[0]);
	out->write = flags & EVT_RW;
	out->present = flags & EVT_PR;
	out->interrupt = flags & EVT_I;
	out->translation = flags & EVT_TR;
	/* 2.5.3: RZ means something only if the entry was present. */
	out->reserved_bits = (flags & EVT_RZ) &&
			     (out->present || code != AMDVI_EV_IO_PAGE_FAULT);
	out->reason = event_reason(out, flags & EVT_PE);
	return kind ? 0 : -ENOENT;
}

bool event_names_device(u8 code)
{
	const struct event_kind *kind = event_kind(code);

	return kind && kind->device;
}

bool event_halts_commands(u8 code)
{
	const struct event_kind *kind = event_kind(code);

	return kind && kind->halts;
}

const char *event_access(const struct amdvi_fault *fault)
{
	if (!event_names_device(fault->code))
		return "command";
	if (fault->code == AMDVI_EV_IOTLB_INV_TIMEOUT)
		return "invalidation";
	if (fault->interrupt)
		return "interrupt";
	if (fault->translation)
		return "translation request";
	return fault->write ? "DMA write" : "DMA read";
}

const char *event_name(u8 code)
{
	const struct event_kind *kind = event_kind(code);

	return kind ? kind->name : "unknown_event";
}

const char *event_advice(const struct amdvi_fault *fault)
{
	switch (fault->code) {
	case AMDVI_EV_IO_PAGE_FAULT:
	case AMDVI_EV_INVALID_DEVICE_REQUEST:
		return "its driver or guest gave it a wrong address, or the card misbehaves: reset it or take it away";
	case AMDVI_EV_IOTLB_INV_TIMEOUT:
		return "reset the card";
	case AMDVI_EV_ILLEGAL_DEV_TABLE:
	case AMDVI_EV_DEV_TAB_HW_ERROR:
	case AMDVI_EV_PAGE_TAB_HW_ERROR:
		return "memory error or a bug in iommu-amd: do not trust the card's last transfers, please report";
	}
	return "memory error or a bug in iommu-amd: please report";
}
