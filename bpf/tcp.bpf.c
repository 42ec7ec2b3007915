/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* TCP connections: begun, refused, taken, closed, and what went wrong in between. */
#include "scope.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* The feature that a change of state stands for, or TACIT_FEATURE_COUNT. */
static __always_inline enum tacit_feature_id feature_of(int from, int to)
{
	if (to == TCP_SYN_SENT)
		return TACIT_FEATURE_TCP_CONNECT;
	if (to == TCP_LISTEN)
		return TACIT_FEATURE_TCP_LISTEN;
	if (from == TCP_SYN_SENT && to == TCP_CLOSE)
		return TACIT_FEATURE_TCP_CONNECT_FAILED;
	if (from == TCP_SYN_SENT && to == TCP_ESTABLISHED)
		return TACIT_FEATURE_TCP_CONNECTED;
	if (from == TCP_SYN_RECV && to == TCP_ESTABLISHED)
		return TACIT_FEATURE_TCP_ACCEPT;
	if (from == TCP_ESTABLISHED)
		return TACIT_FEATURE_TCP_CLOSE;
	return TACIT_FEATURE_COUNT;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state, const struct sock *sk, int from, int to)
{
	enum tacit_feature_id feature = feature_of(from, to);

	if (feature < TACIT_FEATURE_COUNT && sk->sk_protocol == IPPROTO_TCP)
		count(counters_of_sock(sk), feature, 1);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(on_tcp_destroy, struct sock *sk)
{
	struct tacit_counters *to = counters_of_sock(sk);
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

	if (tcp) {
		count(to, TACIT_FEATURE_TCP_BYTES_SENT, tcp->bytes_sent);
		count(to, TACIT_FEATURE_TCP_BYTES_RECEIVED, tcp->bytes_received);
	}
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(on_tcp_retransmit, const struct sock *sk)
{
	count(counters_of_sock(sk), TACIT_FEATURE_TCP_RETRANSMIT, 1);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(on_tcp_send_reset, const struct sock *sk)
{
	count(counters_of_sock(sk), TACIT_FEATURE_TCP_RESET_SENT, 1);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(on_tcp_receive_reset, struct sock *sk)
{
	count(counters_of_sock(sk), TACIT_FEATURE_TCP_RESET_RECEIVED, 1);
	return 0;
}
