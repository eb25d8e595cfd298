/*
 * screen.c -- see screen.h.
 *
 * A thread gathers, so that keys are answered while a process hangs; it hands
 * over what it has by a mutex and a byte in a pipe. All drawing is done by the
 * first thread.
 */
#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "screen.h"

/* For the answers of all processes together. */
#define DEADLINE_SECONDS 1.0

struct gatherer {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wakes; /* by the monotonic clock */
	bool ends;
	double delay;
	int pid; /* of the command line; 0: all */
	bool has_news;
	struct gathering news;
	int pipe[2];
};

struct screen {
	struct view *view;
	struct gatherer *gatherer;
	struct gathering now;
	struct history history;
	struct frame frame;
	int selected;  /* a pid; 0: the first row */
	size_t top;    /* the first line shown below the head */
	bool is_alone; /* started for one process */
	char *status;
};

/* Waits, under the mutex, for the delay or the end. */
static void
pause_locked(struct gatherer *g)
{
	struct timespec until;
	int64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &until);
	ns = until.tv_nsec + (int64_t)(g->delay * 1e9);
	until.tv_sec += ns / 1000000000;
	until.tv_nsec = ns % 1000000000;
	while (!g->ends &&
	       pthread_cond_timedwait(&g->wakes, &g->mutex, &until) == 0)
		;
}

static void *
gatherer_main(void *argument)
{
	struct gatherer *g = argument;
	bool ends = false;

	while (!ends) {
		struct gathering news;

		gather(&news, &g->pid, g->pid != 0, DEADLINE_SECONDS);
		pthread_mutex_lock(&g->mutex);
		if (g->has_news)
			gathering_free(&g->news);
		g->news = news;
		g->has_news = true;
		/* A full pipe is as good. */
		if (write(g->pipe[1], "", 1) < 0 && errno == EPIPE)
			g->ends = true;
		pause_locked(g);
		ends = g->ends;
		pthread_mutex_unlock(&g->mutex);
	}
	return NULL;
}

static bool
gatherer_start(struct gatherer *g)
{
	pthread_condattr_t monotonic;

	if (pipe2(g->pipe, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	pthread_mutex_init(&g->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&g->wakes, &monotonic);
	return pthread_create(&g->thread, NULL, gatherer_main, g) == 0;
}

static void
gatherer_end(struct gatherer *g)
{
	pthread_mutex_lock(&g->mutex);
	g->ends = true;
	pthread_cond_signal(&g->wakes);
	pthread_mutex_unlock(&g->mutex);
	pthread_join(g->thread, NULL);
	if (g->has_news)
		gathering_free(&g->news);
}

/* Takes over what was gathered, if there is something new. */
static void
take_news(struct screen *s)
{
	struct gatherer *g = s->gatherer;
	char bytes[64];

	while (read(g->pipe[0], bytes, sizeof bytes) > 0)
		;
	pthread_mutex_lock(&g->mutex);
	if (g->has_news) {
		gathering_free(&s->now);
		s->now = g->news;
		g->has_news = false;
		history_add(&s->history, &s->now);
	}
	pthread_mutex_unlock(&g->mutex);
}

static int
attributes(enum ink ink)
{
	switch (ink) {
	case BOLD:
		return (int)A_BOLD;
	case DIM:
		return (int)A_DIM;
	case RED:
	case GREEN:
	case YELLOW:
		return has_colors() ? (int)COLOR_PAIR((int)ink) : 0;
	default:
		return 0;
	}
}

static void
put_line(const struct screen *s, int y, const struct line *line)
{
	char *text = fit(line->text, COLS);
	bool is_chosen = line->pid != 0 && line->pid == s->selected;

	attrset(attributes(line->ink) | (is_chosen ? (int)A_REVERSE : 0));
	mvaddstr(y, 0, text);
	attrset(A_NORMAL);
	free(text);
}

/* The place of the selected row in the frame; the first row's if it is gone. */
static size_t
selected_line(struct screen *s)
{
	const struct frame *f = &s->frame;

	for (size_t i = f->nhead; i < f->n; i++) {
		if (f->lines[i].pid != 0 && f->lines[i].pid == s->selected)
			return i;
	}
	s->selected = f->n > f->nhead ? f->lines[f->nhead].pid : 0;
	return f->nhead;
}

/* Lines below the head, and above the line of keys. */
static size_t
page_lines(const struct screen *s)
{
	size_t used = s->frame.nhead + 1;

	return (size_t)LINES > used ? (size_t)LINES - used : 1;
}

static void
scroll_to_selected(struct screen *s)
{
	size_t page = page_lines(s), rows = s->frame.n - s->frame.nhead;
	size_t at = selected_line(s) - s->frame.nhead;

	if (s->view->tab == TAB_LIST && at < s->top)
		s->top = at;
	if (s->view->tab == TAB_LIST && at >= s->top + page)
		s->top = at - page + 1;
	if (s->top + page > rows)
		s->top = rows > page ? rows - page : 0;
}

static const char *
key_line(const struct screen *s)
{
	if (s->status != NULL)
		return s->status;
	return s->view->tab == TAB_LIST
		       ? "q quit  up/down choose  Enter look into  s sort  r "
			 "reverse  t trim"
		       : "q quit  Esc back  Tab or 1-4 summary, arenas, "
			 "classes, threads  t trim";
}

static void
draw(struct screen *s)
{
	const struct frame *f = &s->frame;
	int y = 0;
	struct line keys = { NULL, BOLD, 0 };

	frame_free(&s->frame);
	s->view->columns = (unsigned)COLS;
	frame_draw(&s->frame, s->view, &s->now, &s->history);
	scroll_to_selected(s);
	erase();
	for (size_t i = 0; i < f->nhead && y < LINES - 1; i++)
		put_line(s, y++, &f->lines[i]);
	for (size_t i = f->nhead + s->top; i < f->n && y < LINES - 1; i++)
		put_line(s, y++, &f->lines[i]);
	keys.text = must(strdup(key_line(s)));
	put_line(s, LINES - 1, &keys);
	free(keys.text);
	refresh();
}

static void
move_by(struct screen *s, long rows)
{
	const struct frame *f = &s->frame;
	size_t at = selected_line(s), last = f->n > 0 ? f->n - 1 : 0;

	if (s->view->tab != TAB_LIST) {
		s->top = rows < 0 && s->top < (size_t)-rows
				 ? 0
				 : s->top + (size_t)rows;
		return;
	}
	at = rows < 0 && at - f->nhead < (size_t)-rows ? f->nhead
						       : at + (size_t)rows;
	at = at > last ? last : at;
	s->selected = f->n > 0 ? f->lines[at].pid : 0;
}

static void
enter(struct screen *s)
{
	if (s->view->tab != TAB_LIST || s->selected == 0)
		return;
	s->view->pid = s->selected;
	s->view->tab = TAB_SUMMARY;
	s->top = 0;
}

static void
leave(struct screen *s)
{
	if (s->is_alone)
		return;
	s->view->tab = TAB_LIST;
	s->top = 0;
}

/* Trims what is chosen, and says what that gave. */
static void
trim_chosen(struct screen *s)
{
	int pid = s->view->tab == TAB_LIST ? s->selected : s->view->pid;
	struct target t;
	char buf[32];

	if (pid == 0)
		return;
	target_look(&t, pid);
	free(s->status);
	if (t.problem == DONE &&
	    !link_call(&t.link, "trim",
		       now_ms() + (int64_t)(DEADLINE_SECONDS * 1000)))
		target_broken(&t, DEADLINE_SECONDS, 0);
	if (t.problem != DONE)
		s->status = must(strdup(t.sentence));
	else if (t.link.word[0] != '\0')
		s->status = must(strdup(t.link.sentence));
	else
		s->status = format_string(
			"process %d gave back %s", pid,
			human_bytes(strtod(t.link.answer +
						   strcspn(t.link.answer, " "),
					   NULL),
				    buf, sizeof buf));
	target_close(&t);
}

static void
tab_to(struct screen *s, enum tab tab)
{
	if (s->view->tab == TAB_LIST)
		return;
	s->view->tab = tab;
	s->top = 0;
}

/* false: the end. */
static bool
take_key(struct screen *s, int key)
{
	free(s->status);
	s->status = NULL;
	if (key == 'q' || key == 'Q')
		return false;
	if (key == KEY_UP || key == 'k')
		move_by(s, -1);
	else if (key == KEY_DOWN || key == 'j')
		move_by(s, 1);
	else if (key == KEY_PPAGE)
		move_by(s, -(long)page_lines(s));
	else if (key == KEY_NPAGE)
		move_by(s, (long)page_lines(s));
	else if (key == '\n' || key == '\r' || key == KEY_ENTER ||
		 key == KEY_RIGHT)
		enter(s);
	else if (key == 27 || key == KEY_BACKSPACE || key == KEY_LEFT)
		leave(s);
	else if (key == '\t')
		tab_to(s, s->view->tab == TAB_THREADS ? TAB_SUMMARY
						      : s->view->tab + 1);
	else if (key >= '1' && key <= '4')
		tab_to(s, TAB_SUMMARY + (enum tab)(key - '1'));
	else if (key == 's')
		s->view->sort = (s->view->sort + 1) % NCOLUMNS;
	else if (key == 'r')
		s->view->is_reversed = !s->view->is_reversed;
	else if (key == 't')
		trim_chosen(s);
	return true;
}

static volatile sig_atomic_t is_asked_to_end;

static void
on_end(int number UNUSED)
{
	is_asked_to_end = 1;
}

/* Until the user or a signal ends it, or the terminal is gone. */
static void
loop(struct screen *s)
{
	struct pollfd polled[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
				    { .fd = s->gatherer->pipe[0],
				      .events = POLLIN } };
	int key;

	while (!is_asked_to_end) {
		draw(s);
		/* A signal, as of another size, ends the wait. */
		if (poll(polled, 2, -1) > 0 &&
		    (polled[0].revents & (POLLHUP | POLLERR)) != 0)
			return;
		while ((key = getch()) != ERR) {
			if (!take_key(s, key))
				return;
		}
		take_news(s);
	}
}

static bool
open_terminal(void)
{
	struct sigaction action = { .sa_handler = on_end };
	const char *no = getenv("NO_COLOR");

	if (newterm(NULL, stdout, stdin) == NULL)
		return false;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	if ((no == NULL || no[0] == '\0') && start_color() == OK) {
		use_default_colors();
		init_pair(RED, COLOR_RED, -1);
		init_pair(GREEN, COLOR_GREEN, -1);
		init_pair(YELLOW, COLOR_YELLOW, -1);
	}
	return true;
}

int
screen_run(struct view *v, double delay)
{
	struct gatherer g = { .delay = delay, .pid = v->pid };
	struct screen s = { .view = v, .gatherer = &g };
	const char *term = getenv("TERM");

	s.is_alone = v->pid != 0;
	if (!open_terminal()) {
		say_error("set TERM to what the terminal is, as xterm; "
			  "trimalloc top --once needs none",
			  "the terminal '%s' is not known",
			  term == NULL ? "" : term);
		return FAILED;
	}
	if (!gatherer_start(&g)) {
		endwin();
		say_error("try again", "no thread can be started: %m");
		return FAILED;
	}
	loop(&s);
	gatherer_end(&g);
	endwin();
	frame_free(&s.frame);
	gathering_free(&s.now);
	history_free(&s.history);
	free(s.status);
	return DONE;
}
