/*
 * profiler.c -- an agent that loads a JVM with signals as a sampling profiler
 * does: each thread gets SIGPROF a thousand times a second, and the handler
 * walks the thread's stack.
 *
 * Above   tests/java/profiled.py
 * Lock    none; a thread's words are its own
 * Always  the walk reads the thread's own stack and nothing else, so a chain of
 *         frames that compiled code broke ends it and does no harm
 *
 * Says at the end "profiler: N samples, N frames".
 */
#include <jvmti.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define FRAMES_MAX 128

static _Thread_local uintptr_t stack_end;
static _Thread_local timer_t timer;
static _Thread_local int has_timer;
static _Atomic unsigned long nsamples, nframes;

#if defined(__x86_64__)

static uintptr_t
frame_of(const ucontext_t *u)
{
	return (uintptr_t)u->uc_mcontext.gregs[REG_RBP];
}

static uintptr_t
stack_of(const ucontext_t *u)
{
	return (uintptr_t)u->uc_mcontext.gregs[REG_RSP];
}

#else

static uintptr_t
frame_of(const ucontext_t *u)
{
	return (uintptr_t)u->uc_mcontext.regs[29];
}

static uintptr_t
stack_of(const ucontext_t *u)
{
	return (uintptr_t)u->uc_mcontext.sp;
}

#endif

static void
sample(int number, siginfo_t *info, void *context)
{
	uintptr_t low = stack_of(context), at = frame_of(context);
	unsigned long n = 0;

	(void)number;
	(void)info;
	while (n < FRAMES_MAX && at % sizeof(void *) == 0 && at >= low &&
	       at + 2 * sizeof(void *) <= stack_end) {
		low = at + 1;
		at = *(const uintptr_t *)at;
		n++;
	}
	nsamples++;
	nframes += n;
}

static void
begin_timer(void)
{
	struct itimerspec every = { { 0, 1000000 }, { 0, 1000000 } };
	struct sigevent event;

	memset(&event, 0, sizeof event);
	event.sigev_notify = SIGEV_THREAD_ID;
	event.sigev_signo = SIGPROF;
	event.sigev_notify_thread_id = (int)syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
		return;
	has_timer = 1;
	timer_settime(timer, 0, &every, NULL);
}

static void JNICALL
thread_begins(jvmtiEnv *env, JNIEnv *jni, jthread thread)
{
	pthread_attr_t attr;
	size_t bytes = 0;
	void *start = NULL;

	(void)env;
	(void)jni;
	(void)thread;
	if (pthread_getattr_np(pthread_self(), &attr) != 0)
		return;
	pthread_attr_getstack(&attr, &start, &bytes);
	pthread_attr_destroy(&attr);
	stack_end = (uintptr_t)start + bytes;
	begin_timer();
}

static void JNICALL
thread_ends(jvmtiEnv *env, JNIEnv *jni, jthread thread)
{
	(void)env;
	(void)jni;
	(void)thread;
	if (has_timer)
		timer_delete(timer);
	has_timer = 0;
}

static void JNICALL
vm_ends(jvmtiEnv *env, JNIEnv *jni)
{
	(void)env;
	(void)jni;
	printf("profiler: %lu samples, %lu frames\n", nsamples, nframes);
	fflush(stdout);
}

JNIEXPORT jint JNICALL
Agent_OnLoad(JavaVM *vm, char *options, void *reserved)
{
	struct sigaction action;
	jvmtiEventCallbacks calls;
	jvmtiEnv *env = NULL;

	(void)options;
	(void)reserved;
	memset(&action, 0, sizeof action);
	action.sa_sigaction = sample;
	action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
	sigaction(SIGPROF, &action, NULL);
	if ((*vm)->GetEnv(vm, (void **)&env, JVMTI_VERSION_1_2) != JNI_OK)
		return JNI_ERR;
	memset(&calls, 0, sizeof calls);
	calls.ThreadStart = thread_begins;
	calls.ThreadEnd = thread_ends;
	calls.VMDeath = vm_ends;
	(*env)->SetEventCallbacks(env, &calls, sizeof calls);
	(*env)->SetEventNotificationMode(env, JVMTI_ENABLE,
					 JVMTI_EVENT_THREAD_START, NULL);
	(*env)->SetEventNotificationMode(env, JVMTI_ENABLE,
					 JVMTI_EVENT_THREAD_END, NULL);
	(*env)->SetEventNotificationMode(env, JVMTI_ENABLE,
					 JVMTI_EVENT_VM_DEATH, NULL);
	return JNI_OK;
}
