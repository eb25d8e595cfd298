/*
 * broken.c -- native code that breaks the heap (Broken.java).
 */
#include <jni.h>
#include <malloc.h>
#include <stdlib.h>

static void *
hide(void *p)
{
	__asm__ volatile("" : "+r"(p) : : "memory");
	return p;
}

JNIEXPORT void JNICALL
Java_Broken_freeTwice(JNIEnv *env, jclass cls)
{
	void *p = hide(malloc(100));

	(void)env, (void)cls;
	free(p);
	free(hide(p));
}

JNIEXPORT void JNICALL
Java_Broken_writeBehind(JNIEnv *env, jclass cls)
{
	char *p = hide(malloc(100));

	(void)env, (void)cls;
	p[100] = 0;
	free(hide(p));
}

JNIEXPORT void JNICALL
Java_Broken_writeAfterFree(JNIEnv *env, jclass cls)
{
	char *p = hide(malloc(100));

	(void)env, (void)cls;
	free(p);
	((char *)hide(p))[8] = 0;
	malloc_trim(0);
}
