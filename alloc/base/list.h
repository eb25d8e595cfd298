/*
 * list.h -- doubly linked lists inside records; an all-zero head is empty.
 *
 * Above   chunks, slabs, caches
 * Lock    the list's owner
 * Always  first->prev is NULL; a node that is on no list has on == false in
 *         its owner's record (a node does not know)
 *
 * Zero means empty so that tables of lists can lie in .bss untouched.
 */
#ifndef TRI_BASE_LIST_H
#define TRI_BASE_LIST_H

#include "base.h"

struct list_node {
	struct list_node *next, *prev;
};

struct list {
	struct list_node *first;
};

#define list_entry(node, type, member) \
	((type *)(void *)((char *)(node)-offsetof(type, member)))

ALWAYS_INLINE void
list_push(struct list *l, struct list_node *n)
{
	n->prev = NULL;
	n->next = l->first;
	if (l->first != NULL)
		l->first->prev = n;
	l->first = n;
}

ALWAYS_INLINE void
list_remove(struct list *l, struct list_node *n)
{
	if (n->prev != NULL)
		n->prev->next = n->next;
	else
		l->first = n->next;
	if (n->next != NULL)
		n->next->prev = n->prev;
}

/*
 * A queue: as a list, with a tail, so that its members can be visited in turn
 * by moving each to the end.
 */
struct queue_node {
	struct queue_node *next, *prev;
};

struct queue {
	struct queue_node *first, *last;
};

ALWAYS_INLINE void
queue_push_first(struct queue *q, struct queue_node *n)
{
	n->prev = NULL;
	n->next = q->first;
	*(q->first != NULL ? &q->first->prev : &q->last) = n;
	q->first = n;
}

ALWAYS_INLINE void
queue_push_last(struct queue *q, struct queue_node *n)
{
	n->next = NULL;
	n->prev = q->last;
	*(q->last != NULL ? &q->last->next : &q->first) = n;
	q->last = n;
}

ALWAYS_INLINE void
queue_remove(struct queue *q, struct queue_node *n)
{
	*(n->prev != NULL ? &n->prev->next : &q->first) = n->next;
	*(n->next != NULL ? &n->next->prev : &q->last) = n->prev;
}

#endif
