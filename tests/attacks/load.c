/* SPDX-License-Identifier: MIT */
/* load: tries to load a kernel module and a BPF program without the right to. Says "refused" when
 * the kernel refused both. */
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TIMES 10

static int load_module(void)
{
	static char image[] = "no module at all";

	return (int)syscall(SYS_init_module, image, sizeof(image), "");
}

/* r0 = 0; exit, for a tracepoint. */
static int load_program(void)
{
	static const struct bpf_insn code[] = { { .code = 0xb7 }, { .code = 0x95 } };
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_TRACEPOINT,
		.insn_cnt = 2,
		.insns = (uintptr_t)code,
		.license = (uintptr_t) "GPL",
	};

	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

int main(void)
{
	for (int i = 0; i < TIMES; i++) {
		if (load_module() >= 0 || load_program() >= 0)
			return 1;
		(void)usleep(100000);
	}
	(void)puts("refused");
	return 0;
}
