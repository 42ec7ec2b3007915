/* SPDX-License-Identifier: MIT */
#include <tacit/clock.h>

#include <stdio.h>
#include <time.h>

#define YEAR_10000_MS INT64_C(253402300800000)

static int64_t read_ms(clockid_t id)
{
	struct timespec now;

	if (clock_gettime(id, &now) != 0)
		return 0;
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t tacit_clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

int64_t tacit_clock_boot_ms(void)
{
	return read_ms(CLOCK_BOOTTIME);
}

void tacit_clock_rfc3339(int64_t wall_ms, char text[TACIT_RFC3339_LEN])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char date[24];
	struct tm tm;

	(void)snprintf(text, TACIT_RFC3339_LEN, "-");
	if (wall_ms < 0 || wall_ms >= YEAR_10000_MS || !gmtime_r(&seconds, &tm))
		return;
	if (strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return;
	(void)snprintf(text, TACIT_RFC3339_LEN, "%.19s.%03dZ", date, (int)(wall_ms % 1000));
}

void tacit_clock_local(int64_t wall_ms, char *text, unsigned size)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	if (wall_ms < 0 || wall_ms >= YEAR_10000_MS || !localtime_r(&seconds, &tm) ||
	    strftime(text, size, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		(void)snprintf(text, size, "-");
}
