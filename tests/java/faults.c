/*
 * faults.c -- native code with bugs, for Faults.java.
 */
#include <jni.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define BYTES   4000
#define NBLOCKS 200000

/* A guarded block: it alone has exactly as many bytes as were asked for. */
static volatile char *
guarded_block(void)
{
	static void *others[NBLOCKS];
	volatile char *p = NULL;
	int n = 0;

	while (p == NULL && n < NBLOCKS) {
		others[n] = malloc(BYTES);
		if (malloc_usable_size(others[n]) == BYTES)
			p = others[n];
		else
			n++;
	}
	while (n > 0)
		free(others[--n]);
	if (p == NULL)
		abort();
	return p;
}

JNIEXPORT void JNICALL Java_Faults_bug(JNIEnv *env, jclass class, jstring kind);

JNIEXPORT void JNICALL
Java_Faults_bug(JNIEnv *env, jclass class, jstring kind)
{
	const char *name = (*env)->GetStringUTFChars(env, kind, NULL);
	volatile char *p = guarded_block();

	(void)class;
	if (strcmp(name, "overflow") == 0) {
		/* On the next page, wherever on its own the block stands. */
		p[4096] = 1;
	} else if (strcmp(name, "underflow") == 0) {
		p[-4096] = 1;
	} else {
		free((void *)p);
		if (strcmp(name, "write") == 0)
			p[1000] = 1;
		if (strcmp(name, "read") == 0 && p[2000] == 1)
			abort();
		if (strcmp(name, "twice") == 0)
			free((void *)p);
	}
}
