/* SPDX-License-Identifier: MIT */
/*
 * Stored states of a secure sum: a host's, a server's, a partial sum. What loads is saved as the
 * very bytes (a server's culprits are kept once each, so its second saving is held against the
 * first), and neither end stumbles over it when it goes on.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/secagg_host.h>
#include <tacit/secagg_server.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int sign(void *ctx, const void *data, size_t len, uint8_t *sig, size_t *ret_len)
{
	(void)ctx, (void)data, (void)len;
	memset(sig, 1, 8);
	*ret_len = 8;
	return 0;
}

static int verify_host(void *ctx, const uint8_t *id, const struct tacit_secagg_blob *cert,
		       const void *data, size_t len, const struct tacit_secagg_blob *sig)
{
	(void)ctx, (void)id, (void)cert, (void)data, (void)len, (void)sig;
	return 0;
}

static int verify_server(void *ctx, const void *data, size_t len,
			 const struct tacit_secagg_blob *sig)
{
	(void)ctx, (void)data, (void)len, (void)sig;
	return 0;
}

static const struct tacit_secagg_identity identity = {
	.sign = sign,
	.verify_host = verify_host,
	.verify_server = verify_server,
};

static void must_equal(const struct tacit_writer *writer, const uint8_t *data, size_t size)
{
	if (writer->failed || writer->len != size || memcmp(writer->data, data, size) != 0)
		abort();
}

static void feed_host(const uint8_t *data, size_t size)
{
	static const uint8_t seed[32];
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { .secret = true };
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = NULL;
	TACIT_CLEANUP(tacit_secagg_host_free_p) struct tacit_secagg_host *host = NULL;

	if (tacit_random_new(seed, &random) < 0)
		abort();
	if (tacit_secagg_host_load(&identity, random, data, size, &host) < 0)
		return;
	tacit_secagg_host_save(host, &writer);
	must_equal(&writer, data, size);
}

static void feed_server(const uint8_t *data, size_t size)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer first = { 0 };
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer second = { 0 };
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer message = { 0 };
	TACIT_CLEANUP(tacit_secagg_server_free_p) struct tacit_secagg_server *server = NULL;
	TACIT_CLEANUP(tacit_secagg_server_free_p) struct tacit_secagg_server *again = NULL;
	int r = 0;

	if (tacit_secagg_server_load(&identity, data, size, &server) < 0)
		return;
	tacit_secagg_server_save(server, &first);
	if (first.failed || tacit_secagg_server_load(&identity, first.data, first.len, &again) < 0)
		abort();
	tacit_secagg_server_save(again, &second);
	must_equal(&second, first.data, first.len);
	for (uint32_t i = 0; i < tacit_secagg_server_count(server) && i < 4; i++) {
		r |= tacit_secagg_server_roster(server, i, &message);
		r |= tacit_secagg_server_inbox(server, i, &message);
		r |= tacit_secagg_server_consents(server, i, &message);
	}
	(void)r; /* too early, or not */
	(void)tacit_secagg_server_missing(server);
}

static void feed_sum(const uint8_t *data, size_t size)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	TACIT_CLEANUP(tacit_secagg_sum_free_p) struct tacit_secagg_sum *sum = NULL;

	if (tacit_secagg_sum_load(data, size, &sum) < 0)
		return;
	tacit_secagg_sum_save(sum, &writer);
	must_equal(&writer, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	feed_host(data, size);
	feed_server(data, size);
	feed_sum(data, size);
	return 0;
}
