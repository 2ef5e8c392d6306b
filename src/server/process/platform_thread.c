/*
 * platform_thread.c
 *		Runs functions that may block, in a thread of their own.
 */
#include "postgres.h"

#ifndef WIN32
#include <pthread.h>
#include <signal.h>
#endif

#include "utils/timestamp.h"

#include "server/process/platform_thread.h"
#include "server/process/wait.h"

#ifndef WIN32

/* What the caller and the thread share; the last of the two to use it frees it. */
typedef struct Aside
{
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool ended;
	bool abandoned;
	void (*body)(void *arg);
	void (*release)(void *arg);
	void *arg;
} Aside;

static void
free_aside(Aside *aside)
{
	pthread_cond_destroy(&aside->changed);
	pthread_mutex_destroy(&aside->mutex);
	free(aside);
}

static void *
run_body(void *arg)
{
	Aside *aside = arg;
	bool abandoned;

	aside->body(aside->arg);
	pthread_mutex_lock(&aside->mutex);
	aside->ended = true;
	abandoned = aside->abandoned;
	pthread_cond_signal(&aside->changed);
	pthread_mutex_unlock(&aside->mutex);
	if (abandoned)
	{
		aside->release(aside->arg);
		free_aside(aside);
	}
	return NULL;
}

/* Start a thread with all signals blocked: the server's handlers belong to its main thread. */
static bool
start_thread(Aside *aside)
{
	pthread_t thread;
	sigset_t all;
	sigset_t before;
	bool started;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	started = pthread_create(&thread, NULL, run_body, aside) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (started)
		pthread_detach(thread);
	return started;
}

/* Does body end within that time? */
static bool
ends_within(Aside *aside, long milliseconds)
{
	struct timespec until;
	bool ended;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += milliseconds * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&aside->mutex);
	while (!aside->ended && pthread_cond_timedwait(&aside->changed, &aside->mutex, &until) == 0)
		;
	ended = aside->ended;
	pthread_mutex_unlock(&aside->mutex);
	return ended;
}

/* Leave the thread on its own; false if body has just ended. */
static bool
abandon(Aside *aside)
{
	bool ended;

	pthread_mutex_lock(&aside->mutex);
	ended = aside->ended;
	aside->abandoned = !ended;
	pthread_mutex_unlock(&aside->mutex);
	return !ended;
}

bool
castssl_platform_run_aside(void (*body)(void *arg), void (*release)(void *arg), void *arg,
						   int timeout)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout);
	Aside *aside = malloc(sizeof(Aside));
	volatile bool ended = false;

	if (aside != NULL)
	{
		*aside = (Aside){ .body = body, .release = release, .arg = arg };
		pthread_mutex_init(&aside->mutex, NULL);
		pthread_cond_init(&aside->changed, NULL);
	}
	if (aside == NULL || !start_thread(aside))
	{
		/* LCOV_EXCL_START: out of memory or of threads */
		free(aside);
		body(arg);
		return true;
		/* LCOV_EXCL_STOP */
	}
	/* nearly all end at once; if not, barriers are processed between short waits */
	PG_TRY();
	{
		while (!(ended = ends_within(aside, 20)) && !castssl_is_canceled() &&
			   GetCurrentTimestamp() < deadline)
			(void) castssl_wait(0, PGINVALID_SOCKET, 0);
	}
	PG_FINALLY();
	{
		castssl_wait_end();
		if (ended || !abandon(aside))
		{
			free_aside(aside);
			if (!ended)
				release(arg);
		}
	}
	PG_END_TRY();
	return ended;
}

#else /* WIN32 */

bool
castssl_platform_run_aside(void (*body)(void *arg), void (*release)(void *arg), void *arg,
						   int timeout)
{
	body(arg);
	return true;
}

#endif
