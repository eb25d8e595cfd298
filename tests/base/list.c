/*
 * list.c -- lists and queues inside records.
 */
#include "base/list.h"
#include "unit.h"

#define N 4

struct record {
	int number;
	struct list_node link;
	struct queue_node queue_link;
};

static struct record r[N];

static void
expect_list(const struct list *l, size_t n, const int *numbers)
{
	struct list_node *prev = NULL, *node = l->first;

	for (size_t i = 0; i < n; i++) {
		assert_non_null(node);
		assert_int_equal(list_entry(node, struct record, link)->number,
				 numbers[i]);
		assert_ptr_equal(node->prev, prev);
		prev = node;
		node = node->next;
	}
	assert_null(node);
}

/* Forwards by next, and the last one is the last. */
static void
expect_queue(const struct queue *q, size_t n, const int *numbers)
{
	struct queue_node *prev = NULL, *node = q->first;

	for (size_t i = 0; i < n; i++) {
		assert_non_null(node);
		assert_int_equal(
			list_entry(node, struct record, queue_link)->number,
			numbers[i]);
		assert_ptr_equal(node->prev, prev);
		prev = node;
		node = node->next;
	}
	assert_null(node);
	assert_ptr_equal(q->last, prev);
}

static int
number(void **state)
{
	(void)state;
	memset(r, 0x5a, sizeof r);
	for (int i = 0; i < N; i++)
		r[i].number = i;
	return 0;
}

static struct list
list_of_four(void)
{
	struct list l = { NULL };

	for (size_t i = N; i-- > 0;)
		list_push(&l, &r[i].link);
	return l;
}

static struct queue
queue_of_four(void)
{
	struct queue q = { NULL, NULL };

	for (size_t i = 0; i < N; i++)
		queue_push_last(&q, &r[i].queue_link);
	return q;
}

static void
the_one_pushed_last_is_the_first(void **state)
{
	struct list l = list_of_four();

	(void)state;
	expect_list(&l, 4, (int[]){ 0, 1, 2, 3 });
}

static void
a_member_leaves_from_any_place(void **state)
{
	struct list l = list_of_four();

	(void)state;
	list_remove(&l, &r[1].link);
	expect_list(&l, 3, (int[]){ 0, 2, 3 });
	list_remove(&l, &r[0].link);
	expect_list(&l, 2, (int[]){ 2, 3 });
	list_remove(&l, &r[3].link);
	expect_list(&l, 1, (int[]){ 2 });
	list_remove(&l, &r[2].link);
	expect_list(&l, 0, NULL);
}

static void
a_member_that_left_may_come_back(void **state)
{
	struct list l = list_of_four();

	(void)state;
	list_remove(&l, &r[2].link);
	list_push(&l, &r[2].link);
	expect_list(&l, 4, (int[]){ 2, 0, 1, 3 });
}

static void
a_queue_takes_members_at_both_ends(void **state)
{
	struct queue q = { NULL, NULL };

	(void)state;
	queue_push_first(&q, &r[1].queue_link);
	expect_queue(&q, 1, (int[]){ 1 });
	queue_push_first(&q, &r[0].queue_link);
	queue_push_last(&q, &r[2].queue_link);
	expect_queue(&q, 3, (int[]){ 0, 1, 2 });
}

static void
a_queue_of_zeros_is_empty_for_both_ends(void **state)
{
	struct queue q = { NULL, NULL };

	(void)state;
	expect_queue(&q, 0, NULL);
	queue_push_last(&q, &r[3].queue_link);
	expect_queue(&q, 1, (int[]){ 3 });
}

static void
a_member_leaves_a_queue_from_any_place(void **state)
{
	struct queue q = queue_of_four();

	(void)state;
	queue_remove(&q, &r[3].queue_link);
	expect_queue(&q, 3, (int[]){ 0, 1, 2 });
	queue_remove(&q, &r[1].queue_link);
	expect_queue(&q, 2, (int[]){ 0, 2 });
	queue_remove(&q, &r[0].queue_link);
	expect_queue(&q, 1, (int[]){ 2 });
	queue_remove(&q, &r[2].queue_link);
	expect_queue(&q, 0, NULL);
}

static void
the_first_moved_to_the_end_lets_each_have_its_turn(void **state)
{
	struct queue q = queue_of_four();

	(void)state;
	for (int turn = 0; turn < 2 * N; turn++) {
		struct queue_node *n = q.first;

		assert_int_equal(
			list_entry(n, struct record, queue_link)->number,
			turn % N);
		queue_remove(&q, n);
		queue_push_last(&q, n);
	}
	expect_queue(&q, 4, (int[]){ 0, 1, 2, 3 });
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, number)
	const struct CMUnitTest tests[] = {
		TEST(the_one_pushed_last_is_the_first),
		TEST(a_member_leaves_from_any_place),
		TEST(a_member_that_left_may_come_back),
		TEST(a_queue_takes_members_at_both_ends),
		TEST(a_queue_of_zeros_is_empty_for_both_ends),
		TEST(a_member_leaves_a_queue_from_any_place),
		TEST(the_first_moved_to_the_end_lets_each_have_its_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
