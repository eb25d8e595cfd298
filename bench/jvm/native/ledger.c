/*
 * ledger.c -- the bytes that glibc's malloc has handed out, but for mapped blocks.
 *
 * Above   Ledger.java, in a JVM whose malloc is glibc's
 * Lock    none of ours: mallinfo2 takes that of the arena
 */
#include <jni.h>
#include <malloc.h>

JNIEXPORT jlong JNICALL
Java_Ledger_usedBytes(JNIEnv *env, jclass class)
{
	(void)env;
	(void)class;
	return (jlong)mallinfo2().uordblks;
}
