/* SPDX-License-Identifier: MIT */
#include "tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

static void set_options(SSL_CTX *tls)
{
	(void)SSL_CTX_set_options(tls, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
					       SSL_OP_NO_RENEGOTIATION |
					       SSL_OP_CIPHER_SERVER_PREFERENCE);
	(void)SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS); /* idle connections cost 25 kB */
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_verify_depth(tls, 1);
}

int tacit_tls_new(const struct tacit_tls_params *params, SSL_CTX **ret)
{
	TACIT_CLEANUP(tacit_tls_free_p) SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	int r = TACIT_ECRYPTO;

	if (!tls)
		goto out;
	set_options(tls);
	if (SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_num_tickets(tls, 0) != 1 ||
	    SSL_CTX_set1_groups_list(tls, "X25519:P-256") != 1 ||
	    SSL_CTX_use_certificate(tls, params->cert) != 1)
		goto out;
	r = TACIT_EUNTRUSTED;
	if (SSL_CTX_use_PrivateKey(tls, params->key) != 1 || SSL_CTX_check_private_key(tls) != 1)
		goto out;
	r = TACIT_ECRYPTO;
	if (SSL_CTX_add_client_CA(tls, params->ca) != 1 ||
	    X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), params->ca) != 1)
		goto out;
	*ret = TACIT_TAKE(tls);
	r = 0;
out:
	ERR_clear_error();
	return r;
}

void tacit_tls_free(SSL_CTX *tls)
{
	SSL_CTX_free(tls);
}
