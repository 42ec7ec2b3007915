/* SPDX-License-Identifier: MIT */
/*
 * Updates accepted per second over mutual TLS with connections kept alive: by tacit-aggregator,
 * which checks, adds up and commits them, beside a web server that only takes the same bodies on
 * the same machine with the same certificates. Passes alternate; medians are printed.
 *
 * bench_put AGGREGATOR PEER CA TOKEN ADMIN HOSTS ROUNDS AGGREGATOR-PIDS PEER-PIDS
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include <jansson.h>
#include <openssl/ssl.h>

#include <tacit/bytes.h>
#include <tacit/cleanup.h>
#include <tacit/wire.h>
#include <tacit/x509.h>

#include "aggregator/admin.h"

#define HOSTS_MAX   2000
#define ROUNDS_MAX  100
#define ANSWER_MAX  65536
#define TIMEOUT_MS  10000
#define PATIENCE_MS 20

struct host {
	EVP_PKEY *key;
	X509 *cert;
};

struct connection {
	int fd;
	SSL *ssl;
	size_t sent;
	size_t len;
	char answer[1024];
};

struct bench {
	const char *aggregator, *peer, *admin;
	SSL_CTX *tls;
	struct host host[HOSTS_MAX];
	struct connection ours[HOSTS_MAX], theirs[HOSTS_MAX];
	int hosts, rounds;
	char *request; /* head and body */
	size_t request_len;
};

static void must(bool held, const char *what)
{
	if (held)
		return;
	(void)fprintf(stderr, "bench_put: %s\n", what);
	exit(EXIT_FAILURE);
}

static double now_sec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Seconds that the processes "1,2,3" have been on a processor. */
static double cpu_sec(const char *pids)
{
	unsigned long long ns;
	double sum = 0;
	char path[64];

	for (const char *at = pids; *at; at += strcspn(at, ","), at += *at == ',') {
		FILE *f;

		(void)snprintf(path, sizeof(path), "/proc/%d/schedstat", atoi(at));
		f = fopen(path, "re");
		if (f && fscanf(f, "%llu", &ns) == 1)
			sum += (double)ns * 1e-9;
		if (f)
			(void)fclose(f);
	}
	return sum;
}

static int connect_to(const char *address)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	const char *colon = strrchr(address, ':');
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	must(colon != NULL, "an address without a port");
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)atoi(colon + 1));
	must(fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0, address);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void open_connection(const struct bench *bench, const char *address, const struct host *host,
			    struct connection *ret)
{
	ret->fd = connect_to(address);
	ret->ssl = SSL_new(bench->tls);
	must(ret->ssl && SSL_set_fd(ret->ssl, ret->fd) == 1, "connection");
	if (host->cert)
		must(SSL_use_certificate(ret->ssl, host->cert) == 1 &&
			     SSL_use_PrivateKey(ret->ssl, host->key) == 1,
		     "client certificate");
	must(SSL_connect(ret->ssl) == 1, "TLS handshake");
}

static void close_connection(struct connection *connection)
{
	SSL_free(connection->ssl);
	(void)close(connection->fd);
}

/* Blocking; the status, and the answer with its NUL. */
static int ask(SSL *ssl, const char *request, size_t len, char *answer)
{
	size_t got = 0;

	must(SSL_write(ssl, request, (int)len) == (int)len, "request");
	for (;;) {
		const char *end, *length;
		int n = SSL_read(ssl, answer + got, (int)(ANSWER_MAX - 1 - got));

		must(n > 0, "answer");
		got += (size_t)n;
		answer[got] = '\0';
		end = strstr(answer, "\r\n\r\n");
		length = strcasestr(answer, "\r\nContent-Length:");
		if (end && got >= (size_t)(end + 4 - answer) +
					   (length ? strtoul(length + 17, NULL, 10) : 0))
			return atoi(answer + 9);
	}
}

static void enrol(struct bench *bench, struct host *host, const struct tacit_token *token)
{
	uint8_t fingerprint[TACIT_FINGERPRINT_LEN];
	char hex[2 * TACIT_FINGERPRINT_LEN + 1], secret[64], head[512];
	static char answer[ANSWER_MAX], request[ANSWER_MAX];
	struct connection connection;
	TACIT_AUTO_FREE char *csr = NULL;
	json_t *document;
	char *body;
	const char *pem;

	must(tacit_key_generate(&host->key) == 0 && tacit_csr_create(host->key, &csr) == 0 &&
		     tacit_key_fingerprint(host->key, fingerprint) == 0,
	     "key");
	tacit_hex_encode(fingerprint, sizeof(fingerprint), hex);
	tacit_base64url_encode(token->secret, sizeof(token->secret), secret);
	document = json_pack("{s:s, s:s}", "secret", secret, "csr", csr);
	body = json_dumps(document, JSON_COMPACT);
	json_decref(document);
	(void)snprintf(head, sizeof(head),
		       "PUT " TACIT_PATH_ENROL
		       "%s HTTP/1.1\r\nHost: x\r\nContent-Type: " TACIT_TYPE_JSON
		       "\r\nContent-Length: %zu\r\n\r\n",
		       hex, strlen(body));
	(void)snprintf(request, sizeof(request), "%s%s", head, body);
	free(body);
	open_connection(bench, bench->aggregator, &(struct host){ NULL, NULL }, &connection);
	must(ask(connection.ssl, request, strlen(request), answer) == 201, "enrolment");
	close_connection(&connection);
	document = json_loads(strstr(answer, "\r\n\r\n") + 4, 0, NULL);
	pem = json_string_value(json_object_get(document, "certificate"));
	must(pem && tacit_cert_parse(pem, strlen(pem), &host->cert) == 0, "certificate");
	json_decref(document);
}

static json_t *admin(const struct bench *bench, json_t *request)
{
	json_t *answer = NULL;

	int r = tacit_admin_call(bench->admin, request, TIMEOUT_MS, &answer, NULL, 0);

	json_decref(request);
	must(r == 0 || r == TACIT_EREFUSED, "the admin socket");
	return answer;
}

/* The round that is collecting; opens one where none is. */
static struct tacit_round_doc open_round(const struct bench *bench)
{
	static const char request[] = "GET " TACIT_PATH_ROUND " HTTP/1.1\r\nHost: x\r\n\r\n";
	static char answer[ANSWER_MAX];
	struct connection connection;
	struct tacit_round_doc round;
	int status = 0;

	open_connection(bench, bench->aggregator, &bench->host[0], &connection);
	for (int i = 0; i < 200 && status != 200; i++) {
		json_decref(admin(bench, json_pack("{s:s}", "verb", "rounds open")));
		status = ask(connection.ssl, request, strlen(request), answer);
		if (status != 200)
			(void)usleep(PATIENCE_MS * 1000);
	}
	must(status == 200, "no round opens");
	must(tacit_round_parse(strstr(answer, "\r\n\r\n") + 4,
			       strlen(strstr(answer, "\r\n\r\n") + 4), &round, NULL, 0) == 0,
	     "round document");
	close_connection(&connection);
	return round;
}

static void await_close(const struct bench *bench)
{
	for (int i = 0; i < 500; i++) {
		json_t *answer =
			admin(bench, json_pack("{s:s, s:i}", "verb", "rounds list", "limit", 1));
		const char *state = json_string_value(json_object_get(
			json_array_get(json_object_get(answer, "rounds"), 0), "state"));
		bool over = state && strcmp(state, "collecting") != 0;

		json_decref(answer);
		if (over)
			return;
		(void)usleep(PATIENCE_MS * 1000);
	}
	must(false, "the round does not end");
}

static void make_request(struct bench *bench, const struct tacit_round_doc *round)
{
	struct tacit_update_head head = { .mode = round->mode,
					  .round = round->round,
					  .dimensions = round->dimensions };
	uint32_t *value = TACIT_NEW_N(uint32_t, round->dimensions);
	struct tacit_writer writer = { 0 };
	char text[256];

	must(value != NULL, "memory");
	memcpy(head.task, round->task, sizeof(head.task));
	memcpy(head.model, round->model, sizeof(head.model));
	for (uint32_t i = 0; i < round->dimensions; i++)
		value[i] = i % 7;
	(void)snprintf(text, sizeof(text),
		       "PUT " TACIT_PATH_ROUNDS "%" PRIu64 TACIT_PATH_UPDATE
		       " HTTP/1.1\r\nHost: x\r\nContent-Type: " TACIT_TYPE_UPDATE
		       "\r\nContent-Length: %zu\r\n\r\n",
		       round->round, tacit_update_len(round->dimensions));
	tacit_write_bytes(&writer, text, strlen(text));
	tacit_update_encode(&head, value, &writer);
	tacit_free(value);
	tacit_free(bench->request);
	must(tacit_writer_take(&writer, (uint8_t **)&bench->request, &bench->request_len) == 0,
	     "memory");
}

/* Goes on with a connection; true when its answer is complete. */
static bool step(const struct bench *bench, struct connection *connection)
{
	int n;

	while (connection->sent < bench->request_len) {
		n = SSL_write(connection->ssl, bench->request + connection->sent,
			      (int)(bench->request_len - connection->sent));
		if (n <= 0)
			return false;
		connection->sent += (size_t)n;
	}
	n = SSL_read(connection->ssl, connection->answer + connection->len,
		     (int)(sizeof(connection->answer) - 1 - connection->len));
	must(n > 0 || SSL_get_error(connection->ssl, n) == SSL_ERROR_WANT_READ,
	     "a connection ended");
	connection->len += n > 0 ? (size_t)n : 0;
	connection->answer[connection->len] = '\0';
	if (!strstr(connection->answer, "\r\n\r\n"))
		return false;
	must(strncmp(connection->answer, "HTTP/1.1 201", 12) == 0, connection->answer);
	return true;
}

/* Every connection puts once; seconds until all are answered. */
static double put_all(const struct bench *bench, struct connection *connection)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), left = bench->hosts;
	double began = now_sec();

	for (int i = 0; i < bench->hosts; i++) {
		struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET,
					     .data.ptr = &connection[i] };

		connection[i].sent = connection[i].len = 0;
		must(epoll_ctl(epoll, EPOLL_CTL_ADD, connection[i].fd, &event) == 0, "epoll");
	}
	while (left > 0) {
		struct epoll_event ready[64];
		int n = epoll_wait(epoll, ready, 64, TIMEOUT_MS);

		must(n > 0, "no answer");
		for (int i = 0; i < n; i++) {
			struct connection *which = (struct connection *)ready[i].data.ptr;

			if (step(bench, which)) {
				left--;
				must(epoll_ctl(epoll, EPOLL_CTL_DEL, which->fd, NULL) == 0,
				     "epoll");
			}
		}
	}
	began = now_sec() - began;
	(void)close(epoll);
	return began;
}

static void set_nonblocking(struct connection *connection, int n)
{
	for (int i = 0; i < n; i++)
		must(fcntl(connection[i].fd, F_SETFL, O_NONBLOCK) == 0, "nonblocking");
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *value, int n)
{
	qsort(value, (size_t)n, sizeof(*value), compare);
	return n % 2 ? value[n / 2] : (value[n / 2 - 1] + value[n / 2]) / 2;
}

static void read_arguments(struct bench *bench, char **argv, struct tacit_token *ret)
{
	X509 *ca = NULL;
	char text[TACIT_TOKEN_TEXT_MAX];
	FILE *f = fopen(argv[4], "re");

	bench->aggregator = argv[1];
	bench->peer = argv[2];
	bench->admin = argv[5];
	bench->hosts = atoi(argv[6]);
	bench->rounds = atoi(argv[7]);
	must(bench->hosts >= 1 && bench->hosts <= HOSTS_MAX, "hosts");
	must(bench->rounds >= 1 && bench->rounds <= ROUNDS_MAX, "rounds");
	must(f && fgets(text, sizeof(text), f) &&
		     tacit_token_parse(text, strlen(text), ret, NULL, 0) == 0,
	     "token");
	(void)fclose(f);
	bench->tls = SSL_CTX_new(TLS_client_method());
	must(tacit_cert_load(argv[3], &ca) == 0 &&
		     X509_STORE_add_cert(SSL_CTX_get_cert_store(bench->tls), ca) == 1,
	     "CA");
	tacit_cert_free(ca);
	SSL_CTX_set_verify(bench->tls, SSL_VERIFY_PEER, NULL);
	(void)SSL_CTX_set_mode(bench->tls,
			       SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

int main(int argc, char **argv)
{
	static struct bench bench;
	struct tacit_token token;
	double ours[ROUNDS_MAX], theirs[ROUNDS_MAX], our_cpu = 0, their_cpu = 0, puts;

	must(argc == 10, "AGGREGATOR PEER CA TOKEN ADMIN HOSTS ROUNDS AGGREGATOR-PIDS PEER-PIDS");
	read_arguments(&bench, argv, &token);
	for (int i = 0; i < bench.hosts; i++)
		enrol(&bench, &bench.host[i], &token);
	for (int i = 0; i < bench.hosts; i++) {
		open_connection(&bench, bench.aggregator, &bench.host[i], &bench.ours[i]);
		open_connection(&bench, bench.peer, &bench.host[i], &bench.theirs[i]);
	}
	set_nonblocking(bench.ours, bench.hosts);
	set_nonblocking(bench.theirs, bench.hosts);
	for (int i = 0; i < bench.rounds; i++) {
		struct tacit_round_doc round = open_round(&bench);
		double before = cpu_sec(argv[8]);

		make_request(&bench, &round);
		ours[i] = bench.hosts / put_all(&bench, bench.ours);
		our_cpu += cpu_sec(argv[8]) - before;
		await_close(&bench);
		before = cpu_sec(argv[9]);
		theirs[i] = bench.hosts / put_all(&bench, bench.theirs);
		their_cpu += cpu_sec(argv[9]) - before;
	}
	puts = (double)bench.hosts * bench.rounds;
	printf("update_size %zu bytes\n", bench.request_len);
	printf("updates_accepted %.0f /s\n", median(ours, bench.rounds));
	printf("  nginx_discarding %.0f %.2f\n", median(theirs, bench.rounds),
	       median(ours, bench.rounds) / median(theirs, bench.rounds));
	printf("cpu_per_update %.1f us\n", our_cpu / puts * 1e6);
	printf("  nginx_discarding %.1f %.2f\n", their_cpu / puts * 1e6, our_cpu / their_cpu);
	for (int i = 0; i < bench.hosts; i++) {
		close_connection(&bench.ours[i]);
		close_connection(&bench.theirs[i]);
		tacit_cert_free(bench.host[i].cert);
		tacit_key_free(bench.host[i].key);
	}
	tacit_free(bench.request);
	SSL_CTX_free(bench.tls);
	return EXIT_SUCCESS;
}
