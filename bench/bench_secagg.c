/* SPDX-License-Identifier: MIT */
/*
 * A secure sum of 10,000 numbers over 1,000 hosts, a tenth of which goes away after sharing: what
 * each host and the server compute, all but identity signatures, which have a row of their own. The
 * peer is AES-CTR alone: the key streams that no such protocol can do without.
 *
 * And how noisy such a sum is, against what it should be, to a fifth of a percent.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>

#include <tacit/protect.h>
#include <tacit/secagg_host.h>
#include <tacit/secagg_server.h>

#include "privacy/digest.h"
#include "privacy/mask.h"
#include "timing.h"

#define HOSTS	1000U
#define DIMS	10000U
#define DROPS	100U
#define UNMASKS 5U

#define NOISE_DIMS    131072U /* 1 / sqrt(2 d): 0.2 % */
#define NOISE_OFF_MAX 0.01    /* five times that is no accident */

struct fleet {
	struct tacit_random *random;
	struct tacit_secagg_identity identity[HOSTS];
	struct tacit_secagg_host *host[HOSTS];
	struct tacit_secagg_step step[HOSTS];
	uint32_t index[HOSTS];
	double host_ns[HOSTS], serve_ns[HOSTS];
	struct tacit_secagg_server *server;
	struct tacit_secagg_sum *sum;
	uint32_t value[DIMS], expected[DIMS], result[DIMS];
};

static void must(int r)
{
	if (r < 0) {
		(void)fprintf(stderr, "bench_secagg: %s\n", tacit_strerror(r));
		exit(EXIT_FAILURE);
	}
}

/* Nobody is doubted here. */
static int sign(void *ctx, const void *data, size_t len, uint8_t *sig, size_t *ret_len)
{
	(void)ctx, (void)data, (void)len;
	memset(sig, 1, 72);
	*ret_len = 72;
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

static void start(struct fleet *fleet, const struct tacit_secagg_threat *threat)
{
	static const uint8_t beacon[32];
	struct tacit_secagg_config config = {
		.round = 1,
		.dimensions = DIMS,
		.hosts_min = HOSTS,
		.threat = *threat,
		.clip_norm = 1,
		.scale_bits = 16,
		.phase_sec = { 1, 1, 1, 1, 1 },
	};
	const struct tacit_secagg_identity nobody = { .sign = sign,
						      .verify_host = verify_host,
						      .verify_server = verify_server };

	must(tacit_random_new(NULL, &fleet->random));
	must(tacit_digest_of(config.beacon, { beacon, sizeof(beacon) }));
	must(tacit_secagg_server_new(&nobody, &config, &fleet->server));
	for (uint32_t i = 0; i < HOSTS; i++) {
		fleet->identity[i] = nobody;
		tacit_random_bytes(fleet->random, fleet->identity[i].id, TACIT_SECAGG_ID_LEN);
		must(tacit_secagg_host_new(&fleet->identity[i], fleet->random, &fleet->host[i]));
	}
}

static void write_message(const struct fleet *fleet, uint32_t i, int phase,
			  struct tacit_writer *writer)
{
	struct tacit_secagg_blob config = tacit_secagg_server_get_config(fleet->server);

	if (phase == 1)
		tacit_write_bytes(writer, config.data, config.len);
	else if (phase == 2)
		must(tacit_secagg_server_roster(fleet->server, fleet->index[i], writer));
	else if (phase == 3)
		must(tacit_secagg_server_inbox(fleet->server, fleet->index[i], writer));
	else if (phase == 4)
		must(tacit_secagg_server_survivors(fleet->server, writer));
	else
		must(tacit_secagg_server_consents(fleet->server, fleet->index[i], writer));
}

static void step_host(struct fleet *fleet, uint32_t i, int phase, const uint8_t *data, size_t len,
		      struct tacit_secagg_step *ret)
{
	static const struct tacit_secagg_floors floors = { .dimensions = DIMS };
	struct tacit_secagg_host *host = fleet->host[i];

	if (phase == 1)
		must(tacit_secagg_host_join(host, &floors, data, len, ret, NULL));
	else if (phase == 2)
		must(tacit_secagg_host_share(host, data, len, ret, NULL));
	else if (phase == 3)
		must(tacit_secagg_host_mask(host, data, len, fleet->value, ret, NULL));
	else if (phase == 4)
		must(tacit_secagg_host_consent(host, data, len, ret, NULL));
	else
		must(tacit_secagg_host_answer(host, data, len, ret, NULL));
}

static void take(struct fleet *fleet, int phase, const struct tacit_secagg_step *step)
{
	const uint8_t *data = step->message;
	size_t len = step->message_len;

	if (phase == 1)
		must(tacit_secagg_server_advert(fleet->server, data, len, NULL));
	else if (phase == 2)
		must(tacit_secagg_server_shares(fleet->server, data, len, NULL));
	else if (phase == 3)
		must(tacit_secagg_server_masked(fleet->server, fleet->sum, data, len, NULL));
	else if (phase == 4)
		must(tacit_secagg_server_consent(fleet->server, data, len, NULL));
	else
		must(tacit_secagg_server_answer(fleet->server, data, len, NULL));
}

static void close_phase(struct fleet *fleet, int phase)
{
	static const uint8_t beacon[32];

	if (phase == 1) {
		must(tacit_secagg_server_seat(fleet->server, beacon, NULL));
		for (uint32_t i = 0; i < HOSTS; i++)
			fleet->index[i] = (uint32_t)tacit_secagg_server_find(fleet->server,
									     fleet->identity[i].id);
	} else if (phase == 2) {
		must(tacit_secagg_server_deliver(fleet->server, NULL));
		must(tacit_secagg_server_sum(fleet->server, &fleet->sum));
	} else if (phase == 3) {
		must(tacit_secagg_server_list(fleet->server, fleet->sum, NULL));
	}
}

static void run_phase(struct fleet *fleet, int phase)
{
	uint32_t first = phase > 2 ? DROPS : 0;

	for (uint32_t i = first; i < HOSTS; i++) {
		TACIT_CLEANUP(tacit_writer_done) struct tacit_writer message = { 0 };
		double begun = timing_now_ns(), written, stepped;

		tacit_secagg_step_done(&fleet->step[i]);
		write_message(fleet, i, phase, &message);
		written = timing_now_ns();
		step_host(fleet, i, phase, message.data, message.len, &fleet->step[i]);
		stepped = timing_now_ns();
		fleet->serve_ns[i] += written - begun;
		fleet->host_ns[i] += stepped - written;
	}
	for (uint32_t i = first; i < HOSTS; i++) {
		double begun = timing_now_ns();

		take(fleet, phase, &fleet->step[i]);
		fleet->serve_ns[i] += timing_now_ns() - begun;
	}
	close_phase(fleet, phase);
}

/* Key streams of @n masks, without anything else. */
static double streams_ns(uint32_t n)
{
	static uint8_t zero[4 * DIMS], out[4 * DIMS];
	static const uint8_t counter[16];
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	double each[TIMING_ROUNDS];
	uint8_t key[32] = { 0 };
	int len = 0;

	for (unsigned round = 0; round < TIMING_ROUNDS; round++) {
		double begun = timing_now_ns();

		for (unsigned i = 0; i < 20; i++) {
			key[0]++;
			if (EVP_EncryptInit_ex2(context, cipher, key, counter, NULL) != 1 ||
			    EVP_EncryptUpdate(context, out, &len, zero, sizeof(zero)) != 1)
				must(TACIT_ECRYPTO);
		}
		each[round] = (timing_now_ns() - begun) / 20;
	}
	EVP_CIPHER_CTX_free(context);
	EVP_CIPHER_free(cipher);
	return n * timing_median(each, TIMING_ROUNDS);
}

/* The masks that are taken off: one of each survivor, and of each pair with one who went. */
static uint32_t count_masks(const struct fleet *fleet)
{
	return HOSTS - DROPS +
	       DROPS * tacit_secagg_server_get_params(fleet->server)->k * (HOSTS - DROPS) / HOSTS;
}

static void report(struct fleet *fleet, const char *name)
{
	const struct tacit_secagg_params *params = tacit_secagg_server_get_params(fleet->server);
	double unmask[UNMASKS], host, masks = streams_ns(params->k + 1);
	double peer = streams_ns(count_masks(fleet)), median;

	for (unsigned i = 0; i < UNMASKS; i++) {
		double begun = timing_now_ns();

		must(tacit_secagg_server_unmask(fleet->server, fleet->sum, fleet->result, NULL));
		unmask[i] = timing_now_ns() - begun;
	}
	for (uint32_t i = 0; i < DIMS; i++)
		if (fleet->result[i] != (HOSTS - DROPS) * fleet->value[i])
			must(TACIT_EDAMAGED);
	host = timing_median(fleet->host_ns + DROPS, HOSTS - DROPS);
	median = timing_median(unmask, UNMASKS);
	printf("secagg.host_%s_k%u_t%u %.2f ms aes-ctr-alone %.2f %.1f\n", name, params->k,
	       params->t, host / 1e6, masks / 1e6, host / masks);
	printf("secagg.unmask_%s_k%u_t%u %.0f ms aes-ctr-alone %.0f %.1f\n", name, params->k,
	       params->t, median / 1e6, peer / 1e6, median / peer);
	printf("secagg.serve_%s_k%u_t%u %.2f ms a host\n", name, params->k, params->t,
	       timing_median(fleet->serve_ns + DROPS, HOSTS - DROPS) / 1e6);
}

static void bench(const char *name, struct tacit_secagg_threat threat)
{
	static struct fleet fleet;

	memset(&fleet, 0, sizeof(fleet));
	start(&fleet, &threat);
	for (uint32_t i = 0; i < DIMS; i++)
		fleet.value[i] = i * 2654435761U;
	for (int phase = 1; phase <= 5; phase++)
		run_phase(&fleet, phase);
	report(&fleet, name);
	for (uint32_t i = 0; i < HOSTS; i++) {
		tacit_secagg_step_done(&fleet.step[i]);
		tacit_secagg_host_free(fleet.host[i]);
	}
	tacit_secagg_sum_free(fleet.sum);
	tacit_secagg_server_free(fleet.server);
	tacit_random_free(fleet.random);
}

struct signature {
	EVP_PKEY *key;
	uint8_t bytes[80];
	size_t len;
};

static const uint8_t signed_data[32];

static void verify_once(void *ctx)
{
	const struct signature *signature = ctx;
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, signature->key) != 1 ||
	    EVP_DigestVerify(context, signature->bytes, signature->len, signed_data,
			     sizeof(signed_data)) != 1)
		must(TACIT_ECRYPTO);
	EVP_MD_CTX_free(context);
}

/* What comes on top: a host verifies one advert of each neighbour, and the consents of those who
 * stay. Certificates are verified besides, unless they are remembered. */
static void bench_signatures(void)
{
	struct signature signature = { .key = EVP_EC_gen("P-256"), .len = 80 };
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, signature.key) != 1 ||
	    EVP_DigestSign(context, signature.bytes, &signature.len, signed_data,
			   sizeof(signed_data)) != 1)
		must(TACIT_ECRYPTO);
	EVP_MD_CTX_free(context);
	printf("secagg.host_signatures_k66 %.2f ms\n",
	       timing_call_ns(verify_once, &signature, 10) * (66 + 60) / 1e6);
	EVP_PKEY_free(signature.key);
}

struct noise {
	struct tacit_random *random;
	struct tacit_protect_params params;
	double contribution[NOISE_DIMS], value[NOISE_DIMS], sum_of[NOISE_DIMS];
	uint32_t one[NOISE_DIMS], sum[NOISE_DIMS];
	uint32_t hosts; /* in the sum */
};

/* Masks cancel, so that the sum is one of plain vectors. */
static void add_hosts(struct noise *noise, uint32_t hosts)
{
	for (; noise->hosts < hosts; noise->hosts++) {
		memcpy(noise->value, noise->contribution, sizeof(noise->value));
		must(tacit_protect(&noise->params, noise->value, NOISE_DIMS, noise->random,
				   noise->one));
		for (uint32_t i = 0; i < NOISE_DIMS; i++)
			noise->sum[i] += noise->one[i];
	}
}

/* In clip norms. */
static double error_sd(struct noise *noise)
{
	double sum = 0;

	tacit_unprotect(&noise->params, noise->sum, NOISE_DIMS, noise->sum_of);
	for (uint32_t i = 0; i < NOISE_DIMS; i++) {
		double error = noise->sum_of[i] - noise->hosts * noise->contribution[i];

		sum += error * error;
	}
	return sqrt(sum / NOISE_DIMS) / noise->params.clip_norm;
}

static void measure_noise(struct noise *noise, uint32_t hosts, const char *name)
{
	double z = noise->params.noise_multiplier;
	double analytic = z * sqrt((double)hosts / noise->params.honest), sd;

	add_hosts(noise, hosts);
	sd = error_sd(noise);
	printf("secagg.noise_sd_%s %.4f clip-norms analytic %.4f %.4f\n", name, sd, analytic,
	       sd / analytic);
	printf("secagg.noise_sd_%s %.4f clip-norms guarantee %.4f %.4f\n", name, sd, z, sd / z);
	if (fabs(sd / analytic - 1) > NOISE_OFF_MAX)
		must(TACIT_EDAMAGED);
}

/* Everyone contributes a vector of the clip norm; shares are sized for a tenth that is corrupt and a
 * tenth that goes away. The corrupt may add no noise at all: then the honest survivors' is left. */
static void bench_noise(void)
{
	static const struct tacit_secagg_threat threat = { TACIT_SECAGG_SEMI_MALICIOUS, 100000,
							   100000 };
	static struct noise noise = { .params = { .clip_norm = 3, .noise_multiplier = 2 } };

	noise.params.honest = tacit_secagg_honest(&threat, HOSTS);
	must(tacit_random_new(NULL, &noise.random));
	for (uint32_t i = 0; i < NOISE_DIMS; i++)
		noise.contribution[i] = (i % 3 ? 0.9999 : -0.9999) * noise.params.clip_norm /
					sqrt(NOISE_DIMS);
	measure_noise(&noise, noise.params.honest, "honest_alone");
	measure_noise(&noise, HOSTS - HOSTS / 10, "dropped_10");
	measure_noise(&noise, HOSTS - HOSTS / 20, "dropped_5");
	measure_noise(&noise, HOSTS, "dropped_0");
	tacit_random_free(noise.random);
}

int main(void)
{
	bench("semi_honest",
	      (struct tacit_secagg_threat){ TACIT_SECAGG_SEMI_HONEST, 100000, 200000 });
	bench("semi_malicious",
	      (struct tacit_secagg_threat){ TACIT_SECAGG_SEMI_MALICIOUS, 100000, 100000 });
	bench_signatures();
	bench_noise();
	return EXIT_SUCCESS;
}
