/*
 * exporter.c -- trimalloc exporter: metrics of processes over HTTP.
 *
 * Each connection has a thread, so that health does not wait for a scrape; few
 * of them scrape at a time, each within one deadline for all processes
 * together. Nothing is kept between two scrapes.
 */
#include <errno.h>
#include <getopt.h>
#include <microhttpd.h>
#include <netdb.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "gather.h"
#include "metrics.h"
#include "tool.h"

#define SCRAPES_MAX    4
#define CONNECTIONS    64
#define IDLE_SECONDS   10
#define PORT_DEFAULT   "9497"
#define LISTEN_DEFAULT "127.0.0.1:" PORT_DEFAULT

static const char openmetrics_type[] =
	"application/openmetrics-text; version=1.0.0; charset=utf-8";
static const char prometheus_type[] =
	"text/plain; version=0.0.4; charset=utf-8";

struct exporter {
	int *pids;
	size_t npids;
	bool has_classes;
	double deadline;
	/* How many more may scrape now. */
	sem_t room;
};

/* A scrape's body, of malloc. */
static char *
scrape(struct exporter *e, enum metrics_form form, size_t *len)
{
	int64_t started = now_ms();
	struct metrics *m = metrics_new(e->has_classes);
	struct gathering g;
	char *body = NULL;
	FILE *out = must(open_memstream(&body, len));

	gather(&g, e->pids, e->npids, e->deadline);
	for (size_t i = 0; i < g.n; i++)
		metrics_add(m, &g.answers[i].target.proc, g.answers[i].json);
	metrics_add_scrape(m, g.n, g.nleft_out,
			   (double)(now_ms() - started) / 1000);
	gathering_free(&g);
	metrics_write(m, form, out);
	metrics_free(m);
	fclose(out);
	return must(body);
}

/* Takes `body`, of malloc. */
static enum MHD_Result
reply(struct MHD_Connection *connection, unsigned status, const char *type,
      char *body, size_t len)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		len, body, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (response == NULL) {
		free(body);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
					"GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
reply_text(struct MHD_Connection *connection, unsigned status, const char *text)
{
	char *copy = must(strdup(text));

	return reply(connection, status, "text/plain; charset=utf-8", copy,
		     strlen(copy));
}

static enum MHD_Result
reply_metrics(struct MHD_Connection *connection, struct exporter *e)
{
	const char *accept = MHD_lookup_connection_value(
		connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	bool is_open = accept != NULL &&
		       strstr(accept, "application/openmetrics-text") != NULL;
	size_t len;
	char *body;

	if (sem_trywait(&e->room) != 0)
		return reply_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				  "others are scraping: try again\n");
	body = scrape(e, is_open ? METRICS_OPENMETRICS : METRICS_PROMETHEUS,
		      &len);
	sem_post(&e->room);
	return reply(connection, MHD_HTTP_OK,
		     is_open ? openmetrics_type : prometheus_type, body, len);
}

static enum MHD_Result
handle(void *exporter, struct MHD_Connection *connection, const char *url,
       const char *method, const char *version UNUSED,
       const char *upload UNUSED, size_t *upload_size, void **state)
{
	static int seen;

	/* The first call is for the head alone. */
	if (*state == NULL) {
		*state = &seen;
		return MHD_YES;
	}
	/* A body is read to its end, and means nothing. */
	if (*upload_size > 0) {
		*upload_size = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return reply_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
				  "only GET and HEAD\n");
	if (strcmp(url, "/metrics") == 0)
		return reply_metrics(connection, exporter);
	if (strcmp(url, "/-/healthy") == 0)
		return reply_text(connection, MHD_HTTP_OK, "healthy\n");
	if (strcmp(url, "/") == 0)
		return reply_text(connection, MHD_HTTP_OK,
				  "trimalloc exporter " TRI_VERSION
				  ": see /metrics and /-/healthy\n");
	return reply_text(connection, MHD_HTTP_NOT_FOUND,
			  "there is /metrics and /-/healthy\n");
}

/* "127.0.0.1:9497", "[::1]:9497", ":9497" for all addresses, or a port. */
static struct addrinfo *
parse_listen(const char *word)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
				  .ai_socktype = SOCK_STREAM };
	struct addrinfo *address;
	char host[256];
	const char *colon = strrchr(word, ':');
	const char *begin = word[0] == '[' ? word + 1 : word;
	size_t n = colon == NULL ? 0 : (size_t)(colon - begin);
	int error;

	if (n > 0 && word[0] == '[' && colon[-1] == ']')
		n--;
	if (colon == NULL || n >= sizeof host || colon[1] == '\0')
		usage_error("--listen takes ADDRESS:PORT, as %s, not '%s'",
			    LISTEN_DEFAULT, word);
	snprintf(host, sizeof host, "%.*s", (int)n, begin);
	error = getaddrinfo(host[0] == '\0' ? NULL : host, colon + 1, &hints,
			    &address);
	if (error != 0)
		usage_error("--listen %s: %s", word, gai_strerror(error));
	return address;
}

static struct MHD_Daemon *
start(struct exporter *e, const struct addrinfo *address)
{
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO |
			 MHD_USE_THREAD_PER_CONNECTION |
			 (address->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0);

	return MHD_start_daemon(
		flags, 0, NULL, NULL, handle, e, MHD_OPTION_SOCK_ADDR,
		address->ai_addr, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)IDLE_SECONDS, MHD_OPTION_END);
}

/* Scrapes have many files open, where there are many processes. */
static void
raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int
serve(struct exporter *e, const char *listen)
{
	struct addrinfo *address = parse_listen(listen);
	struct MHD_Daemon *daemon;
	sigset_t ends;
	int number;

	sem_init(&e->room, 0, SCRAPES_MAX);
	raise_limit();
	/* Before there are threads: they shall not take these. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	daemon = start(e, address);
	freeaddrinfo(address);
	if (daemon == NULL) {
		say_error("is another one running? --listen takes another "
			  "ADDRESS:PORT",
			  "nothing can listen on %s: %m", listen);
		return FAILED;
	}
	fprintf(stderr, "trimalloc exporter: http://%.*s:%u/metrics\n",
		(int)(strrchr(listen, ':') - listen), listen,
		MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	sigwait(&ends, &number);
	MHD_stop_daemon(daemon);
	return DONE;
}

int
exporter_main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "pid", required_argument, NULL, 'p' },
		{ "classes", no_argument, NULL, 'c' },
		{ "deadline", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct exporter e = { .deadline = 2 };
	const char *listen = LISTEN_DEFAULT;
	int c, code;

	while ((c = command_option(argc, argv, "h", names)) != -1) {
		if (c == 'l') {
			listen = optarg;
		} else if (c == 'c') {
			e.has_classes = true;
		} else if (c == 'd') {
			e.deadline = parse_seconds(optarg, "--deadline");
		} else if (c == 'p') {
			if (e.npids == GATHER_MAX)
				usage_error("at most %d processes can be named",
					    GATHER_MAX);
			e.pids = must(realloc(e.pids,
					      (e.npids + 1) * sizeof *e.pids));
			e.pids[e.npids++] = parse_pid(optarg);
		}
	}
	if (optind < argc)
		usage_error("'%s' is one argument too many", argv[optind]);
	code = serve(&e, listen);
	free(e.pids);
	return code;
}
