/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "uplink_private.h"

static int translate(const struct tacit_uplink_client *client, CURLcode code)
{
	static const struct {
		CURLcode code;
		int error;
	} known[] = {
		{ CURLE_OK, 0 },
		{ CURLE_OUT_OF_MEMORY, -ENOMEM },
		{ CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT },
		{ CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH },
		{ CURLE_COULDNT_CONNECT, -ECONNREFUSED },
		{ CURLE_PEER_FAILED_VERIFICATION, TACIT_EUNTRUSTED },
		{ CURLE_SSL_CONNECT_ERROR, -EPROTO },
		{ CURLE_WEIRD_SERVER_REPLY, -EPROTO },
		{ CURLE_UNSUPPORTED_PROTOCOL, -EPROTO },
		{ CURLE_GOT_NOTHING, -ECONNRESET },
		{ CURLE_SEND_ERROR, -ECONNRESET },
		{ CURLE_RECV_ERROR, -ECONNRESET },
		{ CURLE_SSL_CERTPROBLEM, TACIT_ECRYPTO },
		{ CURLE_SSL_CACERT_BADFILE, TACIT_ECRYPTO },
		{ CURLE_URL_MALFORMAT, -EINVAL },
	};

	if (client->refusal[0])
		return -E2BIG;
	if (client->answer.failed)
		return -ENOMEM;
	for (size_t i = 0; i < TACIT_ARRAY_LEN(known); i++)
		if (known[i].code == code)
			return known[i].error;
	return TACIT_EREMOTE;
}

static size_t answer_limit(const struct tacit_uplink_client *client)
{
	long status = 0;

	(void)curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
	return status / 100 == 2 ? client->answer_max : TACIT_UPLINK_PROBLEM_MAX;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct tacit_uplink_client *client = (struct tacit_uplink_client *)ctx;
	size_t len = size * n, limit = answer_limit(client);

	if (client->answer.len > limit || len > limit - client->answer.len) {
		(void)snprintf(client->refusal, sizeof(client->refusal),
			       "the answer is larger than %zu bytes", limit);
		return 0;
	}
	tacit_write_bytes(&client->answer, data, len);
	return client->answer.failed ? 0 : len;
}

/* Copies the value of header @name, blanks trimmed; a value that does not fit counts as none. */
static void copy_header(const char *line, size_t len, const char *name, char *value, size_t size)
{
	size_t at = strlen(name);

	if (len < at || strncasecmp(line, name, at) != 0)
		return;
	while (at < len && isblank((unsigned char)line[at]))
		at++;
	while (len > at && isspace((unsigned char)line[len - 1]))
		len--;
	if (len - at < size)
		(void)snprintf(value, size, "%.*s", (int)(len - at), line + at);
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
	struct tacit_uplink_client *client = (struct tacit_uplink_client *)ctx;
	size_t len = size * n;

	client->header_bytes += len;
	if (client->header_bytes > TACIT_UPLINK_HEADERS_MAX) {
		(void)snprintf(client->refusal, sizeof(client->refusal),
			       "the answer's header is larger than %u bytes",
			       TACIT_UPLINK_HEADERS_MAX);
		return 0;
	}
	copy_header(line, len, "etag:", client->etag, sizeof(client->etag));
	return len;
}

static void media_type(CURL *easy, char type[TACIT_UPLINK_TYPE_MAX])
{
	const char *text = NULL;
	size_t n;

	type[0] = '\0';
	if (curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &text) != CURLE_OK || !text)
		return;
	n = strcspn(text, "; \t");
	if (n >= TACIT_UPLINK_TYPE_MAX)
		return;
	for (size_t i = 0; i < n; i++)
		type[i] = (char)tolower((unsigned char)text[i]);
	type[n] = '\0';
}

static int64_t retry_after_ms(CURL *easy)
{
	curl_off_t seconds = 0;

	if (curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK || seconds <= 0)
		return 0;
	if (seconds > TACIT_UPLINK_RETRY_MAX_MS / 1000)
		return TACIT_UPLINK_RETRY_MAX_MS;
	return (int64_t)seconds * 1000;
}

static void count_exchange(struct tacit_uplink_client *client, bool failed)
{
	struct tacit_uplink_counters *counters = &client->uplink->counters;
	curl_off_t up = 0, down = 0;
	long request = 0, header = 0, connects = 0;

	(void)curl_easy_getinfo(client->easy, CURLINFO_SIZE_UPLOAD_T, &up);
	(void)curl_easy_getinfo(client->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
	(void)curl_easy_getinfo(client->easy, CURLINFO_REQUEST_SIZE, &request);
	(void)curl_easy_getinfo(client->easy, CURLINFO_HEADER_SIZE, &header);
	(void)curl_easy_getinfo(client->easy, CURLINFO_NUM_CONNECTS, &connects);
	client->up_bytes += (uint64_t)(up + request);
	client->down_bytes += (uint64_t)(down + header);
	counters->requests++;
	counters->failures += failed;
	counters->connects += (uint64_t)connects;
}

/* Reads the answer while curl still has it. @type is what result->type points at. */
static void read_answer(struct tacit_uplink_client *client, char *type,
			struct tacit_uplink_result *result)
{
	long status = 0;

	(void)curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
	media_type(client->easy, type);
	result->status = (int)status;
	result->type = type;
	result->etag = client->etag;
	result->retry_after_ms = retry_after_ms(client->easy);
	result->body = client->answer.data;
	result->body_len = client->answer.len;
	if (status >= 400 && strcmp(type, "application/problem+json") == 0)
		(void)!tacit_problem_parse((const char *)client->answer.data, client->answer.len,
					   &result->problem);
}

CURLcode tacit_uplink_answer_wire(struct tacit_uplink_client *client)
{
	CURL *easy = client->easy;
	CURLcode code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);

	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_WRITEDATA, client);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_HEADERDATA, client);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, client->detail);
	return code;
}

void tacit_uplink_answer_reset(struct tacit_uplink_client *client)
{
	tacit_writer_done(&client->answer);
	client->answer = (struct tacit_writer){ 0 };
	client->header_bytes = 0;
	client->etag[0] = client->detail[0] = client->refusal[0] = '\0';
}

static const char *reason(const struct tacit_uplink_client *client, CURLcode code)
{
	if (client->refusal[0])
		return client->refusal;
	return client->detail[0] ? client->detail : curl_easy_strerror(code);
}

void tacit_uplink_answer(struct tacit_uplink_client *client, CURLcode code)
{
	struct tacit_uplink_result result = {
		.error = translate(client, code), .detail = "", .type = "", .etag = ""
	};
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer answer = client->answer;
	char type[TACIT_UPLINK_TYPE_MAX], etag[sizeof(client->etag)], detail[CURL_ERROR_SIZE];

	count_exchange(client, result.error != 0);
	if (result.error == 0) {
		read_answer(client, type, &result);
		memcpy(etag, client->etag, sizeof(etag));
		result.etag = etag;
	} else {
		(void)snprintf(detail, sizeof(detail), "%s", reason(client, code));
		result.detail = detail;
	}
	client->answer = (struct tacit_writer){ 0 }; /* ours now: the client may go */
	tacit_uplink_end(client);
	client->done(client->done_ctx, &result);
}
