/* SPDX-License-Identifier: MIT */
/*
 * Time as three readings that are never mixed: wall milliseconds since 1970
 * (may jump, for people and certificates), monotonic milliseconds (for waiting)
 * and RFC 3339 text.
 */
#ifndef TACIT_CLOCK_H
#define TACIT_CLOCK_H

#include <stdint.h>

#include <tacit/error.h>

/* CLOCK_REALTIME, milliseconds since 1970-01-01T00:00:00Z. */
int64_t tacit_clock_wall_ms(void);

/* CLOCK_BOOTTIME, milliseconds; goes on during suspend, never jumps back. */
int64_t tacit_clock_boot_ms(void);

#define TACIT_RFC3339_LEN 25 /* "2026-11-23T23:59:59.999Z" and a NUL */

/* UTC with milliseconds; @wall_ms outside years 1970..9999 gives "-". */
void tacit_clock_rfc3339(int64_t wall_ms, char text[TACIT_RFC3339_LEN]);

/* Local time for people, "2026-11-23 23:59:59"; @text holds @size bytes. */
void tacit_clock_local(int64_t wall_ms, char *text, unsigned size);

#endif /* TACIT_CLOCK_H */
