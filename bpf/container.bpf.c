/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* Cgroups made and tasks moved into them: how services and containers begin. */
#include "scope.bpf.h"

SEC("tp_btf/cgroup_mkdir")
int on_cgroup_make(__u64 *ctx)
{
	count(counters_of_current(), TACIT_FEATURE_CONTAINER_MAKE, 1);
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int on_cgroup_move(__u64 *ctx)
{
	count(counters_of_current(), TACIT_FEATURE_CONTAINER_MOVE, 1);
	return 0;
}
