/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include "pin.h"
#include "uplink_private.h"

#define LOW_SPEED_BYTES_PER_SEC 64L
#define LOW_SPEED_SEC		20L

int tacit_uplink_client_new(struct tacit_uplink *uplink, struct tacit_uplink_client **ret)
{
	struct tacit_uplink_client *client = TACIT_NEW(struct tacit_uplink_client);

	if (!client)
		return -ENOMEM;
	client->uplink = uplink;
	client->lane = &uplink->lane[uplink->next++ % uplink->lanes];
	*ret = client;
	return 0;
}

static int verify_pinned(X509_STORE_CTX *store, void *ctx)
{
	struct tacit_uplink_client *client = (struct tacit_uplink_client *)ctx;
	X509 *ca = NULL;

	if (tacit_pin_verify(store, client->pin, &ca) < 0)
		return 0;
	tacit_cert_free(client->ca);
	client->ca = ca;
	return 1;
}

static CURLcode trust_by_pin(CURL *easy, void *tls, void *ctx)
{
	(void)easy;
	SSL_CTX_set_cert_verify_callback((SSL_CTX *)tls, verify_pinned, ctx);
	return CURLE_OK;
}

static CURLcode set_blob(CURL *easy, CURLoption option, char *pem)
{
	struct curl_blob blob = { pem, strlen(pem), CURL_BLOB_NOCOPY };

	return curl_easy_setopt(easy, option, &blob);
}

/* Nobody but the aggregator's own CA is trusted: the system's are taken away. A connection that
 * was trusted by its pin is never handed to another request. */
static CURLcode set_trust(struct tacit_uplink_client *client)
{
	CURL *easy = client->easy;
	CURLcode code = curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);

	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_3);
	if (code == CURLE_OK && client->ca_pem)
		code = set_blob(easy, CURLOPT_CAINFO_BLOB, client->ca_pem);
	if (code == CURLE_OK && client->cert_pem)
		code = set_blob(easy, CURLOPT_SSLCERT_BLOB, client->cert_pem);
	if (code == CURLE_OK && client->key_pem)
		code = set_blob(easy, CURLOPT_SSLKEY_BLOB, client->key_pem);
	if (code != CURLE_OK || !client->pinned)
		return code;

	code = curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, trust_by_pin);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, client);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	return code;
}

static CURLcode set_manners(struct tacit_uplink_client *client)
{
	const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{ CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
		{ CURLOPT_NOSIGNAL, 1 },
		{ CURLOPT_PATH_AS_IS, 1 },
		{ CURLOPT_CONNECTTIMEOUT_MS, TACIT_UPLINK_CONNECT_MS },
		{ CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES_PER_SEC },
#if LIBCURL_VERSION_NUM >= 0x075700
		{ CURLOPT_QUICK_EXIT, 1 }, /* a slow resolver is left behind, not waited for */
#endif
	};
	const struct {
		CURLoption option;
		const void *value;
	} pointers[] = {
		{ CURLOPT_PROTOCOLS_STR, "https" },
		{ CURLOPT_PROXY, "" },
		{ CURLOPT_USERAGENT, "tacit/" TACIT_VERSION },
		{ CURLOPT_PRIVATE, client },
	};
	CURLcode code = CURLE_OK;

	for (size_t i = 0; code == CURLE_OK && i < TACIT_ARRAY_LEN(numbers); i++)
		code = curl_easy_setopt(client->easy, numbers[i].option, numbers[i].value);
	for (size_t i = 0; code == CURLE_OK && i < TACIT_ARRAY_LEN(pointers); i++)
		code = curl_easy_setopt(client->easy, pointers[i].option, pointers[i].value);
	return code == CURLE_OK ? tacit_uplink_answer_wire(client) : code;
}

/* What must never fail silently is in one of the two above; the rest of curl's defaults (verify the
 * peer and its name, follow no redirect) is what we want. */
static int open_easy(struct tacit_uplink_client *client)
{
	CURLcode code;

	client->easy = curl_easy_init();
	if (!client->easy)
		return -ENOMEM;
	code = set_manners(client);
	if (code == CURLE_OK)
		code = set_trust(client);
	if (code == CURLE_OK)
		return 0;
	return code == CURLE_OUT_OF_MEMORY ? -ENOMEM : TACIT_ECRYPTO;
}

static void wipe(char **text)
{
	if (*text)
		OPENSSL_cleanse(*text, strlen(*text));
	tacit_free(*text);
	*text = NULL;
}

static void forget(struct tacit_uplink_client *client)
{
	if (client->easy)
		curl_easy_cleanup(client->easy);
	client->easy = NULL;
	tacit_cert_free(TACIT_TAKE(client->ca));
	wipe(&client->key_pem);
	wipe(&client->cert_pem);
	wipe(&client->ca_pem);
	wipe(&client->url);
}

static bool is_url(const char *url)
{
	static const char scheme[] = "https://";

	if (!url || strncmp(url, scheme, strlen(scheme)) != 0 || strlen(url) > TACIT_TOKEN_URL_MAX)
		return false;
	url += strlen(scheme);
	/* Name and port alone: no user, no path, no query. */
	return *url != '\0' &&
	       url[strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "0123456789.-_:[]")] == '\0';
}

static int copy_tls(struct tacit_uplink_client *client, const struct tacit_uplink_tls *tls)
{
	client->url = tacit_strdup(tls->url);
	if (!client->url)
		return -ENOMEM;
	client->pinned = !tls->ca;
	if (client->pinned)
		memcpy(client->pin, tls->pin, sizeof(client->pin));
	else if (tacit_cert_format(tls->ca, &client->ca_pem) < 0)
		return -ENOMEM;
	if (!tls->cert_pem)
		return 0;
	client->cert_pem = tacit_strdup(tls->cert_pem);
	client->key_pem = tacit_strdup(tls->key_pem);
	return client->cert_pem && client->key_pem ? 0 : -ENOMEM;
}

int tacit_uplink_client_set_tls(struct tacit_uplink_client *client,
				const struct tacit_uplink_tls *tls)
{
	int r;

	if (!is_url(tls->url) || (!tls->ca && !tls->pin) || !tls->cert_pem != !tls->key_pem)
		return -EINVAL;
	if (client->state != CLIENT_IDLE)
		return -EBUSY;
	forget(client);
	r = copy_tls(client, tls);
	if (r == 0)
		r = open_easy(client);
	if (r < 0)
		forget(client);
	return r;
}

static bool is_path(const char *path)
{
	size_t n = strlen(path);

	if (path[0] != '/' || n > TACIT_UPLINK_PATH_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isgraph((unsigned char)path[i]))
			return false;
	return true;
}

TACIT_PRINTF(2, 3)
static int add_header(struct tacit_uplink_client *client, const char *format, ...)
{
	char line[TACIT_UPLINK_TYPE_MAX + TACIT_UPLINK_ETAG_MAX];
	struct curl_slist *longer;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(line))
		return -EINVAL;
	longer = curl_slist_append(client->headers, line);
	if (!longer)
		return -ENOMEM;
	client->headers = longer;
	return 0;
}

static int set_headers(struct tacit_uplink_client *client,
		       const struct tacit_uplink_request *request)
{
	int r = add_header(client, "Expect:"); /* no round trip before a body */

	if (r == 0 && request->type)
		r = add_header(client, "Content-Type: %s", request->type);
	if (r == 0 && request->if_none_match)
		r = add_header(client, "If-None-Match: %s", request->if_none_match);
	if (r == 0 && request->prefer_wait_sec)
		r = add_header(client, "Prefer: wait=%u", request->prefer_wait_sec);
	return r;
}

static int set_request(struct tacit_uplink_client *client,
		       const struct tacit_uplink_request *request)
{
	bool put = strcmp(request->method, "PUT") == 0;
	char url[TACIT_TOKEN_URL_MAX + TACIT_UPLINK_PATH_MAX + 1];
	long timeout =
		request->timeout_ms > 0 ? (long)request->timeout_ms : TACIT_UPLINK_TIMEOUT_MS;
	CURL *easy = client->easy;
	CURLcode code;

	(void)snprintf(url, sizeof(url), "%s%s", client->url, request->path);
	code = curl_easy_setopt(easy, CURLOPT_URL, url);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
					LOW_SPEED_SEC + (long)request->prefer_wait_sec);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, client->headers);
	if (code == CURLE_OK && !put)
		code = curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	if (code == CURLE_OK && put)
		code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
					request->body ? request->body : "");
	if (code == CURLE_OK && put)
		code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
					(curl_off_t)request->body_len);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, put ? "PUT" : NULL);
	return code == CURLE_OK ? 0 : -ENOMEM;
}

int tacit_uplink_client_send(struct tacit_uplink_client *client,
			     const struct tacit_uplink_request *request, tacit_uplink_done *done,
			     void *ctx)
{
	int r;

	if (client->state != CLIENT_IDLE)
		return -EBUSY;
	if (!client->easy || !is_path(request->path) ||
	    (strcmp(request->method, "GET") != 0 && strcmp(request->method, "PUT") != 0))
		return -EINVAL;

	r = set_headers(client, request);
	if (r == 0)
		r = set_request(client, request);
	client->answer_max = request->answer_max;
	client->done = done;
	client->done_ctx = ctx;
	tacit_uplink_answer_reset(client);
	tacit_cert_free(TACIT_TAKE(client->ca));
	if (r == 0)
		r = tacit_uplink_begin(client);
	if (r < 0)
		tacit_uplink_end(client);
	return r;
}

void tacit_uplink_client_cancel(struct tacit_uplink_client *client)
{
	if (client->state == CLIENT_IDLE)
		return;
	tacit_uplink_end(client);
	tacit_uplink_go_on(client->uplink);
}

const X509 *tacit_uplink_client_ca(const struct tacit_uplink_client *client)
{
	return client->ca;
}

void tacit_uplink_client_bytes(const struct tacit_uplink_client *client, uint64_t *ret_up,
			       uint64_t *ret_down)
{
	*ret_up = client->up_bytes;
	*ret_down = client->down_bytes;
}

void tacit_uplink_client_free(struct tacit_uplink_client *client)
{
	if (!client)
		return;
	tacit_uplink_client_cancel(client);
	forget(client);
	tacit_writer_done(&client->answer);
	tacit_free(client);
}

static int transport_set_tls(void *ctx, const struct tacit_uplink_tls *tls)
{
	return tacit_uplink_client_set_tls((struct tacit_uplink_client *)ctx, tls);
}

static int transport_send(void *ctx, const struct tacit_uplink_request *request,
			  tacit_uplink_done *done, void *done_ctx)
{
	return tacit_uplink_client_send((struct tacit_uplink_client *)ctx, request, done, done_ctx);
}

static void transport_cancel(void *ctx)
{
	tacit_uplink_client_cancel((struct tacit_uplink_client *)ctx);
}

static const X509 *transport_ca(void *ctx)
{
	return tacit_uplink_client_ca((const struct tacit_uplink_client *)ctx);
}

const struct tacit_transport tacit_uplink_transport = {
	.set_tls = transport_set_tls,
	.send = transport_send,
	.cancel = transport_cancel,
	.ca = transport_ca,
};
