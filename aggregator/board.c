/* SPDX-License-Identifier: MIT */
#include "board.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include <tacit/mem.h>

#define FIGURES	   (sizeof(struct tacit_board_figures) / sizeof(uint64_t))
#define OPEN_INDEX (offsetof(struct tacit_board_figures, http.connections_open) / sizeof(uint64_t))
#define SLOTS_MAX  1024U

_Static_assert(sizeof(struct tacit_board_figures) % sizeof(uint64_t) == 0, "only uint64_t");

struct slot {
	_Atomic int64_t beat_ms;
	_Atomic bool ready;
	_Atomic uint64_t figure[FIGURES];
	uint64_t before[FIGURES]; /* of predecessors; its process alone looks at them */
};

struct tacit_board {
	size_t slots;
	struct slot *slot; /* shared */
};

int tacit_board_new(size_t slots, struct tacit_board **ret)
{
	struct tacit_board *board;

	if (slots < 1 || slots > SLOTS_MAX)
		return -EINVAL;
	board = TACIT_NEW(struct tacit_board);
	if (!board)
		return -ENOMEM;
	board->slots = slots;
	board->slot = (struct slot *)mmap(NULL, slots * sizeof(struct slot), PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board->slot == MAP_FAILED) {
		tacit_free(board);
		return -ENOMEM;
	}
	*ret = board;
	return 0;
}

size_t tacit_board_slots(const struct tacit_board *board)
{
	return board->slots;
}

void tacit_board_begin(struct tacit_board *board, size_t slot, int64_t boot_ms)
{
	struct slot *s = &board->slot[slot];

	tacit_board_end(board, slot);
	for (size_t i = 0; i < FIGURES; i++)
		s->before[i] = atomic_load_explicit(&s->figure[i], memory_order_relaxed);
	atomic_store_explicit(&s->beat_ms, boot_ms, memory_order_relaxed);
}

void tacit_board_beat(struct tacit_board *board, size_t slot,
		      const struct tacit_board_figures *figures, bool ready, int64_t boot_ms)
{
	struct slot *s = &board->slot[slot];
	uint64_t now[FIGURES];

	if (figures) {
		memcpy(now, figures, sizeof(now));
		for (size_t i = 0; i < FIGURES; i++)
			atomic_store_explicit(&s->figure[i], s->before[i] + now[i],
					      memory_order_relaxed);
	}
	atomic_store_explicit(&s->beat_ms, boot_ms, memory_order_relaxed);
	atomic_store_explicit(&s->ready, ready, memory_order_release);
}

int64_t tacit_board_last_beat(const struct tacit_board *board, size_t slot)
{
	return atomic_load_explicit(&board->slot[slot].beat_ms, memory_order_relaxed);
}

bool tacit_board_is_ready(const struct tacit_board *board, size_t slot)
{
	return atomic_load_explicit(&board->slot[slot].ready, memory_order_acquire);
}

void tacit_board_end(struct tacit_board *board, size_t slot)
{
	struct slot *s = &board->slot[slot];

	atomic_store_explicit(&s->ready, false, memory_order_release);
	atomic_store_explicit(&s->figure[OPEN_INDEX], 0, memory_order_relaxed);
}

void tacit_board_sum(const struct tacit_board *board, struct tacit_board_figures *ret)
{
	uint64_t sum[FIGURES] = { 0 };

	for (size_t slot = 0; slot < board->slots; slot++)
		for (size_t i = 0; i < FIGURES; i++)
			sum[i] += atomic_load_explicit(&board->slot[slot].figure[i],
						       memory_order_relaxed);
	memcpy(ret, sum, sizeof(*ret));
}

void tacit_board_free(struct tacit_board *board)
{
	if (!board)
		return;
	(void)munmap(board->slot, board->slots * sizeof(struct slot));
	tacit_free(board);
}
