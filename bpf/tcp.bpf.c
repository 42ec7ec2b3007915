/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* TCP connections: begun, refused, taken, closed, and what went wrong in between. */
#include "sketch.bpf.h"

/* The feature that a change of state stands for, or TACIT_FEATURE_COUNT. */
static __always_inline enum tacit_feature_id change_of(int from, int to)
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

/* Families are told apart by length: an IPv4 address is its 32 bits. */
static __always_inline __u64 peer_of(const struct sock *sk)
{
	const struct in6_addr *six = &sk->__sk_common.skc_v6_daddr;

	if (sk->__sk_common.skc_family != AF_INET6)
		return sk->__sk_common.skc_daddr;
	return mix((__u64)six->in6_u.u6_addr32[0] << 32 | six->in6_u.u6_addr32[1]) ^
	       ((__u64)six->in6_u.u6_addr32[2] << 32 | six->in6_u.u6_addr32[3]);
}

/* Not loopback, private, link-local, carrier-grade NAT, multicast or unset: RFC 6890. */
static __always_inline bool is_public4(__u32 address)
{
	__u32 a = address >> 24, b = address >> 16 & 0xff;

	return a != 0 && a != 10 && a != 127 && a < 224 && !(a == 172 && b >= 16 && b < 32) &&
	       !(a == 192 && b == 168) && !(a == 169 && b == 254) &&
	       !(a == 100 && b >= 64 && b < 128);
}

static __always_inline bool is_public(const struct sock *sk)
{
	const struct in6_addr *six = &sk->__sk_common.skc_v6_daddr;
	__u32 head = bpf_ntohl(six->in6_u.u6_addr32[0]);

	if (sk->__sk_common.skc_family == AF_INET)
		return is_public4(bpf_ntohl(sk->__sk_common.skc_daddr));
	if (sk->__sk_common.skc_family != AF_INET6)
		return false;
	if (head == 0 && six->in6_u.u6_addr32[1] == 0 &&
	    six->in6_u.u6_addr32[2] == bpf_htonl(0xffff))
		return is_public4(bpf_ntohl(six->in6_u.u6_addr32[3]));
	return head >> 29 == 1; /* 2000::/3, all that is assigned */
}

static __always_inline void count_connect(struct tacit_counters *to, __u32 slot,
					  const struct sock *sk)
{
	if (is_public(sk))
		count(to, TACIT_FEATURE_TCP_CONNECT_PUBLIC, 1);
	count_distinct(to, slot, TACIT_SKETCH_PEERS, TACIT_FEATURE_TCP_PEERS, peer_of(sk));
	count_distinct(to, slot, TACIT_SKETCH_PORTS, TACIT_FEATURE_TCP_PORTS,
		       sk->__sk_common.skc_dport);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state, const struct sock *sk, int from, int to)
{
	enum tacit_feature_id feature = change_of(from, to);
	struct tacit_counters *counters;
	__u32 slot;

	if (feature >= TACIT_FEATURE_COUNT || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	slot = slot_of(cgroup_of_sock(sk));
	counters = counters_at(slot);
	count(counters, feature, 1);
	if (feature == TACIT_FEATURE_TCP_CONNECT)
		count_connect(counters, slot, sk);
	else if (feature == TACIT_FEATURE_TCP_ACCEPT)
		count_distinct(counters, slot, TACIT_SKETCH_CLIENTS, TACIT_FEATURE_TCP_CLIENTS,
			       peer_of(sk));
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
