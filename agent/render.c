/* SPDX-License-Identifier: MIT */
#include "render.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <tacit/clock.h>

#define LINE_BYTES 2048
#define PATH_PART  64

static const char *const styles[] = {
	[TACIT_STYLE_PLAIN] = "",	 [TACIT_STYLE_BOLD] = "\033[1m",
	[TACIT_STYLE_DIM] = "\033[2m",	 [TACIT_STYLE_GOOD] = "\033[32m",
	[TACIT_STYLE_WARN] = "\033[33m", [TACIT_STYLE_BAD] = "\033[31m",
};

/* C0 controls and DEL; and, in UTF-8, the C1 controls, U+0080..U+009F. */
static void defuse(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		if ((*c < ' ' && *c != '\n') || *c == 0x7f)
			*c = '?';
		else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
			c[0] = c[1] = '?';
	}
}

static void put_styled(const struct tacit_render *render, enum tacit_style style, const char *text)
{
	bool styled = render->colour && style != TACIT_STYLE_PLAIN;

	(void)fprintf(render->out, "%s%s%s", styled ? styles[style] : "", text,
		      styled ? "\033[0m" : "");
}

void tacit_render_put(const struct tacit_render *render, enum tacit_style style, const char *format,
		      ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	defuse(line);
	put_styled(render, style, line);
}

/* How much of @text fits into @room columns: up to the last space, or all of one long word. */
static size_t fit(const char *text, size_t room)
{
	size_t len = strcspn(text, "\n"), at;

	if (len <= room)
		return len;
	for (at = room; at > 0 && text[at] != ' '; at--)
		;
	return at > 0 ? at : strcspn(text, " \n");
}

void tacit_render_wrap(const struct tacit_render *render, enum tacit_style style, unsigned indent,
		       const char *text)
{
	size_t n = fit(text, TACIT_RENDER_COLUMNS - indent);

	tacit_render_put(render, style, "%.*s\n", (int)n, text);
	for (text += n; *(text += strspn(text, " \n")); text += n) {
		n = fit(text, TACIT_RENDER_COLUMNS - indent);
		tacit_render_put(render, style, "%*s%.*s\n", (int)indent, "", (int)n, text);
	}
}

void tacit_render_label(const struct tacit_render *render, const char *label)
{
	tacit_render_put(render, TACIT_STYLE_BOLD, "  %-*s", (int)TACIT_RENDER_INDENT - 2, label);
}

void tacit_render_bar(const struct tacit_render *render, double part, unsigned width)
{
	unsigned full = isnan(part) ? 0 : (unsigned)lround(fmin(fmax(part, 0), 1) * width);

	for (unsigned i = 0; i < width; i++)
		put_styled(render, i < full ? TACIT_STYLE_WARN : TACIT_STYLE_DIM,
			   i < full ? "#" : ".");
}

const char *tacit_render_count(json_int_t count, char text[TACIT_RENDER_TEXT])
{
	char digits[24];
	size_t n, at = 0;

	(void)snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, count < 0 ? 0 : count);
	n = strlen(digits);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
	return text;
}

const char *tacit_render_plural(json_int_t n)
{
	return n == 1 ? "" : "s";
}

const char *tacit_render_number(double value, char text[TACIT_RENDER_TEXT])
{
	double size = fabs(value);

	if (!isfinite(value))
		(void)snprintf(text, TACIT_RENDER_TEXT, "unbounded");
	else if (size >= 1e15)
		(void)snprintf(text, TACIT_RENDER_TEXT, "%.2e", value);
	else if (size >= 1000 && value > 0)
		return tacit_render_count((json_int_t)llround(value), text);
	else if (size >= 100)
		(void)snprintf(text, TACIT_RENDER_TEXT, "%.0f", value);
	else if (size >= 10)
		(void)snprintf(text, TACIT_RENDER_TEXT, "%.1f", value);
	else
		(void)snprintf(text, TACIT_RENDER_TEXT, size >= 0.01 ? "%.2f" : "%.2g", value);
	return text;
}

const char *tacit_render_bytes(json_int_t bytes, char text[TACIT_RENDER_TEXT])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = bytes < 0 ? 0 : (double)bytes;
	unsigned unit = 0;

	for (; value >= 1024 && unit < 4; unit++)
		value /= 1024;
	(void)snprintf(text, TACIT_RENDER_TEXT, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return text;
}

const char *tacit_render_span(int64_t ms, char text[TACIT_RENDER_TEXT])
{
	int64_t sec = ms < 0 ? 0 : ms / 1000;
	int64_t min = sec / 60, hours = min / 60, days = hours / 24;

	if (sec < 60)
		(void)snprintf(text, TACIT_RENDER_TEXT, "%" PRId64 " s", sec);
	else if (min < 60)
		(void)snprintf(text, TACIT_RENDER_TEXT, "%" PRId64 " min", min);
	else if (hours < 24)
		(void)snprintf(text, TACIT_RENDER_TEXT, "%" PRId64 " h %" PRId64 " min", hours,
			       min % 60);
	else
		(void)snprintf(text, TACIT_RENDER_TEXT, "%" PRId64 " d %" PRId64 " h", days,
			       hours % 24);
	return text;
}

int tacit_render_parse_time(const char *text, int64_t *ret)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int ms = 0, used = 0;
	time_t sec;

	if (!rest)
		return -EINVAL;
	if (*rest == '.') {
		/* NOLINTNEXTLINE(cert-err34-c): three digits cannot overflow */
		if (sscanf(rest, ".%3d%n", &ms, &used) != 1 || ms < 0 || used != 4)
			return -EINVAL;
		rest += used;
	}
	if (strcmp(rest, "Z") != 0)
		return -EINVAL;
	sec = timegm(&tm);
	*ret = (int64_t)sec * 1000 + ms;
	return 0;
}

const char *tacit_render_time(const json_t *time, char text[TACIT_RENDER_TEXT])
{
	const char *utc = json_string_value(time);
	int64_t ms;

	if (!utc || tacit_render_parse_time(utc, &ms) < 0)
		(void)snprintf(text, TACIT_RENDER_TEXT, "never");
	else
		tacit_clock_local(ms, text, TACIT_RENDER_TEXT);
	return text;
}

const char *tacit_render_since(const struct tacit_render *render, const json_t *time,
			       char text[TACIT_RENDER_TEXT])
{
	const char *utc = json_string_value(time);
	char span[TACIT_RENDER_TEXT];
	int64_t ms;

	if (!utc || tacit_render_parse_time(utc, &ms) < 0)
		(void)snprintf(text, TACIT_RENDER_TEXT, "never");
	else if (ms <= render->now_ms && render->now_ms - ms < 1000)
		(void)snprintf(text, TACIT_RENDER_TEXT, "just now");
	else if (ms <= render->now_ms)
		(void)snprintf(text, TACIT_RENDER_TEXT, "%.40s ago",
			       tacit_render_span(render->now_ms - ms, span));
	else
		(void)snprintf(text, TACIT_RENDER_TEXT, "in %.40s",
			       tacit_render_span(ms - render->now_ms, span));
	return text;
}

const json_t *tacit_render_at(const json_t *document, const char *path)
{
	char part[PATH_PART];

	while (document && *path) {
		size_t len = strcspn(path, ".");

		if (len >= sizeof(part))
			return NULL;
		memcpy(part, path, len);
		part[len] = '\0';
		document = json_object_get(document, part);
		path += len + (path[len] == '.');
	}
	return document;
}

const char *tacit_render_text_at(const json_t *document, const char *path)
{
	const char *text = json_string_value(tacit_render_at(document, path));

	return text ? text : "";
}

json_int_t tacit_render_int_at(const json_t *document, const char *path)
{
	return json_integer_value(tacit_render_at(document, path));
}

double tacit_render_real_at(const json_t *document, const char *path)
{
	return json_number_value(tacit_render_at(document, path));
}

bool tacit_render_is(const json_t *document, const char *path)
{
	return json_is_true(tacit_render_at(document, path));
}
