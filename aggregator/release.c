/* SPDX-License-Identifier: MIT */
#include "release.h"

#include <math.h>
#include <string.h>

#include <tacit/feature.h>

#include "fleetdb.h"

void tacit_release_done(struct tacit_release *release)
{
	tacit_free(release->data);
	*release = (struct tacit_release){ 0 };
}

int tacit_release_newest(struct tacit_db *db, uint64_t *ret_version,
			 uint8_t sha256[TACIT_DIGEST_LEN])
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		db, "SELECT version, sha256 FROM release ORDER BY version DESC LIMIT 1", "");
	uint8_t digest[TACIT_DIGEST_LEN] = { 0 };
	uint64_t version = 0;
	int r = tacit_fleetdb_row(db, query);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0) {
		version = (uint64_t)tacit_db_column_int(query, 0);
		r = tacit_fleetdb_column_digest(query, 1, digest, sizeof(digest));
		if (r < 0)
			return r;
	}

	*ret_version = version;
	if (sha256)
		memcpy(sha256, digest, sizeof(digest));
	return 0;
}

int tacit_release_get(struct tacit_db *db, uint64_t version, struct tacit_release *ret)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		db, "SELECT sha256, data FROM release WHERE version = ?", "i", (int64_t)version);
	struct tacit_release release = { .version = version };
	const void *data;
	int r;

	r = tacit_fleetdb_row(db, query);
	if (r == 0)
		r = tacit_fleetdb_column_digest(query, 0, release.sha256, sizeof(release.sha256));
	if (r < 0)
		return r;
	data = tacit_db_column_blob(query, 1, &release.len);
	release.data = (uint8_t *)tacit_memdup(data, release.len);
	if (!release.data)
		return -ENOMEM;

	*ret = release;
	return 0;
}

/* Every block the kind's initial one, and the head that follows from the task. */
static int initial(const struct tacit_task *task, struct tacit_fleet **ret)
{
	const struct tacit_model_kind *kind = tacit_model_kind_find(task->kind);
	const char *names[TACIT_FLEET_CLASSES_MAX];
	struct tacit_fleet_head head = { 0 };
	struct tacit_fleet *fleet;
	int r;

	if (!kind)
		return -EINVAL;
	for (size_t i = 0; i < task->n_classes; i++)
		names[i] = task->class[i];
	r = tacit_fleet_new(kind, tacit_feature_space(), names, task->n_classes, &fleet);
	if (r < 0)
		return r;
	memcpy(head.schema, task->schema, sizeof(head.schema));
	tacit_fleet_set_head(fleet, &head);

	*ret = fleet;
	return 0;
}

static int load(struct tacit_db *db, uint64_t version, struct tacit_fleet **ret)
{
	TACIT_CLEANUP(tacit_release_done) struct tacit_release release = { 0 };
	int r = tacit_release_get(db, version, &release);

	if (r < 0)
		return r;
	r = tacit_fleet_decode(release.data, release.len, tacit_feature_space(), ret, NULL, NULL,
			       NULL);
	return r == -E2BIG ? TACIT_EDAMAGED : r;
}

int tacit_release_reference(struct tacit_db *db, const struct tacit_task *task, uint64_t version,
			    struct tacit_fleet **ret)
{
	return version == 0 ? initial(task, ret) : load(db, version, ret);
}

int tacit_release_check(const struct tacit_task *task, size_t *ret_dimensions)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *fleet = NULL;
	size_t dimensions;
	int r = initial(task, &fleet);

	if (r < 0)
		return r;
	dimensions = tacit_fleet_dimensions(fleet);
	tacit_fleet_encode(fleet, &writer);
	if (writer.failed)
		return -ENOMEM;
	if (dimensions > TACIT_PROTECT_DIMS_MAX ||
	    writer.len + 2 + TACIT_SIGNATURE_MAX > TACIT_FLEET_BYTES_MAX)
		return -E2BIG;
	*ret_dimensions = dimensions;
	return 0;
}

/* Appends the signature over what @writer holds. */
static int sign(const struct tacit_ca *ca, struct tacit_writer *writer)
{
	uint8_t sig[TACIT_SIGNATURE_MAX];
	size_t len;
	int r;

	if (writer->failed)
		return -ENOMEM;
	r = tacit_ca_sign(ca, writer->data, writer->len, sig, &len);
	if (r < 0)
		return r;
	tacit_write_u16le(writer, (uint16_t)len);
	tacit_write_bytes(writer, sig, len);
	return writer->failed ? -ENOMEM : 0;
}

/* @writer: released bytes up to the signature, of a model whose head is @head. */
static int publish(struct tacit_db *db, const struct tacit_ca *ca,
		   const struct tacit_fleet_head *head, struct tacit_writer *writer)
{
	uint8_t digest[TACIT_DIGEST_LEN];
	int r;

	r = sign(ca, writer);
	if (r == 0)
		r = tacit_sha256(writer->data, writer->len, digest);
	if (r == 0)
		r = tacit_db_run(db,
				 "INSERT INTO release(version, round, created_ms, sha256, data)"
				 " VALUES(?, nullif(?, 0), ?, ?, ?)",
				 "iiibb", (int64_t)head->version, (int64_t)head->round,
				 head->created_ms, digest, sizeof(digest), writer->data,
				 writer->len);
	if (r < 0)
		return r;
	return tacit_db_run(db, "DELETE FROM release WHERE version <= ?", "i",
			    (int64_t)head->version - (int64_t)TACIT_RELEASE_KEEP);
}

static double norm(const double *value, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += value[i] * value[i];
	return sqrt(sum);
}

static struct tacit_release_figures read_figures(const struct tacit_sum *sum, uint32_t dimensions)
{
	double length = norm(sum->value, dimensions);
	double noise = sum->noise_sd * sqrt(dimensions);
	struct tacit_release_figures figures = { .noise_sd = sum->noise_sd };

	figures.signal = length > noise ? sqrt((length - noise) * (length + noise)) : 0;
	figures.snr = figures.signal > 0 ? figures.signal / noise : 0;
	return figures;
}

int tacit_release_make(struct tacit_db *db, const struct tacit_ca *ca,
		       const struct tacit_task *task, const struct tacit_round_doc *round,
		       const struct tacit_sum *sum, int64_t wall_ms, uint64_t *ret_version,
		       struct tacit_release_figures *ret)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *reference = NULL;
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *next = NULL;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	struct tacit_fleet_head head = { .round = round->round, .created_ms = wall_ms };
	int r;

	memcpy(head.schema, task->schema, sizeof(head.schema));
	r = tacit_release_newest(db, &head.version, NULL);
	if (r == 0)
		r = tacit_release_reference(db, task, round->model_version, &reference);
	if (r < 0)
		return r;
	if (tacit_fleet_dimensions(reference) != round->dimensions)
		return TACIT_EDAMAGED;
	r = tacit_fleet_absorb(reference, sum, &next);
	if (r < 0)
		return r;
	*ret = read_figures(sum, round->dimensions);

	head.version++;
	tacit_fleet_set_head(next, &head);
	tacit_fleet_encode(next, &writer);
	r = publish(db, ca, &head, &writer);
	if (r == 0)
		*ret_version = head.version;
	return r;
}

static bool is_comparable(const struct tacit_fleet *a, const struct tacit_fleet *b)
{
	return tacit_fleet_kind(a) == tacit_fleet_kind(b) &&
	       memcmp(tacit_fleet_head(a)->schema, tacit_fleet_head(b)->schema,
		      sizeof(tacit_fleet_head(a)->schema)) == 0;
}

/* Classes of @next that @old has are as they were there. */
static void carry_classes(const struct tacit_fleet *old, struct tacit_fleet *next)
{
	for (size_t i = 0; i < tacit_fleet_classes(next); i++) {
		int k = tacit_fleet_find(old, tacit_fleet_class_name(next, i));

		if (k >= 0)
			tacit_fleet_copy_class(next, i, old, (size_t)k);
	}
}

int tacit_release_carry(struct tacit_db *db, const struct tacit_ca *ca,
			const struct tacit_task *task, int64_t wall_ms)
{
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *old = NULL;
	TACIT_CLEANUP(tacit_fleet_free_p) struct tacit_fleet *next = NULL;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	struct tacit_fleet_head head = { .created_ms = wall_ms };
	int r;

	memcpy(head.schema, task->schema, sizeof(head.schema));
	r = tacit_release_newest(db, &head.version, NULL);
	if (r < 0 || head.version == 0)
		return r;
	r = load(db, head.version, &old);
	if (r < 0 && r != TACIT_ESCHEMA) /* of another feature table: nothing to carry over */
		return r;
	r = initial(task, &next);
	if (r < 0)
		return r;

	head.version++;
	tacit_fleet_set_head(next, &head);
	if (old && is_comparable(next, old))
		carry_classes(old, next);
	tacit_fleet_encode(next, &writer);
	return publish(db, ca, &head, &writer);
}
