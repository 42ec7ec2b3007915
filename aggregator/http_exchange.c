/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <openssl/ssl.h>

#include <tacit/clock.h>
#include <tacit/problem.h>
#include <tacit/wire.h>
#include <tacit/x509.h>

#include "http_priv.h"

#define TLS_RECORD_MAX	 16384U
#define LINGER_MS	 2000
#define LINGER_BYTES_MAX (1U << 20)
#define DETAIL_MAX	 256U
#define HEADER_MAX	 160U
#define RETRY_HEADER	 "Retry-After: 1"

static const char *const method_names[] = {
	[TACIT_HTTP_GET] = "GET",
	[TACIT_HTTP_PUT] = "PUT",
	[TACIT_HTTP_POST] = "POST",
};

/* Titles of the answers that come from here; handlers bring their own. */
static const char *title_of(int status)
{
	static const struct {
		int status;
		const char *title;
	} table[] = {
		{ 400, "Bad Request" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 411, "Length Required" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 431, "Request Header Fields Too Large" },
		{ 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(table); i++)
		if (table[i].status == status)
			return table[i].title;
	return "Error";
}

static void count_status(struct tacit_http *http, int status)
{
	if (status >= 100 && status < 600)
		http->counters.status[status / 100]++;
}

static bool is_head(const struct tacit_http_exchange *conn)
{
	return strcmp(conn->guard.head.method, "HEAD") == 0;
}

void http_exchange_release(struct tacit_http_exchange *conn)
{
	if (conn->http)
		conn->http->in_flight -= conn->reserved;
	conn->reserved = 0;
}

static void on_linger_read(struct bufferevent *bev, void *arg)
{
	struct tacit_http_exchange *conn = (struct tacit_http_exchange *)arg;
	struct evbuffer *input = bufferevent_get_input(bev);
	size_t len = evbuffer_get_length(input);

	(void)evbuffer_drain(input, len);
	conn->lingered += len;
	if (conn->lingered > LINGER_BYTES_MAX)
		evhttp_connection_free(conn->evcon);
}

/* The answer is out. Closing now would reset the connection while bytes come in, and a reset can
 * overtake the answer; so only our half is closed. */
static void on_linger_written(struct bufferevent *bev, void *arg)
{
	const struct tacit_http_exchange *conn = (const struct tacit_http_exchange *)arg;
	SSL *ssl = http_conn_ssl(conn);

	(void)bev;
	if (ssl)
		(void)SSL_shutdown(ssl);
	(void)shutdown(conn->fd, SHUT_WR);
}

static void on_linger_event(struct bufferevent *bev, short what, void *arg)
{
	const struct tacit_http_exchange *conn = (const struct tacit_http_exchange *)arg;

	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		evhttp_connection_free(conn->evcon);
}

static void linger(struct tacit_http_exchange *conn)
{
	conn->state = HTTP_LINGERING;
	conn->lingered = 0;
	conn->deadline_ms = tacit_clock_boot_ms() + LINGER_MS;
	bufferevent_setcb(conn->bev, on_linger_read, on_linger_written, on_linger_event, conn);
	bufferevent_setwatermark(conn->bev, EV_READ, 0, 0);
	(void)bufferevent_enable(conn->bev, EV_READ | EV_WRITE);
}

void http_exchange_refuse(struct tacit_http_exchange *conn, int status, const char *slug,
			  const char *header, const char *format, ...)
{
	struct evbuffer *output = bufferevent_get_output(conn->bev);
	TACIT_AUTO_FREE char *problem = NULL;
	const char *title = title_of(status);
	char detail[DETAIL_MAX], date[64] = "";
	va_list args;

	va_start(args, format);
	(void)vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	problem = tacit_problem_format(status, slug, title, "%s", detail);

	conn->http->counters.refused++;
	count_status(conn->http, status);
	if (tacit_log_allowed(&conn->http->refusals))
		tacit_info("refused a request of %s: %d, %s", conn->address, status, detail);

	(void)evutil_date_rfc1123(date, sizeof(date), NULL);
	linger(conn); /* from here on evhttp does not see the connection */
	(void)evbuffer_add_printf(output,
				  "HTTP/1.1 %d %s\r\n"
				  "Date: %s\r\n"
				  "Connection: close\r\n"
				  "Content-Type: " TACIT_TYPE_PROBLEM "\r\n"
				  "Content-Length: %zu\r\n"
				  "%s%s\r\n",
				  status, title, date, problem ? strlen(problem) : 0,
				  header ? header : "", header ? "\r\n" : "");
	if (problem && !is_head(conn))
		(void)evbuffer_add(output, problem, strlen(problem));
	(void)evbuffer_pullup(output, -1);
	conn->http->counters.bytes_out += evbuffer_get_length(output);
}

static size_t match(const struct tacit_http_route *route, const char *path)
{
	size_t len = strlen(route->path);

	if (route->path[len - 1] == '/')
		return strncmp(path, route->path, len) == 0 ? len : 0;
	return strcmp(path, route->path) == 0 ? len : 0;
}

static bool has_method(const struct tacit_http_route *route, const char *method)
{
	return strcmp(method, method_names[route->method]) == 0 ||
	       (route->method == TACIT_HTTP_GET && strcmp(method, "HEAD") == 0);
}

/* Of two routes to one resource, that of the body's type. */
static bool has_type(const struct tacit_http_route *route, const struct tacit_http_head *head)
{
	return route->type && strcasecmp(head->type, route->type) == 0;
}

/* The route, or NULL with the methods that the path does have in @allow ("": no such path). */
static const struct tacit_http_route *find_route(const struct tacit_http *http,
						 const struct tacit_http_head *head,
						 char allow[HEADER_MAX])
{
	const struct tacit_http_route *best = NULL;
	size_t best_len = 0;
	unsigned methods = 0;

	for (size_t i = 0; i < http->n_routes; i++) {
		size_t len = match(&http->routes[i], head->path);

		if (len == 0)
			continue;
		methods |= 1U << http->routes[i].method;
		if (has_method(&http->routes[i], head->method) &&
		    (len > best_len || (len == best_len && has_type(&http->routes[i], head)))) {
			best = &http->routes[i];
			best_len = len;
		}
	}
	allow[0] = '\0';
	if (methods)
		(void)snprintf(allow, HEADER_MAX, "Allow: %s%s%s%s",
			       methods & 1U << TACIT_HTTP_GET ? "GET, HEAD" : "",
			       methods & 1U << TACIT_HTTP_PUT && methods & 1U << TACIT_HTTP_GET
				       ? ", "
				       : "",
			       methods & 1U << TACIT_HTTP_PUT ? "PUT" : "",
			       methods & 1U << TACIT_HTTP_POST
				       ? (methods & ~(1U << TACIT_HTTP_POST) ? ", POST" : "POST")
				       : "");
	return best;
}

/* Fetched once in a connection's life; looked at with every request, for connections outlive
 * certificates. */
static bool has_certificate(struct tacit_http_exchange *conn, const char **ret_slug,
			    const char **ret_why)
{
	int64_t from_ms;
	const SSL *ssl = http_conn_ssl(conn);

	*ret_slug = "certificate-required";
	*ret_why = "this needs a client certificate of the fleet's CA";
	if (!conn->cert && ssl) {
		conn->cert = SSL_get1_peer_certificate(ssl);
		if (conn->cert &&
		    tacit_cert_validity(conn->cert, &from_ms, &conn->cert_until_ms) < 0)
			conn->cert_until_ms = 0;
	}
	if (!conn->cert)
		return false;
	*ret_slug = "certificate-expired";
	*ret_why = "the client certificate expired while the connection was open";
	return tacit_clock_wall_ms() < conn->cert_until_ms;
}

/* False when the request was refused. */
static bool check_body(struct tacit_http_exchange *conn, const struct tacit_http_route *route)
{
	const struct tacit_http_head *head = &conn->guard.head;

	if (!route->type && head->length > 0)
		http_exchange_refuse(conn, 400, "unexpected-body", NULL, "no body is wanted here");
	else if (route->type && !head->has_length)
		http_exchange_refuse(conn, 411, "length-required", NULL,
				     "Content-Length is missing");
	else if (route->type && strcasecmp(head->type, route->type) != 0)
		http_exchange_refuse(conn, 415, "media-type", NULL, "the body must be %s",
				     route->type);
	else if (head->length > route->body_max)
		http_exchange_refuse(conn, 413, "too-large", NULL, "the body may have %zu bytes",
				     route->body_max);
	else if (head->length > conn->http->limits.body_bytes_in_flight - conn->http->in_flight)
		http_exchange_refuse(conn, 503, "overloaded", RETRY_HEADER, "too much at once");
	else
		return true;
	return false;
}

static bool check(struct tacit_http_exchange *conn)
{
	const struct tacit_http_head *head = &conn->guard.head;
	const char *slug, *why;
	char allow[HEADER_MAX];

	conn->route = find_route(conn->http, head, allow);
	if (!conn->route && !allow[0])
		http_exchange_refuse(conn, 404, "not-found", NULL, "there is nothing at this path");
	else if (!conn->route)
		http_exchange_refuse(conn, 405, "method", allow, "not with this method");
	else if (conn->http->tls && !conn->route->anonymous && !has_certificate(conn, &slug, &why))
		http_exchange_refuse(conn, 403, slug, NULL, "%s", why);
	else
		return check_body(conn, conn->route);
	return false;
}

void http_exchange_begin(struct tacit_http_exchange *conn, size_t body)
{
	size_t length;

	conn->http->counters.requests++;
	if (!check(conn))
		return;
	length = (size_t)conn->guard.head.length; /* at most body_max */
	conn->reserved = length;
	conn->http->in_flight += length;
	conn->received = body;
	conn->closing = conn->closing || body > length;
	conn->state = HTTP_BODY;
	/* evhttp takes the body in one piece, so all of it must fit; one byte more shows a client
	 * that does not wait for the answer. */
	bufferevent_setwatermark(conn->bev, EV_READ, 0,
				 length < HTTP_READ_AHEAD ? HTTP_READ_AHEAD : length + 1);
}

/* The answer is out; evhttp looks at the headers once more to see whether to go on. */
static void on_answered(struct evhttp_request *req, void *arg)
{
	struct tacit_http_exchange *conn = (struct tacit_http_exchange *)arg;

	if (conn->closing || conn->http->draining)
		(void)evhttp_add_header(evhttp_request_get_output_headers(req), "Connection",
					"close");
	http_conn_reset(conn);
}

void http_exchange_dispatch(struct tacit_http_exchange *conn, struct evhttp_request *req)
{
	conn->req = req;
	conn->state = HTTP_PENDING;
	conn->began_ms = tacit_clock_boot_ms();
	conn->deadline_ms = conn->began_ms + conn->http->limits.answer_ms;
	evhttp_request_set_on_complete_cb(req, on_answered, conn);
	conn->route->handle(conn->http->ctx, conn);
}

const char *tacit_http_path(const struct tacit_http_exchange *exchange)
{
	return exchange->guard.head.path;
}

const char *tacit_http_header(const struct tacit_http_exchange *exchange, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(exchange->req), name);
}

const void *tacit_http_body(const struct tacit_http_exchange *exchange, size_t *ret_len)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(exchange->req);

	*ret_len = evbuffer_get_length(body);
	return evbuffer_pullup(body, -1);
}

const char *tacit_http_peer_address(const struct tacit_http_exchange *exchange)
{
	return exchange->address;
}

const X509 *tacit_http_peer(const struct tacit_http_exchange *exchange)
{
	return exchange->cert;
}

void tacit_http_set_header(struct tacit_http_exchange *exchange, const char *name,
			   const char *value)
{
	(void)evhttp_add_header(evhttp_request_get_output_headers(exchange->req), name, value);
}

/* The client has gone: all that is left is to let go. */
static void drop_answer(struct tacit_http_exchange *conn)
{
	if (conn->http)
		TAILQ_REMOVE(&conn->http->detached, conn, link);
	evhttp_request_free(conn->req);
	http_conn_free(conn);
}

static int add_body(struct tacit_http_exchange *conn, const void *body, size_t len)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(conn->req);
	char number[24];

	if (!is_head(conn))
		return evbuffer_add(evhttp_request_get_output_buffer(conn->req), body, len);
	(void)snprintf(number, sizeof(number), "%zu", len);
	return evhttp_add_header(headers, "Content-Length", number);
}

void tacit_http_reply(struct tacit_http_exchange *exchange, int status, const char *type,
		      const void *body, size_t len)
{
	struct tacit_http *http = exchange->http;
	struct evkeyvalq *headers;
	struct evbuffer *output;
	size_t bytes;

	if (exchange->state == HTTP_DETACHED) {
		drop_answer(exchange);
		return;
	}
	if (exchange->gone)
		event_free(TACIT_TAKE(exchange->gone));
	http_exchange_release(exchange);
	count_status(http, status);
	headers = evhttp_request_get_output_headers(exchange->req);
	if ((type && (evhttp_add_header(headers, "Content-Type", type) < 0 ||
		      add_body(exchange, body, len) < 0)) ||
	    ((exchange->closing || http->draining) &&
	     evhttp_add_header(headers, "Connection", "close") < 0)) {
		exchange->state = HTTP_WRITING; /* out of memory: the client may try again */
		evhttp_connection_free(exchange->evcon);
		return;
	}

	exchange->state = HTTP_WRITING;
	evhttp_send_reply(exchange->req, status, NULL, NULL);
	exchange->req = NULL; /* evhttp's again */
	output = bufferevent_get_output(exchange->bev);
	bytes = evbuffer_get_length(output);
	if (bytes <= TLS_RECORD_MAX)
		(void)evbuffer_pullup(output, -1); /* head and body in one record, one packet */
	http->counters.bytes_out += bytes;
	exchange->deadline_ms = tacit_clock_boot_ms() + http->limits.request_ms +
				(int64_t)(bytes * 1000 / http->limits.min_bytes_per_sec);
}

void tacit_http_problem(struct tacit_http_exchange *exchange, int status, const char *slug,
			const char *title, const char *format, ...)
{
	TACIT_AUTO_FREE char *problem = NULL;
	char detail[DETAIL_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	problem = tacit_problem_format(status, slug, title, "%s", detail);
	if (problem)
		tacit_http_reply(exchange, status, TACIT_TYPE_PROBLEM, problem, strlen(problem));
	else
		tacit_http_reply(exchange, status, NULL, NULL, 0);
}
