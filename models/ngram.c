/* SPDX-License-Identifier: MIT */
#include <tacit/ngram.h>

#include <math.h>
#include <stdbool.h>

#include <tacit/mem.h>

#define FORMAT	     1U
#define ORDER_MAX    TACIT_NGRAM_ORDER_MAX
#define SAVED_BYTES  20U /* of a sequence */
#define FOLLOWED_MAX (1U << 31)
#define NATS_BINS    2048U /* of the histogram behind the high surprise, */
#define NATS_PER_BIN (1.0 / 32)

/* Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators": the finaliser. */
#define MIX_ADD	      0x9e3779b97f4a7c15U
#define MIX_MULTIPLY1 0xbf58476d1ce4e5b9U
#define MIX_MULTIPLY2 0x94d049bb133111ebU

/* One sequence, as what comes after a context and as a context itself. */
struct sequence {
	uint64_t key;	    /* 0: no sequence */
	uint32_t count;	    /* how often it came, */
	uint32_t followed;  /* went on, */
	uint32_t followers; /* and with how many different symbols */
};

struct tacit_ngram {
	struct tacit_ngram_params params;
	struct sequence root; /* of no symbols; its count is not used */
	struct sequence *table;
	uint32_t capacity, used;
};

/* The sequences that end with one symbol, the shortest first. */
struct ends {
	uint64_t key[ORDER_MAX];
	unsigned n;
};

static uint64_t mix(uint64_t x)
{
	x += MIX_ADD;
	x = (x ^ (x >> 30)) * MIX_MULTIPLY1;
	x = (x ^ (x >> 27)) * MIX_MULTIPLY2;
	x ^= x >> 31;
	return x ? x : 1;
}

static uint32_t symbol_at(const struct tacit_ngram *ngram, const uint16_t *symbol, size_t i)
{
	return symbol[i] < ngram->params.symbols ? symbol[i] : ngram->params.symbols - 1;
}

/* Those that end at @i; @before: those that end one earlier. */
static struct ends ends_at(const struct tacit_ngram *ngram, const uint16_t *symbol, size_t i,
			   const struct ends *before)
{
	struct ends ends = { .n = before->n + 1 };
	uint64_t key = 0;

	if (ends.n > ngram->params.order)
		ends.n = ngram->params.order;
	for (unsigned k = 0; k < ends.n; k++)
		ends.key[k] = key = mix(key ^ (symbol_at(ngram, symbol, i - k) + 1));
	return ends;
}

/* Where @key is, or would be. There is always a free place. */
static struct sequence *place_of(struct sequence *table, uint32_t capacity, uint64_t key)
{
	uint32_t at = (uint32_t)key & (capacity - 1);

	while (table[at].key != 0 && table[at].key != key)
		at = (at + 1) & (capacity - 1);
	return &table[at];
}

/* NULL when it is not known. */
static struct sequence *find(const struct tacit_ngram *ngram, uint64_t key)
{
	struct sequence *at = place_of(ngram->table, ngram->capacity, key);

	return at->key ? at : NULL;
}

static bool is_power_of_two(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static bool are_valid(const struct tacit_ngram_params *params)
{
	return params->order >= 1 && params->order <= ORDER_MAX && params->symbols >= 1 &&
	       params->symbols <= TACIT_NGRAM_SYMBOLS_MAX && is_power_of_two(params->sequences) &&
	       params->sequences >= TACIT_NGRAM_SEQUENCES_MIN &&
	       params->sequences <= TACIT_NGRAM_SEQUENCES_MAX;
}

int tacit_ngram_new(const struct tacit_ngram_params *params, struct tacit_ngram **ret)
{
	TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *ngram = NULL;

	if (!are_valid(params))
		return -EINVAL;
	ngram = TACIT_NEW(struct tacit_ngram);
	if (!ngram)
		return -ENOMEM;
	ngram->params = *params;
	ngram->capacity = TACIT_NGRAM_SEQUENCES_MIN;
	ngram->table = TACIT_NEW_N(struct sequence, ngram->capacity);
	if (!ngram->table)
		return -ENOMEM;
	*ret = TACIT_TAKE(ngram);
	return 0;
}

void tacit_ngram_free(struct tacit_ngram *ngram)
{
	if (!ngram)
		return;
	tacit_free(ngram->table);
	tacit_free(ngram);
}

/* Half of everything, rounded down, so that what follows a context still adds up to no more than
 * it was followed; but a context that was followed keeps a follower. */
static struct sequence halve(struct sequence sequence)
{
	sequence.count /= 2;
	sequence.followed /= 2;
	sequence.followers = (sequence.followers + 1) / 2;
	if (sequence.followers > sequence.followed)
		sequence.followers = sequence.followed;
	return sequence;
}

/* Moves everything to a table of @capacity, with @fade by halves; what is then nothing is left. */
static int rebuild(struct tacit_ngram *ngram, uint32_t capacity, bool fade)
{
	struct sequence *table = TACIT_NEW_N(struct sequence, capacity);

	if (!table)
		return -ENOMEM;
	ngram->used = 0;
	for (uint32_t i = 0; i < ngram->capacity; i++) {
		struct sequence sequence = fade ? halve(ngram->table[i]) : ngram->table[i];

		if (sequence.key == 0 || sequence.count == 0)
			continue;
		*place_of(table, capacity, sequence.key) = sequence;
		ngram->used++;
	}
	tacit_free(ngram->table);
	ngram->table = table;
	ngram->capacity = capacity;
	if (fade)
		ngram->root = halve(ngram->root);
	return 0;
}

static uint32_t room(uint32_t capacity)
{
	return capacity / 4 * 3;
}

/* Makes room for what one more symbol can bring. 1 when everything faded for it. */
static int make_room(struct tacit_ngram *ngram)
{
	int r = 0, faded = 0;

	while (r == 0 && (ngram->used + ORDER_MAX > room(ngram->capacity) ||
			  ngram->root.followed >= FOLLOWED_MAX)) {
		bool fade = ngram->capacity >= ngram->params.sequences ||
			    ngram->root.followed >= FOLLOWED_MAX;

		r = rebuild(ngram, fade ? ngram->capacity : 2 * ngram->capacity, fade);
		faded |= fade;
	}
	return r < 0 ? r : faded;
}

/* Counts the sequences of @ends, each of which follows one of @before, or nothing. */
static void count(struct tacit_ngram *ngram, const struct ends *before, const struct ends *ends)
{
	for (unsigned k = 0; k < ends->n; k++) {
		struct sequence *context = k ? find(ngram, before->key[k - 1]) : &ngram->root;
		struct sequence *whole = place_of(ngram->table, ngram->capacity, ends->key[k]);

		/* One that was loaded may know what follows it better than that it is followed. */
		context->followers += whole->key == 0 || context->followers == 0;
		ngram->used += whole->key == 0;
		whole->key = ends->key[k];
		whole->count++;
		context->followed++;
	}
}

int tacit_ngram_learn(struct tacit_ngram *ngram, const uint16_t *symbol, size_t n)
{
	struct ends before = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct ends ends = { 0 };
		int r;

		if (symbol[i] != TACIT_NGRAM_MISSING) {
			r = make_room(ngram);
			if (r < 0)
				return r;
			if (r > 0) /* halves may not have counted that what went before came */
				before = (struct ends){ 0 };
			ends = ends_at(ngram, symbol, i, &before);
			count(ngram, &before, &ends);
		}
		before = ends;
	}
	return 0;
}

static double surprise(const struct tacit_ngram *ngram, const struct ends *before,
		       const struct ends *ends)
{
	double p = 1.0 / ngram->params.symbols;

	for (unsigned k = 0; k < ends->n; k++) {
		const struct sequence *context = k ? find(ngram, before->key[k - 1]) : &ngram->root;
		const struct sequence *whole;

		if (!context || context->followed == 0)
			break; /* longer ones are not known either */
		whole = find(ngram, ends->key[k]);
		p = ((whole ? whole->count : 0) + context->followers * p) /
		    ((double)context->followed + context->followers);
	}
	return fmax(-log(p), 0);
}

/* Sums up surprises as they come. */
struct summary {
	size_t n;
	double sum;
	double recent[TACIT_NGRAM_STRETCH], stretch, peak;
	uint32_t bin[NATS_BINS];
};

static void add(struct summary *summary, double nats)
{
	double *oldest = &summary->recent[summary->n % TACIT_NGRAM_STRETCH];
	size_t bin =
		nats < NATS_BINS * NATS_PER_BIN ? (size_t)(nats / NATS_PER_BIN) : NATS_BINS - 1;

	summary->n++;
	summary->sum += nats;
	summary->bin[bin]++;
	summary->stretch += nats - *oldest;
	*oldest = nats;
	if (summary->n >= TACIT_NGRAM_STRETCH)
		summary->peak = fmax(summary->peak, summary->stretch / TACIT_NGRAM_STRETCH);
}

static double high_of(const struct summary *summary)
{
	double below = 0;
	size_t bin = 0;

	for (; bin < NATS_BINS - 1; bin++) {
		below += summary->bin[bin];
		if (below >= TACIT_NGRAM_HIGH * (double)summary->n)
			break;
	}
	return ((double)bin + 0.5) * NATS_PER_BIN;
}

void tacit_ngram_score(const struct tacit_ngram *ngram, const uint16_t *symbol, size_t n,
		       double *nats, struct tacit_ngram_surprise *ret)
{
	struct summary summary = { 0 };
	struct ends before = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct ends ends = { 0 };
		double one = 0;

		if (symbol[i] != TACIT_NGRAM_MISSING) {
			ends = ends_at(ngram, symbol, i, &before);
			one = surprise(ngram, &before, &ends);
			add(&summary, one);
		}
		if (nats)
			nats[i] = one;
		before = ends;
	}
	*ret = (struct tacit_ngram_surprise){ .symbols = summary.n };
	if (summary.n == 0)
		return;
	ret->mean = summary.sum / (double)summary.n;
	ret->high = high_of(&summary);
	ret->peak = summary.n < TACIT_NGRAM_STRETCH ? ret->mean : summary.peak;
}

uint64_t tacit_ngram_learned(const struct tacit_ngram *ngram)
{
	return ngram->root.followed;
}

uint32_t tacit_ngram_sequences(const struct tacit_ngram *ngram)
{
	return ngram->used;
}

static void write_sequence(struct tacit_writer *writer, const struct sequence *sequence)
{
	tacit_write_u64le(writer, sequence->key);
	tacit_write_u32le(writer, sequence->count);
	tacit_write_u32le(writer, sequence->followed);
	tacit_write_u32le(writer, sequence->followers);
}

void tacit_ngram_save(const struct tacit_ngram *ngram, struct tacit_writer *writer)
{
	tacit_write_u8(writer, FORMAT);
	tacit_write_u8(writer, (uint8_t)ngram->params.order);
	tacit_write_u32le(writer, ngram->params.symbols);
	tacit_write_u32le(writer, ngram->params.sequences);
	write_sequence(writer, &ngram->root);
	tacit_write_u32le(writer, ngram->used);
	for (uint32_t i = 0; i < ngram->capacity; i++)
		if (ngram->table[i].key)
			write_sequence(writer, &ngram->table[i]);
}

/* Whether it is one that learning can make; of the root and of others. */
static bool read_sequence(struct tacit_reader *reader, struct sequence *ret)
{
	ret->key = tacit_read_u64le(reader);
	ret->count = tacit_read_u32le(reader);
	ret->followed = tacit_read_u32le(reader);
	ret->followers = tacit_read_u32le(reader);
	return !reader->failed && ret->followed <= FOLLOWED_MAX &&
	       ret->followers <= ret->followed && (ret->followers > 0) == (ret->followed > 0);
}

static int read_table(struct tacit_ngram *ngram, struct tacit_reader *reader, uint32_t n)
{
	uint32_t capacity = ngram->capacity;
	int r = 0;

	if (n > room(ngram->params.sequences) || n > (reader->len - reader->at) / SAVED_BYTES)
		return TACIT_EDAMAGED;
	while (room(capacity) < n)
		capacity *= 2;
	if (capacity > ngram->capacity)
		r = rebuild(ngram, capacity, false);
	for (; r == 0 && n > 0; n--) {
		struct sequence sequence, *at;

		if (!read_sequence(reader, &sequence) || sequence.key == 0 || sequence.count == 0 ||
		    sequence.followed > sequence.count || sequence.count > ngram->root.followed)
			return TACIT_EDAMAGED;
		at = place_of(ngram->table, ngram->capacity, sequence.key);
		if (at->key)
			return TACIT_EDAMAGED; /* twice */
		*at = sequence;
		ngram->used++;
	}
	return r;
}

int tacit_ngram_load(struct tacit_reader *reader, struct tacit_ngram **ret)
{
	TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *ngram = NULL;
	uint8_t format = tacit_read_u8(reader);
	struct tacit_ngram_params params = { .order = tacit_read_u8(reader) };
	struct sequence root;
	uint32_t n;
	int r;

	params.symbols = tacit_read_u32le(reader);
	params.sequences = tacit_read_u32le(reader);
	if (!reader->failed && format != FORMAT)
		return TACIT_ESCHEMA;
	if (!read_sequence(reader, &root) || !are_valid(&params))
		return TACIT_EDAMAGED;
	n = tacit_read_u32le(reader);
	r = tacit_ngram_new(&params, &ngram);
	if (r < 0)
		return r;
	ngram->root = root;
	r = read_table(ngram, reader, n);
	if (r < 0)
		return r;
	if (reader->failed)
		return TACIT_EDAMAGED;
	*ret = TACIT_TAKE(ngram);
	return 0;
}
