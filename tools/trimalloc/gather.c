/*
 * gather.c -- see gather.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "gather.h"
#include "tool.h"

/* Connects, and sends the request as far as it goes. */
static void
begin(struct answer *a, int pid)
{
	target_look(&a->target, pid);
	a->target.proc.pid = pid;
	if (a->target.problem != DONE)
		return;
	link_ask(&a->target.link, "stats json");
	link_step(&a->target.link);
}

/* What came, or why nothing did. Closes the connection. */
static void
end(struct answer *a, double seconds)
{
	struct link *l = &a->target.link;

	if (a->target.problem != DONE)
		return;
	if (link_wants(l) != 0) {
		l->state = LINK_BROKEN;
		l->error = ETIMEDOUT;
	}
	if (l->state == LINK_READY && l->answer != NULL)
		a->json = json_loadb(l->answer, l->len, 0, NULL);
	if (l->state == LINK_READY && !json_is_object(a->json)) {
		json_decref(a->json);
		a->json = NULL;
		l->state = LINK_BROKEN;
		l->error = l->word[0] != '\0' ? EBUSY : EPROTO;
	}
	if (l->state == LINK_BROKEN)
		target_broken(&a->target, seconds, 0);
	link_close(l);
}

/* One turn of waiting; false: nobody is waited for any more. */
static bool
turn(struct gathering *g, struct pollfd *polled, int64_t deadline)
{
	int64_t left = deadline - now_ms();
	bool waits = false;

	for (size_t i = 0; i < g->n; i++) {
		const struct answer *a = &g->answers[i];
		short wants = a->target.problem == DONE
				      ? link_wants(&a->target.link)
				      : 0;

		polled[i].fd = wants == 0 ? -1 : a->target.link.fd;
		polled[i].events = wants;
		polled[i].revents = 0;
		waits |= wants != 0;
	}
	if (!waits || left <= 0)
		return false;
	poll(polled, g->n, (int)left);
	for (size_t i = 0; i < g->n; i++) {
		if (polled[i].revents != 0)
			link_step(&g->answers[i].target.link);
	}
	return true;
}

static void
add(struct gathering *g, int pid)
{
	if (g->n == GATHER_MAX) {
		g->nleft_out++;
		return;
	}
	begin(&g->answers[g->n++], pid);
}

void
gather(struct gathering *g, const int *pids, size_t npids, double seconds)
{
	int64_t deadline = now_ms() + (int64_t)(seconds * 1000);
	struct pollfd *polled = must(calloc(GATHER_MAX, sizeof *polled));
	int *all = NULL;
	size_t n = npids == 0 ? proc_list(&all) : npids;

	memset(g, 0, sizeof *g);
	g->answers = must(calloc(GATHER_MAX, sizeof *g->answers));
	for (size_t i = 0; i < n; i++) {
		if (npids > 0)
			add(g, pids[i]);
		else if (proc_has_library(all[i]) == 1)
			add(g, all[i]);
	}
	while (turn(g, polled, deadline))
		;
	for (size_t i = 0; i < g->n; i++)
		end(&g->answers[i], seconds);
	free(polled);
	free(all);
}

void
gathering_free(struct gathering *g)
{
	for (size_t i = 0; i < g->n; i++) {
		json_decref(g->answers[i].json);
		target_close(&g->answers[i].target);
	}
	free(g->answers);
	memset(g, 0, sizeof *g);
}
