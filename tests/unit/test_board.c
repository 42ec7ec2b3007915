/* SPDX-License-Identifier: MIT */
#include "aggregator/board.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

/* What a worker that counts from 0 on its own has seen. */
static struct tacit_board_figures figures(uint64_t requests, uint64_t open)
{
	struct tacit_board_figures now = { 0 };

	now.http.requests = requests;
	now.http.connections_open = open;
	now.routes.models_unchanged = requests;
	return now;
}

static struct tacit_board_figures sum_of(const struct tacit_board *board)
{
	struct tacit_board_figures sum;

	tacit_board_sum(board, &sum);
	return sum;
}

static void test_sum(void)
{
	struct tacit_board *board = NULL;
	struct tacit_board_figures now;

	CU_ASSERT_EQUAL_FATAL(tacit_board_new(3, &board), 0);
	CU_ASSERT_EQUAL(tacit_board_slots(board), 3);
	CU_ASSERT_EQUAL(sum_of(board).http.requests, 0);
	for (size_t i = 0; i < 3; i++) {
		tacit_board_begin(board, i, 1);
		CU_ASSERT_FALSE(tacit_board_is_ready(board, i));
	}
	now = figures(10, 3);
	tacit_board_beat(board, 0, &now, true, 5);
	now = figures(5, 2);
	tacit_board_beat(board, 1, &now, true, 6);
	tacit_board_beat(board, 2, NULL, true, 7);
	CU_ASSERT_TRUE(tacit_board_is_ready(board, 0));
	CU_ASSERT_EQUAL(tacit_board_last_beat(board, 1), 6);
	CU_ASSERT_EQUAL(sum_of(board).http.requests, 15);
	CU_ASSERT_EQUAL(sum_of(board).http.connections_open, 5);
	CU_ASSERT_EQUAL(sum_of(board).routes.models_unchanged, 15);
	tacit_board_free(board);
}

/* A successor counts from 0, the board goes on. */
static void test_restart(void)
{
	struct tacit_board *board = NULL;
	struct tacit_board_figures now = figures(10, 3);

	CU_ASSERT_EQUAL_FATAL(tacit_board_new(1, &board), 0);
	for (int life = 1; life <= 3; life++) {
		tacit_board_begin(board, 0, life);
		now = figures(4, 3);
		tacit_board_beat(board, 0, &now, true, life);
		now = figures(10, 3);
		tacit_board_beat(board, 0, &now, true, life);
		CU_ASSERT_EQUAL(sum_of(board).http.requests, 10 * (uint64_t)life);
		CU_ASSERT_EQUAL(sum_of(board).http.connections_open, 3);
		tacit_board_end(board, 0);
		CU_ASSERT_FALSE(tacit_board_is_ready(board, 0));
		CU_ASSERT_EQUAL(sum_of(board).http.connections_open, 0);
	}
	tacit_board_free(board);
}

static void test_other_process(void)
{
	struct tacit_board_figures now = figures(7, 0);
	struct tacit_board *board = NULL;
	int status = -1;
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(tacit_board_new(2, &board), 0);
	tacit_board_begin(board, 1, 1);
	pid = fork();
	if (pid == 0) {
		tacit_board_beat(board, 1, &now, true, 9);
		_exit(0);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_TRUE(tacit_board_is_ready(board, 1));
	CU_ASSERT_EQUAL(tacit_board_last_beat(board, 1), 9);
	CU_ASSERT_EQUAL(sum_of(board).http.requests, 7);
	tacit_board_free(board);
}

static void test_bad(void)
{
	struct tacit_board *board = NULL;

	CU_ASSERT_EQUAL(tacit_board_new(0, &board), -EINVAL);
	CU_ASSERT_EQUAL(tacit_board_new(100000, &board), -EINVAL);
	unit_fail_alloc(0);
	CU_ASSERT_EQUAL(tacit_board_new(1, &board), -ENOMEM);
	unit_fail_alloc(-1);
	CU_ASSERT_PTR_NULL(board);
	tacit_board_free(NULL);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "slots add up", test_sum },
		{ "a successor goes on", test_restart },
		{ "another process", test_other_process },
		{ "bad", test_bad },
		{ NULL, NULL },
	};

	return unit_main("board", cases);
}
