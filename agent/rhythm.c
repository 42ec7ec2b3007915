/* SPDX-License-Identifier: MIT */
#include "rhythm.h"

#include <math.h>

#include <tacit/mem.h>

#define FORMAT	  1U
#define HOUR_MS	  3600000
#define HOURS	  TACIT_RHYTHM_HOURS
#define FORGET	  5U /* weeks without an alarm after which an hour is as any other */
#define WEEKS_MIN 2U
#define WEEKS_MAX UINT8_MAX

/* Heights are logarithms of excesses, in 32ths: 2048 is beyond any. */
#define HEIGHT_UNIT 32.0
#define HEIGHT_MAX  2047.0
#define TOLERANCE   13 /* e^(13/32) = 1.5: how much higher than expected is still expected */
#define GROWTH	    7  /* 1.25: and what is expected may grow by in a week */

struct slot {
	uint32_t week;	  /* of the last alarm; those before are in height */
	uint16_t feature; /* that led */
	uint16_t height;  /* in earlier weeks */
	uint16_t now;	  /* in that week */
	uint8_t weeks;	  /* earlier ones with alarms */
};

struct tacit_rhythm {
	struct slot slot[HOURS];
};

int tacit_rhythm_new(struct tacit_rhythm **ret)
{
	struct tacit_rhythm *rhythm = TACIT_NEW(struct tacit_rhythm);

	if (!rhythm)
		return -ENOMEM;
	*ret = rhythm;
	return 0;
}

static uint16_t height_of(double excess)
{
	return (uint16_t)fmin(HEIGHT_UNIT * log(fmax(excess, 1)), HEIGHT_MAX);
}

/* Hours since the epoch; a clock before it is at it. */
static uint64_t hour_of(int64_t wall_ms)
{
	return wall_ms > 0 ? (uint64_t)wall_ms / HOUR_MS : 0;
}

/* @slot as it is in @week: what was the last week's is an earlier one's. */
static struct slot settled(struct slot slot, uint32_t week)
{
	uint32_t apart = week > slot.week ? week - slot.week : slot.week - week;

	if (apart > FORGET)
		return (struct slot){ .week = week };
	if (week <= slot.week)
		return slot;
	if (slot.now > 0) {
		slot.height = slot.weeks == 0 || slot.now < slot.height + GROWTH
				      ? slot.now
				      : (uint16_t)(slot.height + GROWTH);
		slot.weeks += slot.weeks < WEEKS_MAX;
	}
	slot.now = 0;
	slot.week = week;
	return slot;
}

void tacit_rhythm_note(struct tacit_rhythm *rhythm, int64_t wall_ms, double excess,
		       unsigned feature)
{
	uint64_t hour = hour_of(wall_ms);
	uint32_t week = (uint32_t)(hour / HOURS);
	struct slot *slot = &rhythm->slot[hour % HOURS];
	uint16_t height = (uint16_t)(height_of(excess) + 1); /* 0 is no alarm */

	*slot = settled(*slot, week);
	if (slot->feature != feature) {
		if (slot->weeks >= WEEKS_MIN)
			return; /* something else does not take the place of a habit */
		*slot = (struct slot){ .week = slot->week, .feature = (uint16_t)feature };
	}
	if (height > slot->now)
		slot->now = height;
}

static bool is_habit(struct slot slot, uint32_t week, double excess, unsigned feature)
{
	slot = settled(slot, week);
	return slot.weeks >= WEEKS_MIN && slot.feature == feature &&
	       height_of(excess) <= slot.height + TOLERANCE;
}

bool tacit_rhythm_expects(const struct tacit_rhythm *rhythm, int64_t wall_ms, double excess,
			  unsigned feature)
{
	uint64_t hour = hour_of(wall_ms);

	for (uint64_t near = hour > 0 ? hour - 1 : 0; near <= hour + 1; near++)
		if (is_habit(rhythm->slot[near % HOURS], (uint32_t)(near / HOURS), excess, feature))
			return true;
	return false;
}

void tacit_rhythm_save(const struct tacit_rhythm *rhythm, struct tacit_writer *writer)
{
	tacit_write_u8(writer, FORMAT);
	for (size_t i = 0; i < HOURS; i++) {
		const struct slot *slot = &rhythm->slot[i];

		tacit_write_u32le(writer, slot->week);
		tacit_write_u16le(writer, slot->feature);
		tacit_write_u16le(writer, slot->height);
		tacit_write_u16le(writer, slot->now);
		tacit_write_u8(writer, slot->weeks);
	}
}

int tacit_rhythm_load(struct tacit_reader *reader, struct tacit_rhythm **ret)
{
	TACIT_CLEANUP(tacit_rhythm_free_p) struct tacit_rhythm *rhythm = NULL;
	int r;

	if (tacit_read_u8(reader) != FORMAT)
		return TACIT_EDAMAGED;
	r = tacit_rhythm_new(&rhythm);
	if (r < 0)
		return r;
	for (size_t i = 0; i < HOURS; i++) {
		struct slot *slot = &rhythm->slot[i];

		slot->week = tacit_read_u32le(reader);
		slot->feature = tacit_read_u16le(reader);
		slot->height = tacit_read_u16le(reader);
		slot->now = tacit_read_u16le(reader);
		slot->weeks = tacit_read_u8(reader);
		if (reader->failed || slot->height > HEIGHT_MAX + 1 || slot->now > HEIGHT_MAX + 1)
			return TACIT_EDAMAGED;
	}
	*ret = TACIT_TAKE(rhythm);
	return 0;
}

void tacit_rhythm_free(struct tacit_rhythm *rhythm)
{
	tacit_free(rhythm);
}
