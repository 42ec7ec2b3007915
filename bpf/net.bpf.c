/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* Socket calls of any family, datagrams, and packets on their way out. */
#include "scope.bpf.h"

#define DNS_PORT      0x3500 /* 53, in network order */
#define DNS_BYTES_MAX 512    /* RFC 1035, section 2.3.4 */

static __always_inline void count_datagram(struct tacit_counters *to, struct sock *sk, int len)
{
	count(to, TACIT_FEATURE_UDP_SEND, 1);
	if (len <= DNS_BYTES_MAX)
		count(to, TACIT_FEATURE_UDP_SEND_SMALL, 1);
	if (sk->__sk_common.skc_dport == DNS_PORT)
		count(to, TACIT_FEATURE_UDP_SEND_DNS, 1);
}

/* Whoever calls is counted, not whoever made the socket: descriptors are handed over. */
SEC("tp_btf/sock_send_length")
int BPF_PROG(on_sock_send, struct sock *sk, int result)
{
	struct tacit_counters *to = counters_of_current();

	count(to, TACIT_FEATURE_NET_SEND_CALLS, 1);
	if (sk->sk_type == SOCK_RAW || sk->sk_type == SOCK_PACKET)
		count(to, TACIT_FEATURE_NET_SEND_RAW, 1);
	if (result >= 0)
		count(to, TACIT_FEATURE_NET_SEND_BYTES, result);
	else if (result != -EAGAIN)
		count(to, TACIT_FEATURE_NET_SEND_FAILED, 1);
	if (result >= 0 && sk->sk_protocol == IPPROTO_UDP)
		count_datagram(to, sk, result);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(on_sock_recv, struct sock *sk, int result)
{
	struct tacit_counters *to = counters_of_current();

	count(to, TACIT_FEATURE_NET_RECV_CALLS, 1);
	if (result >= 0)
		count(to, TACIT_FEATURE_NET_RECV_BYTES, result);
	else if (result != -EAGAIN)
		count(to, TACIT_FEATURE_NET_RECV_FAILED, 1);
	if (result >= 0 && sk->sk_protocol == IPPROTO_UDP)
		count(to, TACIT_FEATURE_UDP_RECV, 1);
	return 0;
}

SEC("tp_btf/udp_fail_queue_rcv_skb")
int BPF_PROG(on_udp_drop, int reason, struct sock *sk)
{
	count(counters_of_sock(sk), TACIT_FEATURE_UDP_DROP, 1);
	return 0;
}

SEC("tp_btf/net_dev_queue")
int BPF_PROG(on_net_tx, struct sk_buff *skb)
{
	struct tacit_counters *to = counters_of_sock(skb->sk);

	count(to, TACIT_FEATURE_NET_TX_PACKETS, 1);
	count(to, TACIT_FEATURE_NET_TX_BYTES, skb->len);
	return 0;
}
