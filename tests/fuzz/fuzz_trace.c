/* SPDX-License-Identifier: MIT */
/* Files of traces, plain or compressed: what is read makes sense, what is refused has a reason. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct tacit_traces *traces)
{
	for (size_t i = 0; i < tacit_traces_count(traces); i++) {
		const struct tacit_trace *trace = tacit_traces_at(traces, i);
		const uint16_t *call = tacit_traces_calls(traces, trace);

		if (trace->n == 0 || trace->label < 0 || trace->label > 1 || trace->name[0] == '\0')
			abort();
		for (size_t k = 0; k < trace->n; k++)
			if (call[k] > TACIT_TRACE_CALL_MAX)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TACIT_CLEANUP(tacit_traces_free_p) struct tacit_traces *traces = NULL;
	TACIT_AUTO_CLOSE int fd = memfd_create("traces", MFD_CLOEXEC);
	struct tacit_trace_where where = { 0 };

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	if (tacit_traces_read(fd, &traces, &where) == 0)
		check(traces);
	else if (where.why[0] == '\0')
		abort();
	return 0;
}
